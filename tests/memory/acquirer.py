"""A payment provider that knows more than the sandbox: orders paid twice, parts that go back by hand, refunds that take their time or
fail, disputes. It keeps its book in memory, and says of a payment what it is: nobody's word is taken for it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zlib import crc32

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.money import Money
from holdfast.orders.model import Order
from holdfast.orders.settlement import Settled, settle
from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import (
    Created,
    Dispute,
    DisputeState,
    Given,
    GivenState,
    Listing,
    News,
    ProviderEvent,
    ProviderFact,
    Told,
    Wish,
)
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.wiring.payments import fact_of
from tests.memory.acquirer_book import Ledger, Mood, Piece
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory, nothing
from tests.memory.house import House

RANK = [DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.LOST, DisputeState.WON]


class Acquirer:
    """`payments.ports.Provider`."""

    name = "sandbox"
    live = False
    hearsay = False

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    # What the shop may ask.

    def create(self, wish: Wish, now: datetime) -> Created:
        payment = derived_id("pay", born_at(wish.order), "acquirer", wish.shop, wish.order)
        book = Ledger(payment, wish.shop, wish.order, wish.amount.amount, wish.amount.currency)
        self.memory.change(("book", payment), nothing, lambda _: book)
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
        return self.book(payment).fact()

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        book = self.book(payment)
        earlier = next((piece for piece in book.pieces if piece.key == key), None)
        if earlier is None:
            of = charge or book.charge
            if of is None or amount.amount > book.left(of):
                raise PaymentStateConflict("More than is left of the payment.", payment_status=book.status)
            mood: Mood = self.memory.get("mood") or Mood.DONE
            earlier = Piece(f"re_{payment}_{len(book.pieces)}", of, amount.amount, GivenState(mood.value), key)
            self._keep(replace(book, pieces=(*book.pieces, earlier)))
        return Given(ref=earlier.ref, amount=earlier.amount, state=earlier.state, key=earlier.key)

    def void(self, payment: str, now: datetime) -> None:
        self.act(payment, Action.EXPIRE, now)

    # What happens there.

    def act(self, payment: str, action: Action, now: datetime) -> None:
        """The shopper, the clock, or somebody of the shop in its own pages."""
        book = self.book(payment)
        if action is Action.PAY and not book.charges and book.ended in {News.PENDING, News.FAILED}:
            self.come(payment, book.asked)
        elif action is Action.DECLINE and not book.charges and book.ended is News.PENDING:
            self._keep(replace(book, ended=News.FAILED))
        elif action is Action.EXPIRE and not book.charges and book.ended in {News.PENDING, News.FAILED, News.EXPIRED}:
            self._keep(replace(book, ended=News.EXPIRED))
        elif action is Action.REFUND and book.charge and book.left(book.charge):
            self.give_back(payment, book.left(book.charge))
        else:
            raise PaymentStateConflict(f"A payment that is {book.status} takes no {action}.", payment_status=book.status)

    def come(self, payment: str, amount: int) -> None:
        """Once more, where money had come."""
        book = self.book(payment)
        self._keep(replace(book, charges={**book.charges, f"ch_{payment}_{len(book.charges)}": amount}))

    def pay_elsewhere(self, order: Order, amount: int) -> str:
        """By another payment that names the same order."""
        known = [book for book in self.books() if book.order_id == order.id]
        payment = f"{order.payment.id}_{len(known)}"
        self._keep(Ledger(payment, order.shop, order.id, amount, order.currency))
        self.come(payment, amount)
        return payment

    def give_back(self, payment: str, amount: int, charge: str | None = None) -> None:
        """By hand."""
        book = self.book(payment)
        of = charge or book.charge
        if of is None or not 0 < amount <= book.left(of):
            raise PaymentStateConflict("More than is left of the payment.", payment_status=book.status)
        self._keep(replace(book, pieces=(*book.pieces, Piece(f"re_{payment}_{len(book.pieces)}", of, amount, GivenState.DONE, None))))

    def ends(self, payment: str, state: GivenState, *, done_too: bool = False) -> None:
        """What was on its way came, or came back; even what was told to have come may come back. Not what people gave back of money
        beside: nobody could know.
        """
        book = self.book(payment)
        sources = {GivenState.PENDING, GivenState.DONE} if done_too else {GivenState.PENDING}
        fits = [one for one in book.pieces if one.state in sources and (one.key or one.charge == book.charge)]
        self._keep(replace(book, pieces=tuple(replace(one, state=state) if one in fits else one for one in book.pieces)))

    def dispute(self, payment: str, state: DisputeState, amount: int | None = None) -> None:
        """The first charge's; a bank's decision goes one way."""
        book = self.book(payment)
        name = f"dp_{payment}"
        known = book.disputes.get(name)
        left = book.amount - book.gone(book.charge)
        if book.charge is None or (known is None and not left) or (known and RANK.index(known.state) >= RANK.index(state)):
            raise PaymentStateConflict("There is nothing to dispute.", payment_status=book.status)
        asked = known.amount if known else min(amount or left, left)
        due = born_at(book.order_id)
        made = Dispute(id=name, amount=asked, currency=book.currency, state=state, reason="fraudulent", respond_by=due)
        self._keep(replace(book, disputes={**book.disputes, name: made}))

    def be(self, mood: Mood) -> None:
        self.memory.put(("mood",), mood)

    def book(self, payment: str) -> Ledger:
        book: Ledger | None = self.memory.get("book", payment)
        if book is None:
            raise PaymentUnknown
        return book

    def books(self) -> list[Ledger]:
        return self.memory.of("book")

    def _keep(self, book: Ledger) -> None:
        self.memory.put(("book", book.id), book)


class AcquirerHouse(House):
    """The shop that sells over it. Webhooks name a payment, and the acquirer is asked what it is."""

    @property
    def bank(self) -> Any:
        return self.stores.provider

    def pay_another_amount(self, order: Order, amount: int) -> None:
        self.bank.come(order.payment.id, amount)

    def webhook(self, order: Order, *, amount: int | None = None, payment: str | None = None) -> ProviderEvent:
        named = payment or order.payment.id
        event = ProviderEvent(
            id=f"evt-{named}-{crc32(repr(self.bank.status(named)).encode())}",
            shop=self.shop,
            provider="sandbox",
            type="changed",
            payment=named,
            raw="{}",
            received_at=self.now,
        )
        return self.stores.inbox.add(event)

    def work_at(self, event: ProviderEvent) -> Settled:
        fact = fact_of(self.bank.status(event.payment), event.provider, event=event)
        assert fact is not None
        return settle(fact, world=self.finaliser, now=self.now)


class AcquirerStage(Backstage):
    """Its webhooks tell of every payment, whichever order it is for."""

    def providers_repeat(self) -> None:
        house: Any = self.house
        for order in self.orders():
            for book in house.bank.books():
                if book.order_id == order.id and book.status is not News.PENDING:
                    event = house.webhook(order, payment=book.id)
                    self.deliver(lambda event=event: house.work_at(event))  # type: ignore[misc]
