"""Money that goes back: all of it, that of some lines, that of what is owed, or an amount. Decided here; the provider is asked after.

Each refund has an identity, and the provider knows it by that: however often it is asked, the money goes back once.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from holdfast.kernel.events import Actor
from holdfast.kernel.ids import derived_id
from holdfast.kernel.writes import Commit
from holdfast.orders import events, machine, rules
from holdfast.orders.errors import NothingOwed, RefundTooLarge, UnknownLine
from holdfast.orders.going_back import Beside, Refund, RefundState
from holdfast.orders.model import Order, OrderLine, PaymentRef, PaymentStatus
from holdfast.orders.ports import Orders, Stock
from holdfast.orders.usecases import Act, persistently, saved


class Kind(StrEnum):
    FULL = "full"
    LINES = "lines"
    DEBT = "debt"
    """What is owed and has not come."""
    AMOUNT = "amount"
    """Money only: the goods stay as they are."""


class RefundOrder(Act):
    """`identity` is the request's: the same again decides nothing new. `lines`: units per SKU; `amount`: minor units."""

    identity: str
    kind: Kind
    lines: Mapping[str, int] = {}
    amount: int = 0


class Plan(NamedTuple):
    """What a refund is about: the lines after it, the units that come `back` to stock and those `owed` no more, the money."""

    lines: tuple[OrderLine, ...]
    refunded: Mapping[str, int]
    back: Mapping[str, int]
    owed: Mapping[str, int]
    amount: int

    def within(self, money: int) -> "Plan":
        """No more than that: an amount that went back before, for no goods, was of theirs."""
        return self._replace(amount=min(self.amount, money))


def refund(command: RefundOrder, *, orders: Orders, stock: Stock, commit: Commit, now: datetime) -> Order:
    """Decide a refund, with what it means for the goods. UnknownOrder, UnknownLine, RefundTooLarge, NothingOwed, TransitionRefused.

    Units that were not handed over are given up first: owed ones, then those that were set aside, which go back to stock.
    """

    def decide(order: Order) -> Order:
        if any(known.id == refund_id(order, command.identity) for known in order.refunds):
            return order
        plan = _plan(order, command)
        step = "refund_part" if command.kind is Kind.DEBT else None  # also a customer may give up all that is owed
        changed = decided(order, plan, command.identity, at=now, **command.why, step=step)
        writes = [orders.save_write(changed), *returned(order, plan, command.identity, stock, now)]
        commit(writes, token=f"{changed.refunds[-1].id}#{changed.version}")
        return changed

    return persistently(command.shop, command.order, decide, orders=orders)


def again(command: Act, *, orders: Orders, now: datetime) -> Order:
    """Refunds that the provider could not make are begun anew, each under another key, as far as there is money. An order without such
    is answered as it is. UnknownOrder.
    """

    def decide(order: Order) -> Order:
        begun = order
        for failed in [refund for refund in order.refunds if refund.state is RefundState.FAILED and not refund.by_hand]:
            begun = _begun_anew(begun, failed, command, now)
        if begun is order:
            return order
        return saved(begun.model_copy(update={"version": order.version + 1}), orders=orders)

    return persistently(command.shop, command.order, decide, orders=orders)


def _begun_anew(order: Order, failed: Refund, command: Act, now: datetime) -> Order:
    amount = failed.amount if failed.of else min(failed.amount, order.to_refund)
    if not amount:
        return order
    due = failed.model_copy(update={"state": RefundState.DUE, "amount": amount, "attempt": failed.attempt + 1, "ref": None})
    data = {**told(order, due), "attempt": due.attempt}
    return order.also(events.REFUND_DUE, at=now, **command.why, data=data, **with_refund(order, due))


def decided(
    order: Order,
    plan: Plan,
    identity: str,
    *,
    at: datetime,
    actor: Actor,
    reason: str | None,
    request_id: str | None = None,
    step: str | None = None,
    alone: bool = True,
) -> Order:
    """The order with the refund due. `alone` False: as part of another change of the order, under that one's version."""
    new = Refund(id=refund_id(order, identity), amount=plan.amount, lines=plan.refunded, reason=reason)
    whole = plan.amount == order.to_refund and all(line.refunded == line.quantity for line in plan.lines)
    changes: dict[str, Any] = {
        "lines": plan.lines,
        "refunds": (*order.refunds, new),
        "payment": order.payment.model_copy(update={"status": PaymentStatus.REFUND_DUE}),
    }
    data = told(order, new, plan)
    if not alone:
        return order.also(events.REFUND_DUE, at=at, actor=actor, reason=reason, request_id=request_id, data=data, **changes)
    name = step or ("refund" if whole else "refund_part")
    return machine.move(order, name, at=at, actor=actor, reason=reason, request_id=request_id, data=data, **changes)


def returned(order: Order, plan: Plan, identity: str, stock: Stock, now: datetime) -> list[Any]:
    """The stock's part of it."""
    if not (plan.back or plan.owed):
        return []
    name = f"{order.id}#{refund_id(order, identity)}"
    return stock.return_writes(order.shop, order.id, name, back=plan.back, owed=plan.owed, buyer=rules.customer(order), now=now)


def refund_id(order: Order, identity: str) -> str:
    return derived_id("rfd", order.created_at, order.shop, order.id, identity)


def key_of(order: Order, refund: Refund) -> str:
    """The name under which the provider is asked: the same for ever, and another one for each attempt."""
    return f"{order.id}#{refund.id}" + (f"#{refund.attempt}" if refund.attempt > 1 else "")


def source(order: Order, refund: Refund) -> Beside:
    """Where its money came."""
    return refund.of or Beside(provider=order.payment.provider, payment=order.payment.id, charge=order.payment.charge)


def told(order: Order, refund: Refund, plan: Plan | None = None) -> dict[str, Any]:
    """Data of `REFUND_DUE`."""
    payment = refund.of.payment if refund.of else order.payment.id
    money = {"payment": payment, "refund": refund.id, "amount": refund.amount, "currency": order.currency}
    units = {"refunded": dict(plan.refunded), "returned": dict(plan.back), "owed": dict(plan.owed)} if plan else {}
    return {**money, **{name: value for name, value in units.items() if value}}


def after(payment: PaymentRef, refunds: tuple[Refund, ...]) -> PaymentRef:
    """The payment when these refunds stand as they do. What came beside it is not its money."""
    own = [refund for refund in refunds if refund.of is None]
    states = {refund.state for refund in own if not refund.by_hand}
    done = sum(refund.amount for refund in own if refund.state is RefundState.DONE)
    if RefundState.DUE in states:
        status = PaymentStatus.REFUND_DUE
    elif payment.charged_back:
        status = PaymentStatus.CHARGED_BACK
    elif done >= payment.captured:
        status = PaymentStatus.REFUNDED
    elif RefundState.FAILED in states:
        status = PaymentStatus.REFUND_FAILED
    else:
        status = PaymentStatus.PARTIALLY_REFUNDED if done else PaymentStatus.SUCCEEDED
    return payment.model_copy(update={"status": status, "refunded": done})


def with_refund(order: Order, changed: Refund) -> dict[str, Any]:
    """Changes of the order by which that refund stands as it does here, if need be as a new one."""
    known = any(refund.id == changed.id for refund in order.refunds)
    standing = tuple(changed if refund.id == changed.id else refund for refund in order.refunds)
    refunds = standing if known else (*standing, changed)
    return {"refunds": refunds, "payment": order.payment if changed.of else after(order.payment, refunds)}


def given_up(order: Order) -> Plan:
    """Everything that was not handed over, and all money that is left."""
    paid = order.paid_at is not None
    lines = tuple(
        line.model_copy(update={"allocated": line.fulfilled, "cancelled": line.quantity - line.fulfilled, "refunded": line.quantity})
        for line in order.lines
    )
    return Plan(
        lines=lines,
        refunded={line.sku: line.quantity - line.refunded for line in order.lines if line.quantity > line.refunded},
        back={line.sku: line.here for line in order.lines if paid and line.here},
        owed={line.sku: line.short for line in order.lines if rules.owed(order, line)},
        amount=order.to_refund,
    )


def of_lines(order: Order, units: Mapping[str, int], *, handed_over: bool = False) -> Plan:
    """So many units of these lines. `handed_over`: of those that the customer had, because they came back."""
    lines: list[OrderLine] = []
    back: dict[str, int] = {}
    owed: dict[str, int] = {}
    amount = 0
    for line in order.lines:
        count = units.get(line.sku, 0)
        debt = min(count, line.short) if not handed_over else 0
        aside = min(count - debt, line.here) if not handed_over else 0
        amount += _worth(order, line, line.refunded + count) - _worth(order, line, line.refunded)
        owed |= {line.sku: debt} if debt else {}
        back |= {line.sku: aside} if aside else {}
        taken = {
            "allocated": line.allocated - aside,
            "cancelled": line.cancelled + debt + aside,
            "refunded": line.refunded + count,
        }
        lines.append(line.model_copy(update=taken))
    return Plan(tuple(lines), {sku: count for sku, count in units.items() if count}, back, owed, amount)


def _plan(order: Order, command: RefundOrder) -> Plan:
    if command.kind is Kind.FULL:
        return given_up(order)
    if command.kind is Kind.AMOUNT:
        if not 0 < command.amount <= order.to_refund:
            raise RefundTooLarge("Less money than that can still go back.", available=order.to_refund)
        return Plan(order.lines, {}, {}, {}, command.amount) if command.amount < order.to_refund else given_up(order)
    units = {line.sku: line.short for line in order.lines if rules.owed(order, line)} if command.kind is Kind.DEBT else command.lines
    if command.kind is Kind.DEBT and not units:
        raise NothingOwed("The order waits for nothing.", order_status=order.status)
    _refuse_too_many(order, units)
    plan = of_lines(order, units)
    if not any(line.wanted or line.refunded < line.quantity for line in plan.lines):
        return given_up(order)  # nothing is left of the order: what it cost to ship goes back as well
    plan = plan.within(order.to_refund) if command.kind is Kind.DEBT else plan  # who waits no longer asks for no sum
    if not 0 < plan.amount <= order.to_refund:
        raise RefundTooLarge("Less money than that can still go back.", available=order.to_refund)
    return plan


def _refuse_too_many(order: Order, units: Mapping[str, int]) -> None:
    known = {line.sku: line for line in order.lines}
    refuse_unknown(order, units)
    above = [
        {"sku": sku, "requested": count, "available": known[sku].quantity - known[sku].refunded}
        for sku, count in units.items()
        if count > known[sku].quantity - known[sku].refunded
    ]
    if above:
        raise RefundTooLarge("More units than can still go back.", lines=above)


def refuse_unknown(order: Order, units: Mapping[str, int]) -> None:
    foreign = sorted(set(units) - {line.sku for line in order.lines})
    if foreign:
        raise UnknownLine("The order has no such lines.", skus=foreign)


def _worth(order: Order, line: OrderLine, units: int) -> int:
    """What the first `units` of a line cost, in minor units: shares of a line always add up to the line.

    Where a person took another amount than was asked for, each line is worth its share of that.
    """
    on_top = order.amount - order.totals.subtotal.amount - order.totals.shipping.amount
    asked = line.unit_price.amount * line.quantity + (line.tax if on_top else 0)
    came = asked * order.payment.captured // order.amount if asked else 0
    return came * units // line.quantity
