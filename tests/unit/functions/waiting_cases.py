"""What must come of the samples about orders that wait: what staff sees of them, who is told of a delay, and who is woken."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from holdfast.fulfilment.model import Debt
from holdfast.fulfilment.rules import position
from holdfast.orders.model import Status
from tests.memory import samples
from tests.unit.functions.order_desk_cases import a_parcel, a_shipped_parcel, told_of
from tests.unit.functions.world import EMAIL, NOW, World, body, load

Answer = dict[str, Any]
Effect = Callable[[World, Answer], None]
DESK, SCHEDULE = "fulfilment_admin_http", "fulfilment_schedule"
A_DAY = timedelta(hours=24)
WOKEN = {"kind": "restock", "shop": "demo", "sku": "licence"}


def two_wait(world: World) -> None:
    """For two licences each; who paid later a minute later. The shelf is full all the same: nobody has looked."""
    store = load(DESK).fulfilment
    for number in (1, 2):
        at = NOW + timedelta(minutes=number)
        line = samples.order("demo").lines[0].model_copy(update={"sku": "licence", "quantity": 2, "allocated": 0, "backorder": True})
        owed = {"status": Status.AWAITING_STOCK, "lines": (line,), "email": EMAIL, "paid_at": at}
        order = samples.order("demo", number, **owed)
        assert load(SCHEDULE).usher.orders.orders.add(order)
        debt = Debt(shop="demo", sku="licence", order=order.id, owed=2, paid_at=at, position=position(at, order.id))
        store.commit([store.debts.add_write(debt)], token=order.id)
    store.queues.mark(store.queues.queue("demo", "licence"), waiting=True)


def one_queue(_: World, answer: Answer) -> None:
    (row,) = body(answer)["items"]
    assert {name: row[name] for name in ("sku", "orders", "units", "late", "free", "open_batch")} == {
        "sku": "licence",
        "orders": 2,
        "units": 4,
        "late": 1,
        "free": 3,
        "open_batch": None,
    }
    assert (row["oldest_paid_at"], body(answer)["totals"]["ages"]["under_3_days"]) == ("2026-11-21T12:01:00.000Z", 1)


def who_paid_first_stands_first(_: World, answer: Answer) -> None:
    first, second = body(answer)["items"]
    assert [(one["place"], one["owed"], one["late"], one["told_at"]) for one in (first, second)] == [
        (1, 2, True, None),
        (2, 2, False, None),
    ]
    assert first["promised_by"] == "2026-11-22T12:01:00.000Z"


def is_looked_at_again(world: World, answer: Answer) -> None:
    again = world.play(f"{DESK}/feed_queue")
    assert (again["headers"]["Idempotent-Replayed"], again["body"]) == ("true", answer["body"])
    assert world.messages("fulfilment") == [WOKEN]


def woken_and_told(world: World, answer: Answer) -> None:
    """Each once, however often the clock ticks."""
    sums = {name: answer[name] for name in ("woken", "told", "failed")}
    assert (sums, world.messages("fulfilment")) == ({"woken": 1, "told": 1, "failed": 0}, [WOKEN])
    told = {item["pk"]: [event["type"] for event in item["events"]] for item in world.items("orders") if item["sk"] == "ORDER"}
    assert sorted(told.values()) == [[], ["order.delayed.v1"]]
    kept = {item["shop"]: item["report"] for item in world.items("operations")}
    assert (kept["demo"]["told"], kept["other"]["told"], kept["demo"]["complete"]) == (1, 0, True)
    again = world.play(f"{SCHEDULE}/tick")
    assert (again["told"], again["woken"]) == (0, 1)


def others_hear_of_it(world: World, answer: Answer) -> None:
    """Nobody waits who has paid, and units are there."""
    assert answer == {"batchItemFailures": []}
    assert [world.messages(queue) for queue in ("fulfilment", "notifications")] == [
        [],
        [{"kind": "back_in_stock", "shop": "demo", "sku": "licence", "idle": 0}],
    ]


LATE = A_DAY + timedelta(minutes=1)
CASES: dict[str, dict[str, Any]] = {
    f"{DESK}/list_queues": {"status": 200, "members": {"next": None}, "given": two_wait, "later": LATE, "effect": one_queue},
    f"{DESK}/show_queue": {
        "status": 200,
        "members": {"sku": "licence", "next": None},
        "given": two_wait,
        "later": LATE,
        "effect": who_paid_first_stands_first,
    },
    f"{DESK}/show_queue_unknown": {"status": 404, "members": {"code": "not_found"}},
    f"{DESK}/feed_queue": {"status": 202, "members": {"sku": "licence", "asked": True}, "effect": is_looked_at_again},
    f"{SCHEDULE}/tick": {"given": two_wait, "later": LATE, "effect": woken_and_told},
    "fulfilment_inbox/restock": {"effect": others_hear_of_it},
    "orders_admin_http/delivery_problem": {
        "status": 200,
        "members": {"status": "shipped"},
        "given": a_shipped_parcel,
        "effect": told_of("order.delivery_problem.v1"),
    },
    "orders_admin_http/delivery_problem_refused": {
        "status": 409,
        "members": {"code": "nothing_shipped", "order_status": "processing"},
        "given": a_parcel,
    },
}
