"""People without an order ask to be told when something is back, and are told in the order in which they asked.

Paid orders that wait come first: nobody is told of a unit before the last of them is served. Of what is free then, as many are told as
there are units, so that none comes in vain; the next ones a while later, if there is still something.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from holdfast.kernel.ids import derived_id
from holdfast.kernel.model import Model
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import Notice, Wish
from holdfast.notifications.ports import Customers, Messages, Suppressions, Wishes
from holdfast.notifications.refusals import InStock

MESSAGE = "back_in_stock"
"""Kind of the message that has people told."""
MOST = 10_000
"""People who wait for one SKU. The count is kept in parts, so it may be full a little earlier."""
ROUND = 100
"""People that are told by one message: it takes seconds, and has to be done within a visibility time."""
PAUSE = timedelta(minutes=15)
"""Those who were told go first for so long."""
IDLE = 8
"""Times that it is looked again while all units are held: a hold may still be given up. After that the next restock does it."""


class Book(Wishes, Suppressions, Customers, Protocol):
    """Who asked, and who may not be written to."""


class Told(Model):
    """`told`: people. `again`: it will be looked again later."""

    told: int
    again: bool


def ask(wish: Wish, *, free: int, book: Book) -> None:
    """Once per address and SKU. Whether the address may be written to, or has asked before, is told to nobody. InStock, TooManyWishes."""
    if free > 0:
        raise InStock("There is nothing to wait for: it can be had now.", available=free)
    if _unwanted(wish, book):
        return
    book.add_wish(wish, MOST)


def tell_back(shop: str, sku: str, free: int, *, book: Book, tell: Callable[[Notice], object], messages: Messages, idle: int = 0) -> Told:
    """`free`: units that a buyer could have now. Told first and dropped after: whoever does it again tells nobody twice, because the
    same wish makes the same notification. `idle`: how often nothing was free in a row.
    """
    share = max(0, min(free, ROUND))
    asked = book.wishes(shop, sku, share + 1)
    for wish in asked[:share]:
        tell(_notice(wish))
        book.drop_wish(wish)
    again = len(asked) > share and (share > 0 or idle < IDLE)
    if again:
        messages.send(message(shop, sku, idle=0 if share else idle + 1), delay=PAUSE)
    return Told(told=min(share, len(asked)), again=again)


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
