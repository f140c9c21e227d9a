"""People without an order ask to be told when something is back, and are told in the order in which they asked.

Paid orders that wait come first: nobody is told of a unit before the last of them is served. Of what is free then, as many are told as
there are units, so that none comes in vain; the next ones a while later, if there is still something.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from holdfast.kernel.ids import derived_id
from holdfast.kernel.model import Model
from holdfast.notifications import keys, rules
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import Notice, Status, Wish
from holdfast.notifications.ports import Customers, Messages, Notifications, Suppressions, Wishes
from holdfast.notifications.refusals import InStock

MESSAGE = "back_in_stock"
"""Kind of the message that has people told."""
MOST = 10_000
"""People who wait for one SKU. The count is kept in parts, so it may be full a little earlier."""
EACH = 25
"""SKUs of a shop that one person waits for: whoever writes down somebody else's address cannot have him flooded."""
KEPT = timedelta(days=180)
"""A wish. Whoever has waited so long has bought elsewhere, and would wonder at the mail."""
SWEPT = 100
"""Old wishes of a part of the index that one sweep drops."""
ROUND = 100
"""People that are told by one message: it takes seconds, and has to be done within a visibility time."""
LOOKED_AT = 2 * ROUND
"""Of those who were told last."""
PAUSE = timedelta(minutes=15)
"""Those who were told go first for so long."""
IDLE = 8
"""Times that it is looked again while all units are held: a hold may still be given up. After that the next restock does it."""


class Book(Wishes, Suppressions, Customers, Notifications, Protocol):
    """Who asked, who may not be written to, and who was told."""


class Told(Model):
    """`told`: people. `again`: it will be looked again later."""

    told: int
    again: bool


def ask(wish: Wish, *, free: int, book: Book) -> None:
    """Once per address and SKU, and of so many SKUs. Whether the address may be written to, has asked before, or waits for enough already,
    is told to nobody. InStock, TooManyWishes.
    """
    if free > 0:
        raise InStock("There is nothing to wait for: it can be had now.", available=free)
    if _unwanted(wish, book):
        return
    book.add_wish(wish, MOST, EACH)


def tell_back(
    shop: str,
    sku: str,
    free: int,
    *,
    book: Book,
    tell: Callable[[Notice], object],
    messages: Messages,
    now: datetime,
    idle: int = 0,
    off: bool = False,
) -> Told:
    """`free`: units that a buyer could have now. Told first and dropped after: whoever does it again tells nobody twice, because the
    same wish makes the same notification. `idle`: how often nothing was free in a row. `off`: the shop does not send this message. Then
    people wait on: whoever is dropped untold hears of nothing when it is sent again.
    """
    if off:
        return Told(told=0, again=False)
    waiting = book.wishes(shop, sku, ROUND + 1)
    asked = [wish for wish in waiting if not _old(wish, now)]
    for wish in waiting[: len(waiting) - len(asked)]:
        book.drop_wish(wish)
    share = max(0, min(free - _promised(shop, sku, asked, book, now), ROUND)) if asked else 0
    for wish in asked[:share]:
        tell(_notice(wish))
        book.drop_wish(wish)
    more = len(waiting) > ROUND or len(asked) > share
    again = more and (share > 0 or len(asked) < len(waiting) or idle < IDLE)
    if again:
        messages.send(message(shop, sku, idle=0 if share else idle + 1), delay=PAUSE)
    return Told(told=min(share, len(asked)), again=again)


def sweep(*, book: Wishes, now: datetime) -> int:
    """Old wishes of SKUs that never came back, which count against those who made them. How many were dropped."""
    old = [wish for part in range(keys.WISH_PARTS) for wish in book.old_wishes(part, now - KEPT, SWEPT)]
    for wish in old:
        book.drop_wish(wish)
    return len(old)


def _old(wish: Wish, now: datetime) -> bool:
    return wish.at < now - KEPT


def _promised(shop: str, sku: str, asked: Sequence[Wish], book: Book, now: datetime) -> int:
    """Units that others were told of a moment ago: two restocks in a row are no reason to tell of the first one twice. Who was told by a
    worker that died before he could drop the wish is told by this one, and is not counted.
    """
    mine = {_notice(wish).event for wish in asked}
    told = [row for row in book.of_subject(shop, sku, LOOKED_AT) if row.notice.kind is Kind.BACK_IN_STOCK and row.resent_of is None]
    in_vain = {*rules.BAD, Status.SKIPPED}
    return sum(row.created_at > now - PAUSE and row.status not in in_vain and row.notice.event not in mine for row in told)


def message(shop: str, sku: str, *, idle: int = 0) -> Mapping[str, Any]:
    return {"kind": MESSAGE, "shop": shop, "sku": sku, "idle": idle}


def _unwanted(wish: Wish, book: Book) -> bool:
    """It could not be sent. Nobody else may switch on again what he has switched off: anyone can write down his address."""
    chosen = book.preferences(wish.shop, wish.customer)
    switched_off = chosen is not None and Topic.BACK_IN_STOCK in chosen.off
    return switched_off or book.suppression(wish.shop, Channel.EMAIL, wish.email) is not None


def _notice(wish: Wish) -> Notice:
    """Its event is derived from the wish: one wish is told once, and a later one of the same person is another."""
    return Notice(
        shop=wish.shop,
        event=derived_id("evt", wish.at, "wish", wish.shop, wish.sku, wish.customer),
        kind=Kind.BACK_IN_STOCK,
        at=wish.at,
        subject=wish.sku,
        data={"sku": wish.sku, "email": wish.email, "customer": wish.customer, "language": wish.language},
    )
