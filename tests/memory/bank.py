"""A payment provider in memory whose events are not to be taken by their word: it keeps a book, and the book is the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any

from holdfast.kernel.money import Money
from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import Created, Given, GivenState, Listing, News, ProviderEvent, ProviderFact, Told, Wish

ENDED = {News.SUCCEEDED, News.REFUNDED}


@dataclass
class Bank:
    """`payments.ports.Provider`. `asked` names each call; `down` is raised by the next ones while it is set."""

    name: str = "sandbox"
    live: bool = False
    hearsay: bool = False
    book: dict[str, ProviderFact] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    down: Exception | None = None
    lock: Any = field(default_factory=RLock)

    def create(self, wish: Wish, now: datetime) -> Created:
        payment = f"pay_{wish.order.removeprefix('ord_')}"
        money = wish.amount
        fact = ProviderFact(
            shop=wish.shop, order=wish.order, payment=payment, news=News.PENDING, amount=money.amount, currency=money.currency
        )
        self.book.setdefault(payment, fact)
        return Created(payment, {"url": payment})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """Its browser page brings nothing."""

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        raise NotImplementedError

    def check(self) -> None:
        self._call("check")

    def status(self, payment: str) -> ProviderFact:
        self._call("status")
        if payment not in self.book:
            raise PaymentUnknown
        return self.book[payment]

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        self._call("capture")
        with self.lock:
            fact = self.book[payment]
            if fact.news is not News.AUTHORIZED or amount.amount != fact.amount:
                raise PaymentStateConflict("It cannot be collected.", payment_status=fact.news)
            return self.becomes(payment, news=News.SUCCEEDED, charge=f"ch_{payment}")

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        self._call("refund")
        with self.lock:
            fact = self.book[payment]
            given = Given(ref=f"re_{key}", amount=amount.amount, state=GivenState.DONE, key=key)
            known = [one for one in fact.refunds if one.key == key]
            if known:
                return known[0]
            if fact.news is not News.SUCCEEDED or fact.refunded + amount.amount > fact.amount:
                raise PaymentStateConflict("It cannot be given back.", payment_status=fact.news)
            self._give(fact, given)
            return given

    def void(self, payment: str, now: datetime) -> None:
        self._call("void")
        if self.book[payment].news in ENDED:
            raise PaymentStateConflict("It came.", payment_status=self.book[payment].news)
        self.becomes(payment, news=News.EXPIRED)

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        return None

    # What happens there.

    def becomes(self, payment: str, **changes: Any) -> ProviderFact:
        self.book[payment] = self.book[payment].model_copy(update=changes)
        return self.book[payment]

    def give_by_hand(self, payment: str, amount: int) -> ProviderFact:
        fact = self.book[payment]
        return self._give(fact, Given(ref=f"re_hand_{fact.refunded}", amount=amount, state=GivenState.DONE))

    def event(self, payment: str, identity: str, shop: str, now: datetime, *, by_word: bool = True) -> ProviderEvent:
        """What it tells of the payment as it is now; that all the money came it says in the event itself."""
        fact = self.book[payment]
        whole = fact if fact.news is News.SUCCEEDED and not fact.refunded and by_word else None
        return ProviderEvent(
            id=identity,
            shop=shop,
            provider=self.name,
            type=fact.news,
            payment=payment,
            fact=whole,
            raw="{}",
            received_at=now,
            order=whole.order if whole else None,
        )

    def _give(self, fact: ProviderFact, given: Given) -> ProviderFact:
        refunded = fact.refunded + given.amount
        news = News.REFUNDED if refunded == fact.amount else fact.news
        return self.becomes(fact.payment, refunded=refunded, refunds=(*fact.refunds, given), news=news)

    def _call(self, name: str) -> None:
        self.asked.append(name)
        if self.down is not None:
            raise self.down
