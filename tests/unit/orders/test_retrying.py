"""What is asked of whom about an order that stands still."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from holdfast.orders import indexing, retrying
from holdfast.orders.errors import NothingToRetry
from holdfast.orders.going_back import Beside, Refund, RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.retrying import ASK, FEED, REFUND, SERVE, RetryFailed, Task, Worker
from holdfast.wiring.search import VaultsForSearch
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.samples import NOW
from tests.memory.stores import Stores, in_memory

LINE = samples.order("demo").lines[0]
SECOND = Refund(id="rfd_2", amount=1999, of=Beside(provider="sandbox", payment="pay_2"))
OWING = LINE.model_copy(update={"quantity": 3, "allocated": 1, "backorder": True})


class Queues:
    def __init__(self) -> None:
        self.sent: list[tuple[Worker, Mapping[str, Any]]] = []

    def send(self, worker: Worker, message: Mapping[str, Any]) -> None:
        self.sent.append((worker, message))


def order(status: Status, payment: PaymentStatus = PaymentStatus.SUCCEEDED, number: int = 1, line: Any = LINE, **changes: Any) -> Order:
    due = (Refund(id="rfd_1", amount=1),) if payment is PaymentStatus.REFUND_DUE else ()
    made = samples.order("demo", number, status=status, lines=(line,), **{"refunds": due, **changes})
    return made.model_copy(update={"payment": made.payment.model_copy(update={"status": payment})})


CASES = [
    (order(Status.PENDING_PAYMENT, PaymentStatus.PENDING), [ASK]),
    (order(Status.EXPIRED, PaymentStatus.PENDING), [ASK]),
    (order(Status.EXPIRED, PaymentStatus.EXPIRED), [ASK]),
    (order(Status.PAYMENT_FAILED, PaymentStatus.FAILED), [ASK]),
    (order(Status.PAYMENT_REVIEW, PaymentStatus.PENDING), [ASK]),
    (order(Status.PAID), [SERVE]),
    (order(Status.PAID, line=OWING), [SERVE]),
    (order(Status.PARTIALLY_FULFILLED, line=OWING), [FEED]),
    (order(Status.AWAITING_STOCK, line=OWING.model_copy(update={"allocated": 0})), [FEED]),
    (order(Status.PARTIALLY_FULFILLED, PaymentStatus.REFUND_DUE, line=OWING), [FEED, REFUND]),
    (order(Status.REFUNDED, PaymentStatus.REFUND_DUE), [REFUND]),
    (order(Status.CANCELLED, PaymentStatus.REFUND_DUE), [REFUND]),
    (order(Status.CANCELLED, PaymentStatus.PENDING), []),
    (order(Status.REFUNDED, PaymentStatus.REFUNDED, line=OWING), []),
    (order(Status.PROCESSING), []),
    (order(Status.COMPLETED), []),
    (order(Status.COMPLETED, PaymentStatus.REFUND_DUE), [REFUND]),
    (order(Status.COMPLETED, refunds=(SECOND,)), [REFUND]),
    (order(Status.CANCELLED, PaymentStatus.PENDING, refunds=(SECOND,)), [REFUND]),
    (order(Status.COMPLETED, refunds=(SECOND.model_copy(update={"state": RefundState.FAILED}),)), []),
]


@pytest.mark.parametrize(("standing", "expected"), CASES, ids=lambda case: getattr(case, "status", None) or str(len(case)))
def test_what_an_order_waits_for(standing: Order, expected: list[Task]) -> None:
    queues = Queues()
    if not expected:
        with pytest.raises(NothingToRetry) as refused:
            retrying.retry(standing, queues=queues)
        assert (refused.value.facts, queues.sent) == ({"order_status": standing.status}, [])
        return
    assert list(retrying.retry(standing, queues=queues)) == expected
    assert queues.sent == [(task.worker, {"kind": task.kind, "shop": "demo", "order": standing.id}) for task in expected]


@pytest.mark.parametrize("status", Status)
def test_no_state_is_forgotten(status: Status) -> None:
    """Every state may be asked about; nothing of it fails."""
    assert all(task in {ASK, FEED, REFUND, SERVE} for task in retrying.tasks(order(status, line=OWING)))


@pytest.fixture
def stores() -> Stores:
    found = in_memory(Memory())
    standing = [
        order(Status.PAID, number=1, created_at=NOW, updated_at=NOW),
        order(Status.PAID, number=2, created_at=NOW + timedelta(minutes=1), updated_at=NOW + timedelta(hours=2)),
        order(Status.COMPLETED, number=3, created_at=NOW, updated_at=NOW),
        order(Status.REFUNDED, PaymentStatus.REFUND_DUE, number=4, created_at=NOW + timedelta(minutes=2), updated_at=NOW),
        order(Status.REFUNDED, PaymentStatus.REFUNDED, number=5, created_at=NOW + timedelta(minutes=2), updated_at=NOW),
        order(Status.EXPIRED, PaymentStatus.PENDING, number=6, created_at=NOW + timedelta(minutes=3), updated_at=NOW),
        order(Status.SHIPPED, PaymentStatus.REFUND_DUE, number=8, created_at=NOW + timedelta(minutes=4), updated_at=NOW),
        order(Status.COMPLETED, number=9, created_at=NOW + timedelta(minutes=5), updated_at=NOW, refunds=(SECOND,)),
    ]
    for one in (*standing, samples.order("other", 7, status=Status.PAID)):
        found.orders.add(one)
        indexing.index(one.shop, one.id, search=found.search, orders=found.orders, vaults=VaultsForSearch(found.fulfilment, found.orders))
    return found


def retry_failed(stores: Stores, queues: Queues, **changes: Any) -> retrying.Retried:
    asked: dict[str, Any] = {"states": frozenset(), "idle": timedelta(minutes=15), "limit": 10, "after": None, "dry_run": False}
    command = RetryFailed(**{"shop": "demo", **asked, **changes})
    world: dict[str, Any] = {"search": stores.search, "orders": stores.orders, "vaults": VaultsForSearch(stores.fulfilment, stores.orders)}
    return retrying.retry_failed(command, queues=queues, now=NOW + timedelta(hours=2), **world)


def numbers(stores: Stores, retried: retrying.Retried) -> list[str]:
    return [found.id for found, _ in retried.orders]


def identities(*wanted: int) -> list[str]:
    return [samples.order("demo", number).id for number in wanted]


def test_all_that_stand_still_and_no_others(stores: Stores) -> None:
    queues = Queues()
    retried = retry_failed(stores, queues)
    assert (numbers(stores, retried), retried.last) == (identities(9, 8, 6, 4, 1), None)
    kinds = [(worker, message["kind"]) for worker, message in queues.sent]
    assert kinds == [*[(Worker.PAYMENTS, kind) for kind in ("refund", "refund", "ask", "refund")], (Worker.FULFILMENT, "serve")]


def test_a_dry_run_tells_the_same_and_asks_nobody(stores: Stores) -> None:
    queues = Queues()
    assert retry_failed(stores, queues, dry_run=True) == retry_failed(stores, Queues())
    assert queues.sent == []


def test_some_at_a_time_and_on_from_there(stores: Stores) -> None:
    queues = Queues()
    found, last = list[str](), None
    while last is not None or not found:
        page = retry_failed(stores, queues, limit=1, after=last)
        found, last = found + numbers(stores, page), page.last
    assert found == identities(9, 8, 6, 4, 1)


def test_states_and_patience_are_asked_for(stores: Stores) -> None:
    assert numbers(stores, retry_failed(stores, Queues(), states=frozenset({Status.EXPIRED}))) == identities(6)
    assert numbers(stores, retry_failed(stores, Queues(), states=frozenset({Status.SHIPPED}))) == identities(8)
    assert numbers(stores, retry_failed(stores, Queues(), idle=timedelta())) == identities(9, 8, 6, 4, 2, 1)
    assert numbers(stores, retry_failed(stores, Queues(), idle=timedelta(hours=3))) == []
