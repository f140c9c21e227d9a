"""Orders, keys and shops, as a mail tells of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.kernel.money import Money, decimals, written
from holdfast.orders import ports as orders_ports
from holdfast.orders import rules
from holdfast.orders.model import Order, Status
from holdfast.tenants.model import Shop

if TYPE_CHECKING:
    from holdfast.fulfilment.model import DeliveredKey
    from holdfast.notifications.model import Letter, LetterLine

PAYMENT_FAILED = "payment_failed"


@dataclass(frozen=True)
class LettersOfOrders:
    """`notifications.ports.Letters`. `keys` answers the keys of one hand-out, `token` the order's token, `checkout` its checkout's."""

    orders: orders_ports.Orders
    keys: Callable[[str, str, int], "Sequence[DeliveredKey]"]
    shop: Callable[[str], Shop]
    token: Callable[[str, str], str]
    checkout: Callable[[str, str], str]
    storefront_url: str

    def write(self, shop: str, order: str, template: str, data: dict[str, Any], reason: str | None) -> "Letter | None":
        from holdfast.notifications.model import Letter, LetterKey

        found = self.orders.get(shop, order)
        if found is None or found.email is None or (template == PAYMENT_FAILED and found.status is not Status.PAYMENT_FAILED):
            return None  # a good card may have followed before the mail went
        wave = data.get("wave")
        keys = self.keys(shop, order, wave) if wave is not None else []
        return Letter(
            template=template,
            to=found.email,
            shop_name=self.shop(shop).name,
            number=found.number,
            order_url=f"{self.storefront_url}/shops/{shop}/orders/{order}?token={self.token(shop, order)}",
            retry_url=f"{self.storefront_url}/shops/{shop}/checkout-sessions/{found.session}?token={self.checkout(shop, found.session)}",
            lines=tuple(_lines(found, data)),
            keys=tuple(LetterKey(title=found.line(key.sku).title, key=key.key) for key in keys),
            total=spoken(found.totals.total),
            money=spoken(Money(amount=data["amount"], currency=data["currency"]) if "amount" in data else found.totals.total),
            complete=bool(data.get("complete", True)),
            paid=bool(data.get("paid")),
            outcome=data.get("outcome"),
            reason=reason,
        )


def _lines(order: Order, data: dict[str, Any]) -> "Iterator[LetterLine]":
    """As they were when it happened, where the event says so: a late mail must not tell of a later state.

    Of a refund the event's `lines` are units per SKU, and nothing else.
    """
    from holdfast.notifications.model import LetterLine

    lines = data.get("lines", [])
    then = {line["sku"]: line for line in lines} if isinstance(lines, list) else {}
    refunded = lines if isinstance(lines, dict) else data.get("refunded", {})
    for line in order.lines:
        told = then.get(line.sku, {"fulfilled": line.fulfilled, "owed": rules.owed(order, line)})
        yield LetterLine(
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            fulfilled=told["fulfilled"],
            owed=told["owed"],
            refunded=refunded.get(line.sku, 0),
        )


def spoken(money: Money) -> str:
    """`19.99 EUR`: with the currency's own number of decimals, in one form for every language."""
    return f"{written(money.amount, decimals(money.currency))} {money.currency}"
