"""What must be true of everything that is stored: at every moment, and when all has come to its end."""

from collections import Counter
from typing import Any

from holdfast.fulfilment import key_audit
from holdfast.fulfilment.model import Vault, total
from holdfast.notifications import telling
from holdfast.notifications.kinds import MANNERS, Audience, Channel, Kind
from holdfast.notifications.model import Notification
from holdfast.notifications.model import Status as Sent
from holdfast.orders import events, replay, rules, schemas
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, Status
from holdfast.payments.model import DisputeState, News
from holdfast.stock.keys import buyer_pool
from holdfast.stock.model import PROMISES, Level, Movement, Reason, is_pool
from holdfast.wiring.keys import BookForKeyAudit
from tests.memory.acquirer_book import Ledger
from tests.memory.audit_batches import audit_batches, audit_queues, fed, places_in_use
from tests.memory.engine import Memory
from tests.memory.fulfilment import MemoryFulfilment
from tests.memory.house import tellable
from tests.memory.orders import MemoryOrders

TIMELY = {Kind.ORDER_RECEIVED, Kind.HOLD_EXPIRING, Kind.PAYMENT_FAILED, Kind.DELAY}
"""Of these the time may be over before they go out."""


def audit(memory: Memory) -> None:
    """Holds after every single step, also between a crash and its repair."""
    levels: list[Level] = memory.of("level")
    ledger = [*memory.of("movement"), *(sale for lock in memory.of("lock") if (sale := lock.movement()))]
    for level in levels:
        assert level.on_hand == level.available + level.locked, level
        if not is_pool(level.key.part):
            assert level.available >= 0, level
            _chain(level, ledger)
    for order in _orders(memory):
        if memory.audited.get(order.id) is not order:
            _in_itself(memory, order)
            memory.audited[order.id] = order
        for line in order.lines:
            sold = _sold(ledger, order, line.sku) + fed(order, line.sku)
            again = _replaced(memory, order, line.sku)
            assert sold == (line.allocated - _restocked(order, line.sku) + again if order.paid_at else 0), order
            if line.digital:
                assert _keys(memory, order, line.sku) == line.fulfilled + again, order
    for vault in memory.of("vault"):
        _marks(memory, vault)
        assert vault.back == total(memory.of("places", vault.shop, vault.sku)), vault
        assert len(memory.of("key", vault.shop, vault.sku)) == vault.imported
        texts = Counter(key.text for key in memory.of("key", vault.shop))
        assert not texts or max(texts.values()) == 1
        held_back = sum(line.deliverable for order in _orders(memory) if order.paid_at for line in order.lines if line.sku == vault.sku)
        on_hand = sum(level.on_hand for level in memory.of("level", vault.shop, vault.sku) if not is_pool(level.key.part))
        assert vault.left == on_hand + held_back, vault
    _debts(memory)
    audit_batches(memory, ledger)


def _marks(memory: Memory, vault: Vault) -> None:
    """Every place up to the last that was taken is with somebody, came back, or was withdrawn before its turn came."""
    keys = memory.of("key", vault.shop, vault.sku)
    withdrawn = sorted(key.place for key in keys if key.withdrawn_at)
    passed = [place for place in withdrawn if place <= vault.taken]
    assert sorted([*places_in_use(memory, vault), *passed]) == list(range(1, vault.taken + 1)), vault
    assert (vault.passed, [*vault.withdrawn]) == (len(passed), [place for place in withdrawn if place > vault.taken]), vault
    assert vault.revoked == sum(key.revoked_at is not None for key in keys), vault
    assert all(key.revoked_at for key in keys if key.replaced_by), vault


def _proved(memory: Memory) -> None:
    """What the command says that operators have for it."""
    vaults: list[Vault] = memory.of("vault")
    for shop in {vault.shop for vault in vaults}:
        book = BookForKeyAudit(MemoryOrders(memory), lambda shop: [vault.sku for vault in vaults if vault.shop == shop])
        report = key_audit.audit(key_audit.AuditKeys(shop=shop, limit=500), store=MemoryFulfilment(memory), book=book)
        assert all(one.proved for one in report.skus), report


def _in_itself(memory: Memory, order: Order) -> None:
    """What an order alone proves; it is looked at again when it has changed."""
    timeline = MemoryOrders(memory).timeline(order)
    assert replay.rebuild(order, timeline) == [], order
    for event in timeline:
        schemas.data_of(event)  # raises where listeners would get what they were not promised
    assert replay.whole(order.model_copy(update={"events": ()}), replay.stored(order, order.events)) == order.events, order
    _state(order)
    _refunds(order)
    for line in order.lines:
        assert 0 <= line.fulfilled <= line.allocated <= line.wanted <= line.quantity, order
        assert line.cancelled <= line.refunded <= line.quantity, order
        assert line.returned == _came_back(order, line.sku) <= line.fulfilled, order


def audit_end(memory: Memory) -> None:
    """Holds when nothing is under way any more."""
    audit(memory)
    assert [lock for lock in memory.of("lock") if lock.sale is None] == []
    for level in memory.of("level"):
        assert level.available == level.on_hand - level.kept, f"units of nobody are withheld: {level}"
        if not is_pool(level.key.part):
            waiting = memory.of("debt", level.key.shop, level.key.sku)
            assert level.available == 0 or waiting == [], f"somebody waits for what is there: {level}"
    audit_queues(memory)
    _proved(memory)
    _promises(memory)
    _allowances(memory)
    for order in _orders(memory):
        _money(memory, order)
        assert order.status not in {Status.PENDING_PAYMENT, Status.PAID}, order
        for line in order.lines:
            owed = sum(debt.owed for debt in memory.of("debt", order.shop, line.sku) if debt.order == order.id)
            assert owed == rules.owed(order, line), f"{owed} are written down: {order}"
        _told(memory, order)


def _told(memory: Memory, order: Order) -> None:
    """Of each event its customer was told: by a mail of its own, or by another that told it along; or when its time came there was nothing
    to tell any more.
    """
    rows: list[Notification] = [row for row in memory.of("notification", order.shop) if row.notice.subject == order.id]
    assert [row for row in rows if row.status not in {Sent.SENT, Sent.SKIPPED}] == []
    mails = {row.notice.event: row for row in rows if row.recipient.channel is Channel.EMAIL}
    for event in MemoryOrders(memory).timeline(order):
        for notice in telling.notices(tellable(order, event)):
            if notice.event not in mails:
                assert MANNERS[notice.kind].wait or MANNERS[notice.kind].audience is Audience.STAFF, "it was not even written down"
            else:
                row = mails[notice.event]
                other = memory.get("notification", order.shop, row.into) if row.into else row
                assert other.status is Sent.SENT or row.notice.kind in TIMELY, row
                assert other is row or row.notice in other.also, row


def _chain(level: Level, ledger: list[Movement]) -> None:
    """The ledger of a part, walked back from its level: no gap, each balance the one before plus what was booked, nothing beside it."""
    booked = {
        movement.id: line
        for movement in ledger
        if movement.shop == level.key.shop and (line := movement.booking(level.key.sku, level.key.part))
    }
    balance, last = level.on_hand, level.last
    while last is not None:
        line = booked.pop(last)
        assert line.balance == balance, (level, line)
        balance, last = line.balance - line.quantity, line.before
    assert (balance, booked) == (0, {}), level


def _promises(memory: Memory) -> None:
    """What may still be promised is the cap less what is owed."""
    for level in [level for level in memory.of("level") if level.key.part == PROMISES]:
        owed = sum(debt.owed for debt in memory.of("debt", level.key.shop, level.key.sku))
        assert level.available == level.cap - owed, (level, owed)


def _allowances(memory: Memory) -> None:
    """What a customer may still buy is the limit less what he bought and neither gave up nor brought back."""
    for level in [level for level in memory.of("level") if is_pool(level.key.part) and level.key.part != PROMISES]:
        his = [
            order for order in memory.of("order", level.key.shop) if order.paid_at and buyer_pool(_buyer(memory, order)) == level.key.part
        ]
        lines = [(order, line) for order in his for line in order.lines if line.sku == level.key.sku]
        used = sum(line.wanted - _restocked(order, line.sku) for order, line in lines)
        assert level.available == level.cap - used, (level, used)


def _buyer(memory: Memory, order: Order) -> str:
    """The customer as he called himself when he bought, whatever address stands in the order since."""
    edits = (event.before["email"] for event in MemoryOrders(memory).timeline(order) if "email" in event.before)
    return rules.buyer(next(edits, order.email)) or ""


def _state(order: Order) -> None:
    """The state follows from the money and the lines."""
    paid = order.paid_at is not None
    assert (order.status in rules.SETTLED) <= paid, order
    assert paid <= (order.payment.captured > 0 or order.amount == 0), order
    owed, here = any(line.short for line in order.lines), any(line.here for line in order.lines)
    if order.status in {Status.SHIPPED, Status.DELIVERED, Status.COMPLETED, Status.PARTIALLY_REFUNDED}:
        assert (owed, here) == (False, False), order
        assert any(line.wanted for line in order.lines), order
    if order.status is Status.PROCESSING:
        assert (owed, here) == (False, True), order
    if order.status in {Status.AWAITING_STOCK, Status.PARTIALLY_FULFILLED}:
        assert owed or any(line.allocated for line in order.lines), order
    if order.status is Status.AWAITING_STOCK:
        assert not any(line.allocated for line in order.lines), order
    if order.status in {Status.PICKING, Status.PACKED}:
        assert any(line.here for line in order.lines if not line.digital), order
    if order.status in {Status.CANCELLED, Status.REFUNDED} and paid:
        assert (owed, here) == (False, False), order
    if order.status is Status.PARTIALLY_REFUNDED:
        assert order.refunds, order


def _refunds(order: Order) -> None:
    """Refunds take no more than came, and each unit's money goes back once."""
    told = sum(refund.amount for refund in order.own_refunds if refund.state is not RefundState.FAILED)
    done = sum(refund.amount for refund in order.own_refunds if refund.state is RefundState.DONE)
    assert order.payment.refunded == done <= told <= order.payment.captured, order
    assert len({refund.id for refund in order.refunds}) == len(order.refunds), order
    if order.status in rules.SETTLED:
        units = {line.sku: line.refunded for line in order.lines if line.refunded}
        assert Counter(units) == sum((Counter(refund.lines) for refund in order.refunds), Counter()), order
        worth = sum(_worth(order, line) for line in order.lines)
        went = sum(refund.amount for refund in order.refunds if refund.lines)
        less = order.to_refund == 0 or any(refund.attempt > 1 for refund in order.refunds)
        assert went == worth or (went < worth and less), order


def _worth(order: Order, line: Any) -> int:
    """What the refunded units of a line cost, tax and all: of another amount that was taken, the line's share."""
    on_top = 0 if order.amount == order.totals.subtotal.amount + order.totals.shipping.amount else line.tax
    cost = line.unit_price.amount * line.quantity + on_top
    came = cost * order.payment.captured // order.amount if cost else 0
    return int(came * line.refunded // line.quantity)


def _restocked(order: Order, sku: str) -> int:
    return sum(back.restocked.get(sku, 0) for back in order.returns)


def _came_back(order: Order, sku: str) -> int:
    return sum(back.restocked.get(sku, 0) + back.written_off.get(sku, 0) for back in order.returns)


def _money(memory: Memory, order: Order) -> None:
    """Money that we have belongs to goods or debts; money for nothing went back. What we say of it is what the provider says."""
    book = memory.get("book", order.payment.id)
    assert order.payment.refunded == sum(book.refunds.values()), order
    if isinstance(book, Ledger):
        _balance(memory, order)
        return
    assert all(refund.state is RefundState.DONE for refund in order.refunds), order
    if order.status in rules.SETTLED:
        assert book.status is News.SUCCEEDED or (order.to_refund == 0 and book.status is News.REFUNDED), order
        assert order.payment.captured == book.amount, order
    elif order.status is Status.REFUNDED or order.payment.captured:
        assert book.status is News.REFUNDED, order
    elif not _waits_for_a_person(memory, order):
        assert book.status not in {News.SUCCEEDED, News.REFUNDED}, order


def _balance(memory: Memory, order: Order) -> None:
    """What the bank has of this order's money is what the order says that the shop has; and that is for goods, or waits for somebody."""
    books = [book for book in memory.of("book") if book.order_id == order.id]
    own = order.payment.captured - order.payment.refunded - order.payment.charged_back
    beside = sum(refund.amount for refund in order.refunds if refund.of and refund.state is not RefundState.DONE)
    if not _waits_for_a_person(memory, order):
        assert sum(book.balance for book in books) == own + beside, (order, books)
    first = next(book for book in books if book.id == order.payment.id)
    if order.payment.captured:
        assert {name: one.state for name, one in first.disputes.items()} == {one.id: one.state for one in order.disputes}, order
    stuck = any(refund.state is not RefundState.DONE for refund in order.refunds)
    won = any(dispute.state == DisputeState.WON for dispute in order.disputes)
    assert order.status in rules.SETTLED or own == 0 or stuck or won, order


def _waits_for_a_person(memory: Memory, order: Order) -> bool:
    """Money that does not match is with the shop until somebody has decided."""
    told = any(event.type == events.PAYMENT_REVIEW for event in MemoryOrders(memory).timeline(order))
    return order.status is Status.PAYMENT_REVIEW or (order.status is Status.CANCELLED and told)


def _debts(memory: Memory) -> None:
    """What is written down as owed is what a paid order is short of; only the first in the queue was given a part."""
    for debt in memory.of("debt"):
        order: Order = memory.get("order", debt.shop, debt.order)
        assert order.paid_at == debt.paid_at
        if order.status in rules.SETTLED:
            assert debt.owed >= order.line(debt.sku).short, order  # what was given up is forgotten a moment later


def _sold(ledger: list[Movement], order: Order, sku: str) -> int:
    booked = [row for row in ledger if (row.shop, row.document) == (order.shop, order.id)]
    assert all(row.reason in {Reason.SALE, Reason.RETURN} for row in booked)
    return -sum(line.quantity for row in booked for line in row.lines if line.sku == sku)


def _keys(memory: Memory, order: Order, sku: str) -> int:
    return sum(total(row.places) for row in memory.of("delivery", order.shop, order.id) if row.sku == sku) + fed(order, sku)


def _replaced(memory: Memory, order: Order, sku: str) -> int:
    """Keys that came in the place of others."""
    told = MemoryOrders(memory).timeline(order) if order.paid_at else ()
    return sum(event.type == events.KEY_REPLACED and event.data["sku"] == sku for event in told)


def _orders(memory: Memory) -> list[Any]:
    return memory.of("order")
