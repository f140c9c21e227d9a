"""What staff see of a message before it goes: as its recipient would get it, without what only he may have.

Keys are not even opened, and links have no token: who may look at messages must not get at what they open.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast.fulfilment.handing import handed
from holdfast.fulfilment.model import DeliveredKey, total
from holdfast.fulfilment.ports import FulfilmentStore
from holdfast.kernel.time import Clock
from holdfast.notifications.ports import Customers
from holdfast.notifications.refusals import TemplateBroken
from holdfast.orders.ports import Orders
from holdfast.tenants.model import Shop
from holdfast.wiring.letters import LetterWriter, Links, look
from holdfast.wiring.search import given_to

if TYPE_CHECKING:
    from holdfast.catalogue.model import Product
    from holdfast.notifications.kinds import Kind
    from holdfast.notifications.model import Mail, Notification

HIDDEN = "••••-••••-••••"
_LOCKED = "hidden"


def of_sample(kind: "Kind", shop: Shop, language: str) -> "Mail":
    """The message with the shop's own looks, as if something had happened."""
    from holdfast.notifications.previewing import preview  # pages of mail: few requests want them

    return preview(kind, look(shop), language)


def of_notification(row: "Notification", writer: LetterWriter) -> "Mail | None":
    """As it would go now; None when there is nothing to tell any more. TemplateBroken."""
    from jinja2 import TemplateError

    from holdfast.notifications.render import render

    letter = writer.letter(row)
    try:
        return render(letter) if letter else None
    except TemplateError as error:
        raise TemplateBroken("The words of this message cannot be made.", kind=row.notice.kind) from error


def blind_writer(
    *,
    orders: Orders,
    store: FulfilmentStore,
    product: "Callable[[str, str], Product | None]",
    shop: Callable[[str], Shop],
    customers: Customers,
    storefront_url: str,
    clock: Clock,
) -> LetterWriter:
    """A writer who knows how many keys there are, and none of them."""

    def keys(shop: str, order: str, wave: int) -> list[DeliveredKey]:
        given = given_to(orders, shop, order)
        made = [one for one in handed(shop, order, given, vaults=store.vaults, queues=store.queues) if one.wave == wave]
        return [DeliveredKey(id="", sku=one.sku, key=HIDDEN, delivered_at=one.at) for one in made for _ in range(total(one.places))]

    def no_token(*_: str) -> str:
        return _LOCKED

    links = Links(storefront_url=storefront_url, api_url="", order=no_token, checkout=no_token, preferences=no_token, unsubscribe=no_token)
    return LetterWriter(
        orders=orders,
        keys=keys,
        product=product,
        shop=shop,
        preferences=customers.preferences,
        links=links,
        texts=False,
        clock=clock,
    )
