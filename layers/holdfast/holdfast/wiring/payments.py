"""The payments context, as orders see it, and the connectors behind it.

Connectors are imported when they are asked for: a function that needs no provider does not pay for one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.money import Money
from holdfast.orders.model import PaymentRef
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.platform.dynamo import Table

if TYPE_CHECKING:
    from holdfast.payments.model import ProviderEvent, ProviderFact
    from holdfast.payments.ports import Inbox, Provider


@dataclass(frozen=True)
class PaymentsForOrders:
    """`orders.ports.Payments`."""

    inbox: "Inbox"
    provider: Callable[[str], "Provider"]

    def require(self, provider: str) -> None:
        self._connector(provider)

    def create(self, shop: str, order: str, provider: str, amount: Money, now: datetime) -> PaymentRef:
        made = self._connector(provider).create(shop, order, amount, now)
        return PaymentRef(provider=provider, id=made.id, client=made.client)

    def _connector(self, provider: str) -> "Provider":
        from holdfast.payments.errors import ProviderNotOffered, UnknownProvider

        try:
            return self.provider(provider)
        except UnknownProvider:
            raise ProviderNotOffered("This shop does not take payments with that provider.", provider=provider) from None

    def applied(self, fact: PaymentFact, now: datetime) -> None:
        if fact.event:
            self.inbox.applied(fact.shop, fact.provider, fact.event, now)

    def refund(self, provider: str, payment: str, amount: Money, key: str) -> None:
        self.provider(provider).refund(payment, amount, key)

    def void(self, provider: str, payment: str, now: datetime) -> bool:
        from holdfast.payments.errors import PaymentStateConflict

        try:
            self.provider(provider).void(payment, now)
        except PaymentStateConflict:
            return False
        return True


def fact_of(
    news: "ProviderFact", provider: str, *, event: "ProviderEvent | None" = None, request_id: str | None = None
) -> PaymentFact | None:
    """A provider's statement as the finaliser takes it; None while the provider waits for its money."""
    if news.news == "pending":
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
        event=event.id if event else None,
        request_id=request_id,
    )


@dataclass
class Providers:
    """Payment connectors by name, made at first need. UnknownProvider for one that is not allowed here."""

    makers: Mapping[str, Callable[[], "Provider"]]
    made: dict[str, "Provider"] = field(default_factory=dict)

    def __call__(self, name: str) -> "Provider":
        from holdfast.payments.errors import UnknownProvider

        if name not in self.makers:
            raise UnknownProvider
        if name not in self.made:
            self.made[name] = self.makers[name]()
        return self.made[name]


def sandbox(table: Table, *, pay_url: str = "", secret: Callable[[], str] | None = None) -> "Provider":
    """The sandbox provider over our own table. Without `secret` it can neither sign nor verify."""
    from holdfast.payments.providers.sandbox import Sandbox
    from holdfast.payments.providers.sandbox.proxy import SandboxBook
    from holdfast.payments.providers.sandbox.settings import SandboxConfig

    return Sandbox(SandboxBook(table), SandboxConfig(pay_url=pay_url, secret=secret or _no_secret))


def _no_secret() -> str:
    raise TypeError("this function neither signs nor verifies webhooks")
