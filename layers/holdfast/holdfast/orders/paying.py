"""The two ends of money that came: the order is paid, or the money goes back."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from holdfast.kernel.events import SYSTEM, Actor
from holdfast.kernel.model import Model
from holdfast.kernel.writes import Commit
from holdfast.orders import machine, refunding
from holdfast.orders.going_back import Refund
from holdfast.orders.model import Order, PaymentStatus
from holdfast.orders.neighbours import PaymentFact
from holdfast.orders.ports import Orders, Payments, Policies, Stock


class Outcome(StrEnum):
    APPLIED = "applied"
    IGNORED = "ignored"


class Settled(Model):
    """What the fact did. `reason` says why it did nothing."""

    outcome: Outcome
    order: Order
    reason: str | None = None


class World(Protocol):
    """Everything the finaliser touches."""

    @property
    def orders(self) -> Orders: ...
    @property
    def stock(self) -> Stock: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def commit(self) -> Commit: ...


def paid(
    order: Order,
    lock: str,
    quantities: Mapping[str, int],
    fact: PaymentFact,
    world: World,
    now: datetime,
    *,
    reason: str | None = None,
    besides: Callable[[Order], Order] = lambda paid: paid,
) -> Settled:
    """The order is paid and the units under the lock are its own, in one transaction. `besides`: what happens to it in the same write."""
    changed = besides(
        machine.move(
            order,
            "pay",
            at=now,
            actor=fact.actor,
            reason=reason,
            request_id=fact.request_id,
            data={"payment": fact.payment, "amount": fact.amount, "currency": fact.currency},
            lines=tuple(line.model_copy(update={"allocated": quantities.get(line.sku, 0)}) for line in order.lines),
            payment=order.payment.model_copy(update={"status": PaymentStatus.SUCCEEDED, "captured": fact.amount, "charge": fact.charge}),
            hold=None,
            paid_at=now,
        )
    )
    given_up = {line.sku: line.cancelled for line in changed.lines if line.cancelled}
    # The order's own condition first: when several fail, "somebody settled it already" is what counts.
    writes = [world.orders.save_write(changed), *world.stock.confirm_writes(order.shop, lock, order.id, quantities, given_up, now)]
    world.commit(writes, token=f"{order.id}#paid#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=changed)


def give_back(order: Order, fact: PaymentFact, world: World, now: datetime, reason: str, *, actor: Actor = SYSTEM) -> Settled:
    """First the decision, written with its reason; the provider is asked after, and asked again until it is done."""
    refund = Refund(id=refunding.refund_id(order, "late"), amount=fact.amount, reason=reason)
    due = machine.move(
        order,
        "give_back",
        at=now,
        actor=actor,
        reason=reason,
        request_id=fact.request_id,
        data=refunding.told(order, refund),
        payment=order.payment.model_copy(update={"status": PaymentStatus.REFUND_DUE, "captured": fact.amount, "charge": fact.charge}),
        refunds=(*order.refunds, refund),
        hold=None,
    )
    world.commit([world.orders.save_write(due)], token=f"{order.id}#refund-due#{order.version}")
    release(order, world)
    return Settled(outcome=Outcome.APPLIED, order=due)


def same_payment(order: Order, fact: PaymentFact) -> bool:
    """The fact is about the order's own money: its payment, and of that the movement that paid it."""
    same = (fact.provider, fact.payment) == (order.payment.provider, order.payment.id)
    return same and (fact.charge is None or order.payment.charge in {None, fact.charge})


def release(order: Order, world: World) -> None:
    """What its hold still has goes back."""
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)
