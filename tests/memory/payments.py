"""`payments.ports` in memory, with a provider that keeps its book there too."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.money import Money
from holdfast.payments.errors import PaymentUnknown
from holdfast.payments.model import Created, EventState, ProviderEvent, ProviderFact
from holdfast.payments.providers.sandbox.mapper import Book, fact_of_book
from holdfast.payments.providers.sandbox.proxy import Action, acted, given_back, given_up
from tests.memory.engine import Memory, nothing


class MemoryInbox:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, event: ProviderEvent) -> ProviderEvent:
        added, standing = self._memory.change(_event(event.shop, event.provider, event.id), nothing, lambda _: event)
        return event if added else standing

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None:
        return self._memory.get(*_event(shop, provider, event))

    def ignore(self, event: ProviderEvent, reason: str, now: datetime) -> None:
        ignored = {"state": EventState.IGNORED, "reason": reason}
        key = _event(event.shop, event.provider, event.id)
        self._memory.change(key, self._not_applied_yet, lambda row: row.model_copy(update=ignored))

    def applied(self, shop: str, provider: str, event: str, now: datetime) -> None:
        applied = {"state": EventState.APPLIED}
        self._memory.change(_event(shop, provider, event), self._not_applied_yet, lambda row: row.model_copy(update=applied))

    def _not_applied_yet(self, row: ProviderEvent | None) -> bool:
        return row is not None and self._memory.condition("NOT_APPLIED_YET", row.state is not EventState.APPLIED)


class MemoryProvider:
    """`payments.ports.Provider` without a wire: the sandbox's book, in memory; it is told what the shopper does by `act`."""

    name = "sandbox"

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def create(self, shop: str, order: str, amount: Money, now: datetime) -> Created:
        payment = derived_id("pay", born_at(order), "sandbox", shop, order)
        book = Book(id=payment, shop=shop, order_id=order, amount=amount.amount, currency=amount.currency, changed_at=now)
        self._memory.change(("book", payment), nothing, lambda _: book)
        return Created(payment, {"pay_url": payment})

    def verify(self, headers: Mapping[str, str], raw: bytes, shop: str, now: datetime) -> ProviderEvent:
        raise NotImplementedError

    def status(self, payment: str) -> ProviderFact:
        return fact_of_book(self._look_up(payment))

    def refund(self, payment: str, amount: Money, key: str) -> None:
        self._memory.put(("book", payment), given_back(self._look_up(payment), amount.amount, key))

    def void(self, payment: str, now: datetime) -> None:
        self._memory.put(("book", payment), given_up(self._look_up(payment), now))

    def act(self, payment: str, action: Action, now: datetime) -> None:
        self._memory.put(("book", payment), acted(self._look_up(payment), action, now))

    def _look_up(self, payment: str) -> Book:
        book: Book | None = self._memory.get("book", payment)
        if book is None:
            raise PaymentUnknown
        return book


def _event(shop: str, provider: str, event: str) -> tuple[Any, ...]:
    return ("provider-event", shop, provider, event)
