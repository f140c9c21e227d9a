"""`payments.ports` in memory, with a provider that keeps its book there too."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.money import Money
from holdfast.payments import keys
from holdfast.payments.errors import PaymentUnknown
from holdfast.payments.model import Created, Given, GivenState, Listing, ProviderEvent, ProviderFact, Told, Wish
from holdfast.payments.providers.sandbox.mapper import Book, fact_of_book
from holdfast.payments.providers.sandbox.proxy import Action, acted, given_back, given_up
from tests.memory.engine import Memory, nothing


class MemoryInbox:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, event: ProviderEvent) -> ProviderEvent:
        key = _event(event.shop, event.provider, event.id)
        new = lambda row: self._memory.condition("NEVER_SEEN", row is None)  # noqa: E731
        added, standing = self._memory.change(key, new, lambda _: event)
        return event if added else standing

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None:
        return self._memory.get(*_event(shop, provider, event))

    def save(self, event: ProviderEvent) -> bool:
        saved, standing = self._memory.change(_event(event.shop, event.provider, event.id), self._same(event), lambda _: event)
        return saved or standing == event

    def listed(self, shop: str, shelves: Sequence[str], low: str, high: str, limit: int) -> list[str]:
        events: list[ProviderEvent] = self._memory.of("provider-event", shop)
        positions = [keys.position(event) for event in events if keys.shelf_of(event.state) in shelves]
        return sorted((one for one in positions if low <= one < high), reverse=True)[:limit]

    def read(self, shop: str, positions: Sequence[str]) -> Mapping[str, ProviderEvent]:
        named = {one: keys.webhook_of(one.partition("#")[2]) for one in positions}
        found = {one: self._memory.get(*_event(shop, *name)) for one, name in named.items()}
        return {one: event for one, event in found.items() if event is not None}

    def _same(self, event: ProviderEvent) -> Callable[[ProviderEvent | None], bool]:
        return lambda row: row is not None and self._memory.condition("SAME_EVENT", row.version == event.version - 1)


class MemoryProvider:
    """`payments.ports.Provider` without a wire: the sandbox's book, in memory; it is told what the shopper does by `act`."""

    name = "sandbox"
    live = False
    hearsay = True

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def create(self, wish: Wish, now: datetime) -> Created:
        payment = derived_id("pay", born_at(wish.order), "sandbox", wish.shop, wish.order)
        money = wish.amount
        book = Book(id=payment, shop=wish.shop, order_id=wish.order, amount=money.amount, currency=money.currency, changed_at=now)
        self._memory.change(("book", payment), nothing, lambda _: book)
        return Created(payment, {"pay_url": payment})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        raise NotImplementedError

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        raise NotImplementedError

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        raise NotImplementedError

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        return None

    def status(self, payment: str) -> ProviderFact:
        return fact_of_book(self._look_up(payment))

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        self._memory.put(("book", payment), given_back(self._look_up(payment), amount.amount, key))
        return Given(ref=key, amount=amount.amount, state=GivenState.DONE, key=key)

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
    return ("provider-event", shop, provider, keys.event_name(event))
