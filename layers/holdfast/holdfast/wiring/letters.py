"""Who is told, and of what: orders, keys, products and shops, as messages need them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.model import Product
from holdfast.kernel.time import Clock
from holdfast.notifications.kinds import MANNERS, OPTIONAL, Audience, Channel, Kind, switched_off
from holdfast.notifications.letter import DeadLetter, Digest, Letter, Look, LowStock
from holdfast.notifications.model import Notice, Notification, Preferences, Recipient
from holdfast.orders import ports as orders_ports
from holdfast.orders import rules
from holdfast.orders.model import Order
from holdfast.tenants.model import Shop
from holdfast.wiring import order_letters

if TYPE_CHECKING:
    from holdfast.fulfilment.model import DeliveredKey

CHECKOUT_AGAIN = frozenset({Kind.PAYMENT_FAILED, Kind.HOLD_EXPIRING})
"""Their button leads back to the checkout."""


def look(shop: Shop) -> Look:
    brand = shop.brand
    return Look(
        name=shop.name,
        logo_url=brand.logo_url,
        color=brand.color,
        sender_name=brand.sender_name,
        reply_to=brand.reply_to,
        legal=brand.legal,
        promised_hours=shop.waiting.promised_hours,
    )


@dataclass(frozen=True)
class Links:
    """Addresses that open what they lead to: each has its token. `order` answers an order's, `checkout` a session's, `preferences` a
    customer's for what he has chosen, and `unsubscribe` the one that opens nothing and switches off. Without `api_url` nobody can
    unsubscribe by a link, and no mail says so.
    """

    storefront_url: str
    api_url: str
    order: Callable[[str, str], str]
    checkout: Callable[[str, str], str]
    preferences: Callable[[str, str], str]
    unsubscribe: Callable[[str, str], str]

    def of_order(self, shop: str, order: str) -> str:
        return f"{self.storefront_url}/shops/{shop}/orders/{order}?token={self.order(shop, order)}"

    def of_checkout(self, shop: str, session: str) -> str:
        return f"{self.storefront_url}/shops/{shop}/checkout-sessions/{session}?token={self.checkout(shop, session)}"

    def of_product(self, shop: str, sku: str) -> str:
        return f"{self.storefront_url}/shops/{shop}/products/{sku}"

    def of_preferences(self, notification: Notification) -> str | None:
        shop, customer = notification.shop, notification.recipient.customer
        if not _can_be_switched_off(notification):
            return None
        return f"{self.storefront_url}/shops/{shop}/customers/{customer}/preferences?token={self.preferences(shop, customer)}"

    def out_of(self, notification: Notification) -> str | None:
        shop, customer, kind = notification.shop, notification.recipient.customer, notification.notice.kind
        if not (self.api_url and _can_be_switched_off(notification)):
            return None
        topic = MANNERS[kind].topic
        sku = f"&sku={notification.notice.subject}" if kind is Kind.BACK_IN_STOCK else ""
        return f"{self.api_url}/shops/{shop}/customers/{customer}/unsubscribe?topic={topic}{sku}&token={self.unsubscribe(shop, customer)}"


def _can_be_switched_off(notification: Notification) -> bool:
    return bool(notification.recipient.customer) and MANNERS[notification.notice.kind].topic in OPTIONAL


@dataclass(frozen=True)
class LetterWriter:
    """`notifications.ports.Writer`. `keys` answers those of one hand-out, `preferences` what a customer has chosen. `texts`: text
    messages can be sent.
    """

    orders: orders_ports.Orders
    keys: Callable[[str, str, int], "Sequence[DeliveredKey]"]
    product: Callable[[str, str], Product | None]
    shop: Callable[[str], Shop]
    preferences: Callable[[str, str], Preferences | None]
    links: Links
    texts: bool
    clock: Clock

    def recipients(self, notice: Notice) -> Sequence[Recipient]:
        shop = self.shop(notice.shop)
        if switched_off(notice.kind, shop.mails_off):
            return ()
        if MANNERS[notice.kind].audience is Audience.STAFF:
            return [Recipient(channel=Channel.EMAIL, to=address, language=shop.language) for address in shop.staff_emails]
        if notice.kind is Kind.BACK_IN_STOCK:
            return list(self._customer(notice, shop, notice.data["email"], notice.data["language"]))
        order = self.orders.get(notice.shop, notice.order or notice.subject)
        if order is None or order.email is None:
            return ()
        return list(self._customer(notice, shop, order.email, None, order))

    def _customer(self, notice: Notice, shop: Shop, email: str, asked_in: str | None, order: Order | None = None) -> Iterator[Recipient]:
        """By each channel that the message has and the customer wants. A mail that staff send again is a mail, and nothing else.

        What was chosen for this order counts before what is chosen behind the links of mails. These are for whoever reads this address:
        an order under somebody's address, or one whose address staff put right, opens nobody else's choices.
        """
        reader = rules.buyer(email) or ""
        choosers = (order.id, reader) if order else (reader,)
        chosen = [standing for chooser in choosers if (standing := self.preferences(shop.id, chooser)) is not None]
        manner = MANNERS[notice.kind]
        language = asked_in or next((one.language for one in chosen if one.language), shop.language)
        if not any(manner.topic in OPTIONAL & set(one.off) for one in chosen):
            yield Recipient(channel=Channel.EMAIL, to=email, customer=reader, language=language)
        if notice.asked:
            return
        agreed = next((one for one in chosen if one.phone and one.sms_since), None)
        if Channel.SMS in manner.channels and self.texts and agreed and agreed.phone:
            yield Recipient(channel=Channel.SMS, to=agreed.phone, customer=agreed.customer, language=language)
        customer = rules.customer(order) if order else None
        if Channel.IN_APP in manner.channels and customer:
            yield Recipient(channel=Channel.IN_APP, to=customer, customer=customer, language=language)

    def letter(self, notification: Notification) -> Letter | None:
        notice, recipient = notification.notice, notification.recipient
        told = sorted((notice, *notification.also), key=lambda one: (one.at, one.data.get("wave") or 0))
        shop = self.shop(notice.shop)
        facts = self._facts(told, shop)
        if facts is None:
            return None
        return Letter(
            kind=notice.kind,
            to=recipient.to,
            language=recipient.language,
            shop=look(shop),
            at=told[-1].at,
            unsubscribe_url=self.links.out_of(notification),
            preferences_url=self.links.of_preferences(notification),
            **facts,
        )

    def _facts(self, told: list[Notice], shop: Shop) -> dict[str, Any] | None:
        """What a Letter knows besides; None when there is nothing to tell any more."""
        last = told[-1]
        match last.kind:
            case Kind.BACK_IN_STOCK:
                return self._product(last)
            case Kind.LOW_STOCK:
                return {"low": tuple({one.subject: LowStock.model_validate(one.data) for one in told}.values())}
            case Kind.DEAD_LETTER:
                return {"dead": tuple(DeadLetter.model_validate(one.data) for one in told)}
            case Kind.DAILY_DIGEST:
                return {"digest": Digest.model_validate(last.data)}
            case _:
                return self._order(told, shop)

    def _product(self, notice: Notice) -> dict[str, Any] | None:
        product = self.product(notice.shop, notice.subject)
        if product is None or product.archived:
            return None
        return {"title": product.title, "price": product.price, "url": self.links.of_product(notice.shop, product.sku)}

    def _order(self, told: list[Notice], shop: Shop) -> dict[str, Any] | None:
        last = told[-1]
        order = self.orders.get(last.shop, last.order or last.subject)
        if order is None or not order_letters.timely(last.kind, order, self.clock()):
            return None
        if last.kind is Kind.REVIEW_NEEDED:
            return {"number": order.number, "review": order_letters.review(last)}
        keys = [key for wave in order_letters.waves(told) for key in self.keys(order.shop, order.id, wave)]
        again = last.kind in CHECKOUT_AGAIN
        url = self.links.of_checkout(order.shop, order.session) if again else self.links.of_order(order.shop, order.id)
        return {"url": url, **order_letters.facts(order, told, keys, shop.waiting.promised_hours)}
