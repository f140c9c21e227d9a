"""What the acquirer in memory writes down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.payments.model import Charge, Dispute, DisputeState, Given, GivenState, News, ProviderFact


class Mood(StrEnum):
    """How it takes an order to give back."""

    DONE = "done"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True)
class Piece:
    """Money that went back, of one charge."""

    ref: str
    charge: str
    amount: int
    state: GivenState
    key: str | None


@dataclass(frozen=True)
class Ledger:
    """A payment as it keeps it: what came, what went, and what is disputed."""

    id: str
    shop: str
    order_id: str
    asked: int
    currency: str
    ended: News = News.PENDING
    charges: Mapping[str, int] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    disputes: Mapping[str, Dispute] = field(default_factory=dict)

    @property
    def charge(self) -> str | None:
        return next(iter(self.charges), None)

    @property
    def amount(self) -> int:
        return self.charges[self.charge] if self.charge else self.asked

    @property
    def refunds(self) -> Mapping[str, int]:
        """What went back of the first charge."""
        return {piece.ref: piece.amount for piece in self.pieces if (piece.charge, piece.state) == (self.charge, GivenState.DONE)}

    @property
    def status(self) -> News:
        if not self.charges:
            return self.ended
        return News.REFUNDED if self.gone(self.charge) >= self.amount else News.SUCCEEDED

    def gone(self, charge: str | None) -> int:
        """Also what is on its way."""
        return sum(piece.amount for piece in self.pieces if piece.charge == charge and piece.state is not GivenState.FAILED)

    def left(self, charge: str) -> int:
        """What may go back. While a bank asks for it nothing does: nobody shall lose it twice."""
        disputes = self.disputes.values() if charge == self.charge else ()
        if any(dispute.state in {DisputeState.OPEN, DisputeState.UNDER_REVIEW} for dispute in disputes):
            return 0
        lost = sum(dispute.amount for dispute in disputes if dispute.state is DisputeState.LOST)
        return self.charges.get(charge, 0) - self.gone(charge) - lost

    @property
    def balance(self) -> int:
        """What is with the shop of all that came."""
        done = sum(piece.amount for piece in self.pieces if piece.state is GivenState.DONE)
        lost = sum(dispute.amount for dispute in self.disputes.values() if dispute.state is DisputeState.LOST)
        return sum(self.charges.values()) - done - lost

    def fact(self) -> ProviderFact:
        first = [piece for piece in self.pieces if piece.charge == self.charge]
        left = {name: amount - self.gone(name) for name, amount in self.charges.items() if name != self.charge}
        return ProviderFact(
            shop=self.shop,
            order=self.order_id,
            payment=self.id,
            news=self.status,
            amount=self.amount,
            currency=self.currency,
            charge=self.charge,
            beside=tuple(Charge(id=name, amount=amount, currency=self.currency) for name, amount in left.items() if amount),
            refunded=self.gone(self.charge),
            refunds=tuple(Given(ref=piece.ref, amount=piece.amount, state=piece.state, key=piece.key) for piece in first),
            disputes=tuple(self.disputes.values()),
        )
