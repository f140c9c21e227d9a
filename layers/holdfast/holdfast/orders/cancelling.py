"""Giving an order up, as far as it has come: its stock, its debts and its money move back."""

from datetime import datetime

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.writes import Commit
from holdfast.orders import events, machine, refunding, rules
from holdfast.orders.errors import OrderNotCancellable
from holdfast.orders.going_back import Refund
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.ports import Orders, Policies, Stock
from holdfast.orders.usecases import Act, end, persistently, read


class CancelOrder(Act):
    """The order is given up."""


def cancel(command: CancelOrder, *, orders: Orders, stock: Stock, policies: Policies, commit: Commit, now: datetime) -> Order:
    """Unpaid: its hold goes back; staff may do that in review, too, where none of the money is the order's. Paid, and nothing of it
    handed over: the units and all the money go back, if the shop lets this actor do that. The same again answers the same.
    UnknownOrder, OrderNotCancellable.
    """

    def decide(standing: Order) -> Order:
        cancelled = standing.status is Status.CANCELLED
        return standing if cancelled else _cancelled(standing, command, orders, stock, policies, commit, now)

    return persistently(command.shop, command.order, decide, orders=orders)


def cancel_unpaid(command: CancelOrder, *, orders: Orders, stock: Stock, now: datetime) -> Order:
    """As `cancel`, for an order without money only: who gives a hold back gives no money back. OrderNotCancellable."""
    standing = read(command.shop, command.order, orders=orders)
    if standing.status is not Status.CANCELLED:
        standing = _ended(standing, command, orders, stock, now)
    if standing.status is not Status.CANCELLED:
        raise _not_cancellable(standing)
    return standing


def _ended(order: Order, command: CancelOrder, orders: Orders, stock: Stock, now: datetime, step: str = "cancel") -> Order:
    return end(order, step, **command.why, orders=orders, stock=stock, now=now)


def _cancelled(
    order: Order, command: CancelOrder, orders: Orders, stock: Stock, policies: Policies, commit: Commit, now: datetime
) -> Order:
    step = _without_money(order, command.actor, orders)
    if step is not None:
        ended = _ended(order, command, orders, stock, now, step)
        if ended.status is Status.CANCELLED:
            return ended
        raise VersionConflict("The order was changed meanwhile.")
    _refuse(order, command.actor, policies)
    plan = refunding.given_up(order)
    changed = _given_up(order, plan, command, now)
    writes = [orders.save_write(changed), *refunding.returned(order, plan, "cancel", stock, now)]
    commit(writes, token=f"{order.id}#cancel#{changed.version}")
    return changed


def _without_money(order: Order, actor: Actor, orders: Orders) -> str | None:
    """The step that ends an unpaid order. In review only where no money of it waits for a decision: that would stay with the provider."""
    if order.status is Status.PENDING_PAYMENT:
        return "cancel"
    by_staff = order.status is Status.PAYMENT_REVIEW and actor.kind is ActorKind.STAFF
    return "cancel_review" if by_staff and not rules.odd_money(order, orders.timeline(order)) else None


def _refuse(order: Order, actor: Actor, policies: Policies) -> None:
    if not machine.possible(order, machine.TABLE["cancel_paid"]):
        raise _not_cancellable(order)
    if actor.kind is ActorKind.CUSTOMER and not policies.customer_may_cancel_paid(order.shop):
        raise OrderNotCancellable("This shop cancels paid orders only by its staff.", order_status=order.status)


def _given_up(order: Order, plan: refunding.Plan, command: CancelOrder, now: datetime) -> Order:
    why = {"at": now, **command.why}
    told = {"paid": bool(order.payment.captured), "returned": dict(plan.back), "owed": dict(plan.owed)}
    cancelled = machine.move(order, "cancel_paid", **why, data={name: fact for name, fact in told.items() if fact}, lines=plan.lines)
    if not plan.amount:
        return cancelled
    due = Refund(id=refunding.refund_id(order, "cancel"), amount=plan.amount, lines=plan.refunded, reason=command.reason)
    payment = order.payment.model_copy(update={"status": PaymentStatus.REFUND_DUE})
    data = refunding.told(order, due)
    return cancelled.also(events.REFUND_DUE, **why, data=data, refunds=(*order.refunds, due), payment=payment)


def _not_cancellable(order: Order) -> OrderNotCancellable:
    return OrderNotCancellable(f"An order that is {order.status} cannot be cancelled any more.", order_status=order.status)
