"""The payments context, as orders see it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from holdfast.kernel.events import Actor, ActorKind
from holdfast.orders import rules
from holdfast.orders.model import Order, PaymentRef, PaymentStatus
from holdfast.orders.neighbours import Bill, Dispute, FactKind, GiveBack, Movement, PaymentFact, Returned

if TYPE_CHECKING:
    from holdfast.payments.model import Given, ProviderEvent, ProviderFact, Standing
    from holdfast.payments.ports import Inbox, Provider


@dataclass(frozen=True)
class PaymentsForOrders:
    """`orders.ports.Payments`. `provider` answers a shop's connector by the provider's name, `offered` only one that new orders may be
    paid with; UnknownProvider.
    """

    inbox: "Inbox"
    provider: Callable[[str, str], "Provider"]
    offered: Callable[[str, str], "Provider"]

    def require(self, shop: str, provider: str) -> None:
        self._connector(self.offered, shop, provider)

    def create(self, provider: str, bill: Bill, now: datetime) -> PaymentRef:
        from holdfast.payments.model import Wish

        wish = Wish(bill.shop, bill.order, bill.number, bill.amount, bill.until, bill.email)
        made = self._connector(self.provider, bill.shop, provider).create(wish, now)
        return PaymentRef(provider=provider, id=made.id, client=made.client)

    def _connector(self, find: Callable[[str, str], "Provider"], shop: str, provider: str) -> "Provider":
        from holdfast.payments.errors import ProviderNotOffered, UnknownProvider

        try:
            return find(shop, provider)
        except UnknownProvider:
            raise ProviderNotOffered("This shop does not take payments with that provider.", provider=provider) from None

    def applied(self, fact: PaymentFact, now: datetime) -> None:
        from holdfast.payments import working

        if fact.event:
            working.applied(fact.shop, fact.provider, fact.event, fact.order, inbox=self.inbox, now=now)

    def refund(self, asked: GiveBack) -> Returned:
        connector = self.provider(asked.shop, asked.provider)
        return _returned(connector.refund(asked.payment, asked.amount, asked.key, asked.charge))

    def void(self, shop: str, provider: str, payment: str, now: datetime) -> bool:
        from holdfast.payments.errors import PaymentStateConflict

        try:
            self.provider(shop, provider).void(payment, now)
        except PaymentStateConflict:
            return False
        return True

    def look(self, shop: str, provider: str, payment: str) -> PaymentFact | None:
        return fact_of(self.provider(shop, provider).status(payment), provider)

    def truth(self, order: Order) -> PaymentFact | None:
        """UnknownProvider when the shop does not have the provider any more; PaymentUnknown when that does not know the payment."""
        from holdfast.payments import collecting

        connector = self.provider(order.shop, order.payment.provider)
        news = collecting.truth(order.payment.id, provider=connector, standing=lambda _: standing_of(order))
        return fact_of(news, order.payment.provider)


def wanted(news: "ProviderFact", order: Order) -> bool:
    """Agreed for this order, which can still use it. What nobody collects goes back by itself."""
    from holdfast.payments import collecting

    return collecting.collectable(news, standing_of(order))


def standing_of(order: Order) -> "Standing":
    """How the order stands towards the payment that it was placed with."""
    from holdfast.payments.model import Standing

    waiting = order.status in rules.AWAITING_MONEY and order.payment.status is PaymentStatus.PENDING
    about = order.shop, order.id, order.payment.id, order.amount, order.currency
    return Standing(*about, waiting=waiting, usable=order.status in rules.LATE)


def fact_of(
    news: "ProviderFact", provider: str, *, event: "ProviderEvent | None" = None, request_id: str | None = None
) -> PaymentFact | None:
    """A provider's statement as the finaliser takes it; None while the provider waits for its money."""
    if news.news in {"pending", "authorized"}:
        return None
    return PaymentFact(
        shop=news.shop,
        order=news.order,
        provider=provider,
        payment=news.payment,
        kind=FactKind(news.news),
        amount=news.amount,
        currency=news.currency,
        actor=Actor(kind=ActorKind.PROVIDER, id=provider),
        charge=news.charge,
        beside=tuple(Movement(**charge.model_dump()) for charge in news.beside),
        refunded=news.refunded,
        refunds=tuple(map(_returned, news.refunds)),
        disputes=tuple(Dispute.model_validate(dispute.model_dump()) for dispute in news.disputes),
        event=event.id if event else None,
        request_id=request_id,
    )


def _returned(given: "Given") -> Returned:
    return Returned.model_validate({"ref": given.ref, "amount": given.amount, "progress": given.state.value, "key": given.key})
