"""What must come of the samples about orders that staff call, and of the workers behind them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.ids import derived_id
from holdfast.kernel.money import Money
from holdfast.orders import events, machine, settlement
from holdfast.orders.going_back import Return
from holdfast.orders.model import Order, PaymentRef, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from tests.memory import samples
from tests.unit.functions.world import EMAIL, KEYS, NOW, World, body, load

Answer = dict[str, Any]
Effect = Callable[[World, Answer], None]

PLACED = ("storefront_http/place_order",)
AT_THE_PROVIDER = (*PLACED, "payments_sandbox/pay")
PAID = (*AT_THE_PROVIDER, "payments_webhook/succeeded", "payments_inbox/succeeded")
DELIVERED = (*PAID, "fulfilment_inbox/order_paid")
CANCELLED = (*PAID, "orders_http/cancel_paid_order")
INDEXED = (*PLACED, "orders_inbox/order_placed")
AN_HOUR = timedelta(hours=1)
DESK = "orders_admin_http"
STAFF = Actor(kind=ActorKind.STAFF, id="key_1")
ORDER, PAYMENT = "ord_01KAJVKP00C1G0HP0V7PKA0YPY", "pay_01KAJVKP0027VYN7B47MV54GJ8"
ROWS = ("email", "number#0V7PK-A0YPY", f"payment#{PAYMENT}", "sku#licence")


def order(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    return found


def holds(world: World, sku: str) -> tuple[int, int]:
    """On hand and available."""
    level = next(item for item in world.items("stock") if item["pk"] == f"demo#{sku}#0" and item["sk"] == "LEVEL")
    return level["on_hand"], level["avail"]


# What no sample brings about.


def ready_to_ship() -> Order:
    """A paid order for two boxes, which lie ready."""
    total = Money(amount=9800, currency="EUR")
    line = samples.order("demo").lines[0]
    box = line.model_copy(
        update={"sku": "box", "digital": False, "quantity": 2, "allocated": 2, "unit_price": Money(amount=4900, currency="EUR")}
    )
    paid = PaymentRef(provider="sandbox", id="pay_7", status=PaymentStatus.SUCCEEDED, captured=9800)
    totals = samples.TOTALS.model_copy(update={"subtotal": total, "total": total})
    return samples.order("demo", 7, email=EMAIL, status=Status.PROCESSING, lines=(box,), payment=paid, totals=totals, paid_at=samples.NOW)


def a_parcel(world: World) -> None:
    assert load(DESK).orders.add(ready_to_ship())


def a_debt(world: World) -> None:
    """Of two boxes one is there."""
    ready = ready_to_ship()
    boxes = tuple(line.model_copy(update={"allocated": 1}) for line in ready.lines)
    assert load(DESK).orders.add(ready.model_copy(update={"lines": boxes, "status": Status.PARTIALLY_FULFILLED}))


def a_shipped_parcel(world: World) -> None:
    ready = ready_to_ship()
    boxes = tuple(line.model_copy(update={"fulfilled": 2}) for line in ready.lines)
    shipped = machine.move(ready, "ship", at=NOW, actor=STAFF, lines=boxes)
    assert load(DESK).orders.add(shipped.model_copy(update={"version": 1}))


def a_return(world: World) -> None:
    a_shipped_parcel(world)
    shipped = load(DESK).orders.get("demo", ready_to_ship().id)
    back = Return(id=derived_id("ret", samples.NOW, "sample"), lines={"box": 1})
    told = {"return": back.id, "lines": {"box": 1}}
    assert load(DESK).orders.save(shipped.happened(events.RETURN_REQUESTED, at=NOW, actor=STAFF, data=told, returns=(back,)))


def too_little_came(world: World) -> None:
    """The order waits for a person."""
    told = {"kind": FactKind.SUCCEEDED, "amount": 3000, "currency": "EUR", "actor": STAFF}
    fact = PaymentFact(shop="demo", order=ORDER, provider="sandbox", payment=PAYMENT, **told)
    settlement.settle(fact, world=load("payments_inbox").finaliser, now=NOW)
    assert order(world)["status"] == "payment_review"


def empty_queues(world: World) -> None:
    for queue in ("payments", "fulfilment"):
        world.messages(queue)


# What must come of it.


def found(*statuses: str, by: str | None = None) -> Effect:
    def check(_: World, answer: Answer) -> None:
        assert ([item["status"] for item in body(answer)["items"]], body(answer)["found_by"]) == (list(statuses), by)

    return check


def exported(media_type: str, end: str, *starts: str) -> Effect:
    def check(_: World, answer: Answer) -> None:
        assert answer["headers"]["Content-Type"] == f"{media_type}; charset=utf-8"
        rows = answer["body"].split(end)
        assert [row[: len(start)] for row, start in zip(rows, starts, strict=False)] == list(starts)
        assert (len(rows), rows[-1], "X-Next-Cursor" in answer["headers"]) == (len(starts) + 1, "", False)

    return check


def told_of(*types: str) -> Effect:
    """The last events of the order's timeline, as staff see them."""

    def check(world: World, answer: Answer) -> None:
        path = {"shop": "demo", "order": body(answer)["id"]}
        headers = {"X-Api-Key": KEYS["viewer"]}
        seen = body(world.http(DESK, "GET", "/shops/{shop}/admin/orders/{order}", **path, headers=headers))
        last = seen["events"][-len(types) :]
        assert [event["type"] for event in last] == list(types)
        assert any(event["request_id"] for event in last)

    return check


def became(status: str, payment: str, licences: tuple[int, int] = (3, 3)) -> Effect:
    def check(world: World, _: Answer) -> None:
        assert (order(world)["status"], order(world)["payment"]["status"], holds(world, "licence")) == (status, payment, licences)

    return check


def asked_for(queue: str, kind: str) -> Effect:
    def check(world: World, _: Answer) -> None:
        assert world.messages(queue) == [{"kind": kind, "shop": "demo", "order": ORDER}]

    return check


def would_ask_only(world: World, answer: Answer) -> None:
    (item,) = body(answer)["items"]
    assert (item["status"], [one["worker"] for one in item["asked"]]) == ("paid", ["fulfilment"])
    assert [world.messages(queue) for queue in ("payments", "fulfilment")] == [[], []]


def stays_completed(world: World, answer: Answer) -> None:
    assert (body(answer)["order_status"], body(answer)["to"], order(world)["version"]) == ("completed", "shipped", 3)


def boxes_are_back(world: World, answer: Answer) -> None:
    told_of("order.return_received.v1", "order.refund_due.v1")(world, answer)
    assert (holds(world, "box"), [refund["amount"]["amount"] for refund in body(answer)["refunds"]]) == ((6, 6), [4900])


def has_rows(*names: str) -> Effect:
    """What the order is found by; digests and buckets left out."""

    def check(world: World, answer: Answer) -> None:
        assert answer["batchItemFailures"] == []
        rows = sorted(item["pk"].removeprefix("demo#FIND#") for item in world.items("orders") if item["pk"].startswith("demo#FIND#"))
        plain = [row if row.startswith(("number#", "payment#", "place#")) else row.rsplit("#", 1)[0] for row in rows]
        assert plain == sorted(names)

    return check


def reindexed(rows: int) -> Effect:
    def check(world: World, answer: Answer) -> None:
        told = {"shop": "demo", "examined": 1, "orders": 1, "added": 4, "removed": 0, "dry_run": rows == 0, "next": None}
        assert answer == {"ok": True, "result": told}
        assert len([item for item in world.items("orders") if item["pk"].startswith("demo#FIND#")]) == rows

    return check


CASES: dict[str, dict[str, Any]] = {
    f"{DESK}/list_orders": {"status": 200, "members": {"next": None}, "after": PLACED, "effect": found("pending_payment")},
    f"{DESK}/list_orders_by_status": {"status": 200, "members": {"next": None}, "after": PAID, "effect": found("paid")},
    f"{DESK}/find_orders": {"status": 200, "members": {"next": None}, "after": INDEXED, "effect": found("pending_payment", by="email")},
    f"{DESK}/find_orders_by_key": {
        "status": 200,
        "members": {"next": None},
        "after": (*DELIVERED, "orders_inbox/order_completed"),
        "effect": found("completed", by="key"),
    },
    f"{DESK}/find_orders_misspelt": {"status": 422, "members": {"code": "validation_failed"}},
    f"{DESK}/export_csv": {
        "status": 200,
        "after": PLACED,
        "effect": exported("text/csv", "\r\n", "\ufefforder,number,status", f"{ORDER},0V7PK-A0YPY,pending_payment,"),
    },
    f"{DESK}/export_ndjson": {"status": 200, "after": PAID, "effect": exported("application/x-ndjson", "\n", f'{{"id":"{ORDER}"')},
    f"{DESK}/show_order": {"status": 200, "members": {"status": "paid"}, "after": PAID},
    f"{DESK}/edit_order": {
        "status": 200,
        "members": {"email": "ada.lovelace@example.com", "phone": "+44 20 7946 0018"},
        "after": PLACED,
        "effect": told_of("order.edited.v1"),
    },
    f"{DESK}/edit_order_stale": {"status": 412, "members": {"code": "stale_order", "version": 1}, "after": PLACED},
    f"{DESK}/rebuild_order": {"status": 200, "members": {"agrees": True, "drifts": [], "events": 3}, "after": DELIVERED},
    f"{DESK}/add_note": {"status": 201, "after": PLACED, "effect": told_of("order.note_added.v1")},
    f"{DESK}/resend_mail": {
        "status": 200,
        "members": {"email": "ada.lovelace@example.com"},
        "after": DELIVERED,
        "effect": told_of("order.completed.v1", "order.mail_resent.v1"),
    },
    f"{DESK}/ship_order": {
        "status": 200,
        "members": {"status": "shipped"},
        "given": a_parcel,
        "effect": told_of("order.shipped.v1"),
    },
    f"{DESK}/ship_order_refused": {
        "status": 409,
        "members": {"code": "transition_not_allowed"},
        "after": DELIVERED,
        "effect": stays_completed,
    },
    f"{DESK}/accept_payment": {
        "status": 200,
        "members": {"status": "paid"},
        "after": PLACED,
        "given": too_little_came,
        "effect": told_of("order.payment_accepted.v1", "order.paid.v1"),
    },
    f"{DESK}/refuse_payment": {"status": 200, "after": PLACED, "given": too_little_came, "effect": became("refunded", "refund_due")},
    f"{DESK}/cancel_order": {"status": 200, "after": PLACED, "effect": became("cancelled", "pending")},
    f"{DESK}/refund_order": {"status": 200, "after": DELIVERED, "effect": told_of("order.refund_due.v1")},
    f"{DESK}/refund_order_as_operator": {"status": 403, "members": {"code": "scope_missing", "needed": "admin"}, "after": DELIVERED},
    f"{DESK}/announce_return": {"status": 201, "given": a_shipped_parcel, "effect": told_of("order.return_requested.v1")},
    f"{DESK}/receive_return": {"status": 200, "given": a_return, "effect": boxes_are_back},
    f"{DESK}/retry_order": {"status": 202, "after": PAID, "given": empty_queues, "effect": asked_for("fulfilment", "serve")},
    f"{DESK}/retry_order_unpaid": {"status": 202, "after": PLACED, "effect": asked_for("payments", "ask")},
    f"{DESK}/retry_order_done": {"status": 409, "members": {"code": "nothing_to_retry", "order_status": "completed"}, "after": DELIVERED},
    f"{DESK}/retry_failed": {
        "status": 200,
        "members": {"dry_run": False, "next": None},
        "after": PAID,
        "given": empty_queues,
        "later": AN_HOUR,
        "effect": asked_for("fulfilment", "serve"),
    },
    f"{DESK}/retry_failed_dry_run": {
        "status": 200,
        "members": {"dry_run": True, "next": None},
        "after": PAID,
        "given": empty_queues,
        "later": AN_HOUR,
        "effect": would_ask_only,
    },
    "orders_inbox/order_placed": {"after": PLACED, "effect": has_rows(*ROWS)},
    "orders_inbox/order_completed": {"after": DELIVERED, "effect": has_rows(*ROWS, "place#licence#0")},
    "orders_inbox/order_edited": {"after": (*INDEXED, f"{DESK}/edit_order"), "effect": has_rows(*ROWS, "phone")},
    "orders_inbox/order_that_is_gone": {"effect": has_rows()},
    "fulfilment_inbox/look_again": {"after": PAID, "effect": became("completed", "succeeded", (1, 1))},
    "payments_inbox/ask_provider": {"after": AT_THE_PROVIDER, "effect": became("paid", "succeeded", (1, 1))},
    "payments_inbox/refund_again": {"after": CANCELLED, "effect": became("cancelled", "refunded")},
    "operations_command/reindex": {"after": PLACED, "effect": reindexed(4)},
    "operations_command/reindex_plan": {"after": PLACED, "effect": reindexed(0)},
}
