"""Goods on their way back: asked for, received, put on the shelf again or written off, and their money given back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.events import ActorKind, Event
from holdfast.kernel.ids import derived_id
from holdfast.kernel.writes import Commit
from holdfast.orders import events, refunding, rules
from holdfast.orders.errors import NotReturnable, ReturnAlreadyReceived, ReturnWindowOver, UnknownReturn
from holdfast.orders.going_back import Return, ReturnState
from holdfast.orders.model import Order
from holdfast.orders.ports import Orders, Policies, Stock
from holdfast.orders.usecases import Act, persistently, saved


class RequestReturn(Act):
    """`identity` is the request's: the same again makes one return. `lines`: units per SKU."""

    identity: str
    lines: Mapping[str, int]


class ReceiveReturn(Act):
    """What came back: units per SKU that go on the shelf, and those that are written off. `refund`: their money goes back, too."""

    identity: str
    """The return's id."""
    restocked: Mapping[str, int] = {}
    written_off: Mapping[str, int] = {}
    refund: bool = True


def request(command: RequestReturn, *, orders: Orders, policies: Policies, now: datetime) -> Order:
    """Write down that goods will come back. UnknownOrder, UnknownLine, NotReturnable; ReturnWindowOver, which staff may overrule."""

    def decide(order: Order) -> Order:
        identity = derived_id("ret", order.created_at, order.shop, order.id, command.identity)
        if any(known.id == identity for known in order.returns):
            return order
        _refuse_too_many(order, command.lines, _returnable(order))
        if command.actor.kind is ActorKind.CUSTOMER:
            _refuse_too_late(order, orders.timeline(order), policies.return_window(order.shop), now)
        back = Return(id=identity, lines=dict(command.lines), reason=command.reason)
        changed = order.happened(
            events.RETURN_REQUESTED,
            at=now,
            **command.why,
            data={"return": identity, "lines": dict(command.lines)},
            returns=(*order.returns, back),
        )
        return saved(changed, orders=orders)

    return persistently(command.shop, command.order, decide, orders=orders)


def receive(command: ReceiveReturn, *, orders: Orders, stock: Stock, commit: Commit, now: datetime) -> Order:
    """The goods are here. UnknownOrder, UnknownReturn, ReturnAlreadyReceived, NotReturnable when more came than was sent."""

    def decide(order: Order) -> Order:
        standing = next((back for back in order.returns if back.id == command.identity), None)
        if standing is None:
            raise UnknownReturn
        received = _received(standing, command)
        if standing.state is ReturnState.RECEIVED:
            if standing == received:
                return order
            raise ReturnAlreadyReceived("The goods of this return were received before.", return_id=standing.id)
        _refuse_too_many(order, _units(command), standing.lines)
        changed = _with_receipt(order, received, command, now)
        back = {sku: count for sku, count in command.restocked.items() if count}
        returns = stock.return_writes(
            order.shop, order.id, f"{order.id}#{standing.id}", back=back, owed={}, buyer=rules.customer(order), now=now
        )
        commit([orders.save_write(changed), *returns], token=f"{standing.id}#{changed.version}")
        return changed

    return persistently(command.shop, command.order, decide, orders=orders)


def _with_receipt(order: Order, received: Return, command: ReceiveReturn, now: datetime) -> Order:
    why = {"at": now, **command.why}
    units = _units(command)
    changed = order.happened(
        events.RETURN_RECEIVED,
        **why,
        data={"return": received.id, "restocked": dict(received.restocked), "written_off": dict(received.written_off)},
        lines=tuple(line.model_copy(update={"returned": line.returned + units.get(line.sku, 0)}) for line in order.lines),
        returns=tuple(received if back.id == received.id else back for back in order.returns),
    )
    plan = refunding.of_lines(changed, _refundable(changed, units), handed_over=True).within(order.to_refund)
    if not command.refund or plan.amount <= 0:
        return changed
    refunded = refunding.decided(changed, plan, received.id, **why)
    return refunded.model_copy(update={"version": changed.version})


def _received(standing: Return, command: ReceiveReturn) -> Return:
    came = {"restocked": dict(command.restocked), "written_off": dict(command.written_off)}
    return standing.model_copy(update={"state": ReturnState.RECEIVED, **came})


def _units(command: ReceiveReturn) -> dict[str, int]:
    skus = {**command.restocked, **command.written_off}
    return {sku: command.restocked.get(sku, 0) + command.written_off.get(sku, 0) for sku in skus}


def _refundable(order: Order, units: Mapping[str, int]) -> dict[str, int]:
    """Units that came back and were not paid back before."""
    return {line.sku: min(units.get(line.sku, 0), line.quantity - line.refunded) for line in order.lines}


def _returnable(order: Order) -> dict[str, int]:
    """Physical units that the customer has and has not announced yet."""
    announced: dict[str, int] = {}
    for back in order.returns:
        if back.state is ReturnState.REQUESTED:
            announced = {sku: announced.get(sku, 0) + back.lines.get(sku, 0) for sku in {**announced, **back.lines}}
    return {line.sku: line.fulfilled - line.returned - announced.get(line.sku, 0) for line in order.lines if not line.digital}


def _refuse_too_many(order: Order, units: Mapping[str, int], available: Mapping[str, int]) -> None:
    refunding.refuse_unknown(order, units)
    above = [
        {"sku": sku, "requested": count, "available": max(0, available.get(sku, 0))}
        for sku, count in units.items()
        if count > available.get(sku, 0)
    ]
    if above or not any(units.values()):
        raise NotReturnable("That cannot come back.", lines=above)


def _refuse_too_late(order: Order, timeline: Sequence[Event], window: timedelta, now: datetime) -> None:
    """Counted from the last parcel that reached him, or left us."""
    handed_over = [event.at for event in timeline if event.type in {events.SHIPPED, events.DELIVERED}]
    since = max(handed_over, default=order.updated_at)
    if now > since + window:
        raise ReturnWindowOver("It is too late to send that back.", ended_at=(since + window).isoformat())
