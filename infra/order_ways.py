"""Where the steps of an order lead: read from the table where it says so, and walked where the state follows from the lines.

Small orders are driven through every act there is, by the product's own use cases, until nothing new comes of it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, cast

from holdfast.kernel.errors import Refusal
from holdfast.kernel.events import CUSTOMER, Actor, ActorKind
from holdfast.kernel.money import Money
from holdfast.kernel.writes import Write
from holdfast.orders import events, fulfilling, machine, refunding, staff
from holdfast.orders.model import Fed, Order, OrderLine, PaymentRef, PaymentStatus, Status
from holdfast.orders.refunding import Kind
from holdfast.orders.session import Totals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAFF = Actor(kind=ActorKind.STAFF)
PRICE = 10


class Way(NamedTuple):
    """A step from a state to a state; from a state to itself where it may leave it as it is."""

    step: str
    source: Status
    target: Status


@cache
def ways() -> tuple[Way, ...]:
    """All there are, in the order of the table."""
    walked = {way for way, _ in _walked()}
    found = [
        Way(step.name, source, target)
        for step in machine.STEPS
        for source in Status
        if source in step.sources
        for target in ([step.target] if step.target else Status)
        if step.target or Way(step.name, source, target) in walked
    ]
    return tuple(found)


@cache
def events_of(step: str) -> tuple[str, ...]:
    """The events that it was seen to bring; in the table where it says so."""
    fixed = machine.TABLE[step].event
    return (fixed,) if fixed else tuple(sorted({event for way, event in _walked() if way.step == step}, key=events.ALL.index))


@cache
def _walked() -> frozenset[tuple[Way, str]]:
    return frozenset(_walk())


def _walk() -> Iterator[tuple[Way, str]]:
    seen: set[Any] = set()
    ahead = [_paid(lines) for lines in _baskets()]
    while ahead:
        order = ahead.pop()
        for step, after in _acts(order):
            yield Way(step, order.status, after.status), after.events[-1].type
            mark = (after.status, tuple((line.sku, line.quantity, *_units(line)) for line in after.lines), bool(after.refunds))
            if mark not in seen:
                seen.add(mark)
                ahead.append(after.model_copy(update={"events": (), "told": {}}))


def _units(line: OrderLine) -> tuple[int, ...]:
    return line.allocated, line.fulfilled, line.cancelled, line.refunded


def _baskets() -> Iterator[Sequence[OrderLine]]:
    """One or two lines of up to two units, digital and physical, of which some or all or none are there."""
    single = [
        _line(sku, digital, two, there) for sku, digital in (("key", True), ("box", False)) for two in (1, 2) for there in range(two + 1)
    ]
    yield from ([line] for line in single)
    yield from ([key, box] for key in single for box in single if key.digital and not box.digital)


def _line(sku: str, digital: bool, quantity: int, there: int) -> OrderLine:
    price = Money(amount=PRICE, currency="EUR")
    return OrderLine(sku=sku, title=sku, quantity=quantity, unit_price=price, digital=digital, backorder=True, allocated=there)


def _paid(lines: Sequence[OrderLine]) -> Order:
    total = Money(amount=sum(line.quantity for line in lines) * PRICE, currency="EUR")
    nothing = Money(amount=0, currency="EUR")
    return Order(
        id="ord_00000000000000000000000000",
        number="",
        shop="demo",
        session="",
        status=Status.PAID,
        lines=tuple(lines),
        totals=Totals(subtotal=total, shipping=nothing, tax=nothing, total=total),
        payment=PaymentRef(provider="", id="", status=PaymentStatus.SUCCEEDED, captured=total.amount),
        placed_until=NOW,
        accept_partial=True,
        fingerprint="",
        created_at=NOW,
        updated_at=NOW,
        paid_at=NOW,
    )


def _one_of(line: OrderLine, order: Order) -> Fed:
    return Fed(sku=line.sku, batch=1, units=1, wave=order.version + 1)


def _acts(order: Order) -> Iterator[tuple[str, Order]]:
    """Everything that the machine lets happen to it."""
    if order.status is Status.PAID:
        yield "serve", fulfilling.hand_over(order, {}, NOW)
    if machine.possible(order, machine.TABLE["feed"]):
        yield from (("feed", fulfilling.feed(order, _one_of(line, order), {}, NOW)) for line in order.lines if line.short)
    for wanted, step in machine.BY_HAND.items():
        if machine.possible(order, machine.TABLE[step]) and wanted is not order.status:
            yield step, _by_hand(order, wanted)
    if machine.possible(order, machine.TABLE["refund_part"]):
        yield from _refunds(order)


def _by_hand(order: Order, wanted: Status) -> Order:
    act, desk = staff.StaffAct(shop=order.shop, order=order.id, actor=STAFF), cast(Any, Desk(order))
    return staff.bring_to(act, wanted, orders=desk, now=NOW)


def _refunds(order: Order) -> Iterator[tuple[str, Order]]:
    """Refunds that leave something of the order; who takes all of it back takes another step."""
    some: list[dict[str, Any]] = [{"kind": Kind.DEBT}, {"kind": Kind.AMOUNT, "amount": 1}]
    for what in [*some, *({"kind": Kind.LINES, "lines": {line.sku: 1}} for line in order.lines)]:
        desk = cast(Any, Desk(order))
        identity = str(len(order.refunds))
        command = refunding.RefundOrder(shop=order.shop, order=order.id, identity=identity, reason=None, actor=CUSTOMER, **what)
        with contextlib.suppress(Refusal):  # nothing of that kind is left
            yield "refund_part", refunding.refund(command, orders=desk, stock=desk, commit=desk.commit, now=NOW)


class Desk:
    """One order, and a stock that takes everything back: as much of their ports as these acts ask for."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def get(self, *_: str) -> Order:
        return self._order

    def save(self, _: Order) -> bool:
        return True

    def save_write(self, _: Order) -> Write:
        return Write()

    def return_writes(self, *_: Any, **__: Any) -> list[Write]:
        return []

    def commit(self, writes: Sequence[Write], *, token: str) -> None:
        """Nobody else is there."""
