"""Every sample in events/ is given to its function; here stands what must come of it.

Samples build on each other: `after` names those that are played first, as it happens in life.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, Product
from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.money import Money
from holdfast.orders import staff
from holdfast.platform import aws
from holdfast.stock import booking, layout
from tests.unit.functions import (
    account_cases,
    contract,
    inbox_cases,
    key_cases,
    notice_cases,
    notification_cases,
    order_desk_cases,
    reconcile_cases,
    stripe_cases,
    waiting_cases,
    webhook_cases,
)
from tests.unit.functions.world import CLOCK, EMAIL, FUNCTIONS, NOW, ORIGIN, World, body, load, sample, samples

Answer = dict[str, Any]
Effect = Callable[[World, Answer], None]
Given = Callable[[World], None]

PLACED = ("storefront_http/place_order",)
AT_THE_PROVIDER = (*PLACED, "payments_sandbox/pay")
TOLD = (*AT_THE_PROVIDER, "payments_webhook/succeeded")
PAID = (*TOLD, "payments_inbox/succeeded")
DELIVERED = (*PAID, "fulfilment_inbox/order_paid")
CANCELLED = (*PAID, "orders_http/cancel_paid_order")
LAID_OUT = ("inventory_http/change_inventory",)
IN_BULK = ("inventory_http/change_in_bulk",)


@dataclass(frozen=True)
class Expected:
    """`status` of an HTTP answer, with `members` of its body; `effect` is what changed in the world.

    `given`: what no sample brings about, because nobody can ask for it: damage, a crowd.
    """

    status: int | None = None
    members: Any = None
    after: tuple[str, ...] = ()
    given: Given | None = None
    later: timedelta = timedelta()
    effect: Effect | None = None

    def prepare(self, world: World) -> None:
        for earlier in self.after:
            world.play(earlier)
        if self.given:
            self.given(world)
        CLOCK.now = NOW + self.later


def holds(world: World, sku: str) -> tuple[int, int]:
    """On hand and available."""
    level = next(item for item in world.items("stock") if item["pk"] == f"demo#{sku}#0" and item["sk"] == "LEVEL")
    return level["on_hand"], level["avail"]


def order(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    return found


def expect_stock(sku: str, on_hand: int, available: int) -> Effect:
    def check(world: World, _: Answer) -> None:
        assert holds(world, sku) == (on_hand, available)

    return check


def expect_order(status: str, payment: str, sku: str = "licence", stock: tuple[int, int] = (3, 3)) -> Effect:
    def check(world: World, _: Answer) -> None:
        assert (order(world)["status"], order(world)["payment"]["status"], holds(world, sku)) == (status, payment, stock)

    return check


def expect_failures(*messages: str) -> Effect:
    def check(_: World, answer: Answer) -> None:
        assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == list(messages)

    return check


def both(*effects: Effect) -> Effect:
    def check(world: World, answer: Answer) -> None:
        for effect in effects:
            effect(world, answer)

    return check


def given_up_at_the_provider(world: World, _: Answer) -> None:
    (book,) = [item for item in world.items("payments") if item["sk"] == "BOOK"]
    assert (order(world)["status"], book["status"]) == ("cancelled", "expired")


def nothing_is_owed(world: World, _: Answer) -> None:
    assert [item for item in world.items("fulfilment") if "owed" in item] == []


def nothing_happened(world: World, answer: Answer) -> None:
    assert answer.get("batchItemFailures", []) == []
    assert (world.published(), world.mails(), [world.messages(queue) for queue in ("payments", "stock", "fulfilment")]) == (
        [],
        [],
        [[], [], []],
    )


def priced_once(_: World, answer: Answer) -> None:
    """The same SKU in two lines is one line."""
    assert [(line["quantity"], line["line_total"]["amount"]) for line in body(answer)["lines"]] == [(2, 3998)]


def told_per_sku(_: World, answer: Answer) -> None:
    """Lines of one SKU are one; what is not sold here is told as such."""
    assert [(line["sku"], line["requested"], line["available"], line["ok"], line["status"]) for line in body(answer)["lines"]] == [
        ("licence", 3, 3, True, "in_stock"),
        ("box", 6, 5, False, "in_stock"),
        ("nothing", 1, 0, False, "unknown"),
    ]


def two_are_held(world: World, answer: Answer) -> None:
    assert body(answer)["hold"] == {"expires_at": "2026-11-21T12:15:00.000Z", "seconds_left": 900}
    assert body(answer)["payment"]["client"]["pay_url"].endswith(body(answer)["payment"]["id"])
    assert holds(world, "licence") == (3, 1)
    assert answer["headers"]["Access-Control-Allow-Origin"] == ORIGIN


def all_but_one_are_held(world: World, answer: Answer) -> None:
    assert (holds(world, "licence"), holds(world, "box")) == ((3, 0), (5, 4))


def nothing_is_kept(world: World, _: Answer) -> None:
    assert (len([item for item in world.items("orders") if item["sk"] == "SESSION"]), world.items("locks")) == (2, [])


def what_is_left_is_proposed(_: World, answer: Answer) -> None:
    told = body(answer)
    assert [(issue["code"], issue["sku"]) for issue in told["issues"]] == [
        ("unknown_sku", "gone"),
        ("insufficient_stock", "box"),
        ("price_changed", "box"),
    ]
    assert [(line["sku"], line["quantity"], line["unit_price"]["amount"]) for line in told["fixed_lines"]] == [
        ("box", 5, 4900),
        ("last", 1, 1999),
    ]
    assert [(change["sku"], change["code"], change["from"], change["to"]) for change in told["changes"]] == [
        ("box", "lines_summed", 4, 7),
        ("box", "insufficient_stock", 7, 5),
        ("gone", "unknown_sku", 1, 0),
        ("box", "price_changed", {"amount": 4500, "currency": "EUR"}, {"amount": 4900, "currency": "EUR"}),
    ]


def fewer_cost_less(_: World, answer: Answer) -> None:
    told = body(answer)
    assert (told["totals"]["total"]["amount"], told["notes"], told["address"]["country"]) == (1999, "Ring twice", "DE")


def the_shop_has_rates(world: World, answer: Answer) -> None:
    (shop,) = [item for item in world.items("tenants") if item["sk"] == "SHOP" and item["pk"] == "demo"]
    assert [rate["id"] for rate in shop["shipping"]] == [rate["id"] for rate in body(answer)["shipping"]] == ["parcel", "abroad"]
    assert shop["late_payment_by_provider"] == {"paypal": "owe"}


def told_what_is_left(world: World, answer: Answer) -> None:
    assert body(answer)["lines"] == [{"sku": "licence", "requested": 4, "available": 3}]
    (issue,) = body(answer)["issues"]
    assert (issue["code"], issue["asked"], issue["available"], issue["backorder"]) == ("insufficient_stock", 4, 3, True)
    assert (holds(world, "licence"), holds(world, "box"), world.items("locks")) == ((3, 3), (5, 5), [])


def may_be_asked(_: World, answer: Answer) -> None:
    assert answer["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    assert answer["headers"]["Access-Control-Allow-Methods"] == "POST"
    assert "Idempotency-Key" in answer["headers"]["Access-Control-Allow-Headers"]


def names_what_is_allowed(_: World, answer: Answer) -> None:
    assert answer["headers"]["Allow"] == "GET"


def shows_no_insides(_: World, answer: Answer) -> None:
    (event,) = body(answer)["items"]
    assert (event["type"], event["actor"]) == ("order.placed.v1", {"kind": "customer", "id": None})


def two_keys_and_a_record(world: World, answer: Answer) -> None:
    assert [item["key"] for item in body(answer)["items"]] == ["licence-0001", "licence-0002"]
    assert [item["keys"] for item in world.items("fulfilment") if item["sk"].startswith("REVEAL#")] == [2]


def sku_is_gone_from_the_shop(world: World, _: Answer) -> None:
    assert world.http("storefront_http", "GET", "/shops/{shop}/products/{sku}", shop="demo", sku="box")["statusCode"] == 404


def once_however_often(world: World, answer: Answer) -> None:
    assert holds(world, "box") == (25, 25)
    again = world.play("inventory_http/restock")
    assert (again["headers"]["Idempotent-Replayed"], again["body"]) == ("true", answer["body"])
    assert holds(world, "box") == (25, 25)


def signed(_: World, answer: Answer) -> None:
    webhook = body(answer)["webhook"]
    assert webhook["path"] == "/shops/demo/webhooks/payments/sandbox"
    assert webhook["headers"]["X-Sandbox-Signature"].startswith("t=1795262400,v1=")


def stored_and_passed_on(world: World, _: Answer) -> None:
    (event,) = [item for item in world.items("payments") if item["sk"] == "EVENT"]
    assert event["raw"] == sample("payments_webhook/succeeded")["body"]
    assert world.messages("payments") == [{"shop": "demo", "provider": "sandbox", "event": event["id"]}]


def nothing_stored(world: World, _: Answer) -> None:
    assert [item for item in world.items("payments") if item["sk"] == "EVENT"] == []
    assert world.messages("payments") == []


def published(*types: str) -> Effect:
    def check(world: World, answer: Answer) -> None:
        assert answer == {"batchItemFailures": []}
        assert [event["detail-type"] for event in world.published()] == list(types)
        assert all(event["detail"]["shop"] == "demo" and event["detail"]["id"].startswith("evt_") for event in world.published())

    return check


def forwarded(queue: str, **members: Any) -> Effect:
    def check(world: World, answer: Answer) -> None:
        assert answer == {"batchItemFailures": []}
        (message,) = world.messages(queue)
        assert {name: message[name] for name in members} == members

    return check


def one_mail_with_the_keys(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    (mail,) = world.mails()
    assert mail.destinations["ToAddresses"] == [EMAIL]
    assert "licence-0001" in str(mail.body)


def one_mail(*says: str) -> Effect:
    def check(world: World, answer: Answer) -> None:
        assert answer == {"batchItemFailures": []}
        (mail,) = world.mails()
        assert [text for text in says if text not in str(mail.body)] == []

    return check


def told_later(world: World, answer: Answer) -> None:
    """Whoever pays at once is not asked for it."""
    no_mail(world, answer)
    told = [message["notice"]["kind"] for message in world.messages("notifications") if message["kind"] == "tell"]
    assert told == ["order_received"]


def no_mail(world: World, answer: Answer) -> None:
    assert (answer, world.mails()) == ({"batchItemFailures": []}, [])


def swept(units: int, dry_run: bool, status: str) -> Effect:
    def check(world: World, answer: Answer) -> None:
        assert (answer["locks"], answer["units"], answer["failed"], answer["dry_run"]) == (1, 2, 0, dry_run)
        assert order(world)["status"] == status
        assert holds(world, "licence") == (3, 1 + units)

    return check


def level_of(world: World, sku: str, part: str = "0") -> dict[str, Any]:
    return next(item for item in world.items("stock") if item["pk"] == f"demo#{sku}#{part}" and item["sk"] == "LEVEL")


def a_crowd(world: World) -> None:
    """More buyers hold a unit of the box than one item is good for."""
    entries = {f"{number:010x}": [1, 1795263300000] for number in range(61)}
    command = booking.Receive(shop="demo", sku="box", quantity=195, identity="crowd", actor="test")
    booking.receive(command, store=load("stock_inbox").stock, now=NOW)
    box = level_of(world, "box")
    world.put("stock", {**box, "avail": box["avail"] - 61, "lk": entries})


def four_shards(world: World) -> None:
    layout.resize("demo", "box", 4, pinned=False, store=load("stock_sweep").stock, now=NOW)


def an_edit_by_hand(world: World) -> None:
    world.put("stock", {**level_of(world, "box"), "avail": 9})


def many_notes_and_an_edit_by_hand(world: World) -> None:
    """So many that older events lie beside the order."""
    orders = load("operations_command").orders
    for number in range(60):
        act = staff.StaffAct(shop="demo", order=order(world)["id"], actor=Actor(kind=ActorKind.STAFF, id="key_1"))
        staff.add_note(act, f"note {number}", str(number), orders=orders, now=NOW)
    assert len(order(world)["events"]) < 60
    world.put("orders", {**order(world), "paid_at": "2026-11-20T12:00:00.000Z"})


def one_drifts(_: World, answer: Answer) -> None:
    told = answer["result"]
    (drifting,) = told["drifting"]
    assert (told["orders"], told["events"], told["next"]) == (1, 62, None)
    assert drifting["drifts"] == [{"path": "paid_at", "told": "2026-11-21T12:00:00.000Z", "stands": "2026-11-20T12:00:00.000Z"}]


def goes_on(world: World, answer: Answer) -> None:
    """The cursor of a page that is full; behind it is nothing."""
    cursor = answer["result"]["next"]
    again = world.call("operations_command", {"command": "rebuild_orders", "shop": "demo", "after": cursor})
    assert (answer["result"]["orders"], again["result"]) == (1, {"orders": 0, "events": 0, "drifting": [], "next": None})


def the_worker_died(world: World) -> None:
    """Between the lock and the order."""
    found = order(world)
    aws.client("dynamodb").delete_item(TableName="orders", Key={"pk": {"S": found["pk"]}, "sk": {"S": found["sk"]}})


def the_lock_is_gone(world: World) -> None:
    (found,) = world.items("locks")
    aws.client("dynamodb").delete_item(TableName="locks", Key={"pk": {"S": found["pk"]}, "sk": {"S": found["sk"]}})


def more_shards(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    assert {item["of"][0] for item in world.items("stock") if item["pk"].startswith("demo#box#") and item["sk"] == "LEVEL"} == {4}
    assert sum(item["on_hand"] for item in world.items("stock") if item["pk"].startswith("demo#box#")) == 200


def one_shard_again(world: World, answer: Answer) -> None:
    """A run gives most of them up, and the run is kept."""
    assert (answer["locks"], answer["shards"], answer["failed"]) == (0, 3, 0)
    assert [item["sku"] for item in world.items("stock") if item["pk"] == "demo##HOT"] == []
    assert holds(world, "box") == (5, 5)
    kept = {(item["shop"], item["trigger"]): item for item in world.items("operations")}
    assert kept.keys() == {("demo", "schedule"), ("other", "schedule")}
    assert kept["demo", "schedule"]["report"]["shards"] == 3
    assert kept["demo", "schedule"]["ttl"] == int((NOW + timedelta(days=30)).timestamp())


def result(**members: Any) -> Effect:
    def check(_: World, answer: Answer) -> None:
        assert answer["ok"], answer
        assert {name: answer["result"][name] for name in members} == members

    return check


def proved(world: World, answer: Answer) -> None:
    told = answer["result"]
    assert (told["audited"], told["clean"], told["proofs"], told["left"]) == (3, 3, [], [])
    assert (told["on_hand"], told["available"], told["locked"], told["figures"]["received"]) == (9, 7, 2, 9)


def a_plan_and_nothing_done(world: World, answer: Answer) -> None:
    (repair,) = answer["result"]["repairs"]
    assert (repair["done"], repair["available"], repair["booked"]) == (False, 5, 0)
    assert [finding["code"] for finding in answer["result"]["proofs"][0]["findings"]] == ["level_out_of_balance"]
    assert holds(world, "box") == (5, 9)


def put_right(world: World, answer: Answer) -> None:
    (repair,) = answer["result"]["repairs"]
    assert (repair["done"], answer["result"]["clean"], holds(world, "box")) == (True, 1, (5, 5))
    assert [item["reason"] for item in world.items("stock") if item.get("id") == repair["corrections"][0]] == ["correction"]


def orphans_to_look_at(world: World, answer: Answer) -> None:
    """Its shopper may still rely on it: nothing is due before his time is over."""
    told = answer["result"]
    assert [(one["kind"], one["due"]) for one in told["orphans"]] == [
        ("entry_without_document", "2026-11-21T12:15:30.000Z"),
        ("order_without_lock", "2026-11-21T12:15:30.000Z"),
    ]
    assert (told["repaired"], order(world)["status"], holds(world, "licence")) == ([], "pending_payment", (3, 1))


def an_orphan_less(world: World, answer: Answer) -> None:
    told = answer["result"]
    assert [(one["orphan"]["kind"], one["units"]) for one in told["repaired"]] == [("lock_without_order", 2)]
    assert (holds(world, "licence"), world.items("locks")) == ((3, 3), [])


def cleaned(units: int, dry_run: bool, status: str) -> Effect:
    def check(world: World, answer: Answer) -> None:
        report = answer["result"]["report"]
        assert (report["locks"], report["units"], report["dry_run"], answer["result"]["trigger"]) == (1, 2, dry_run, "operator")
        assert (order(world)["status"], holds(world, "licence")) == (status, (3, 1 + units))
        assert [item["id"] for item in world.items("operations")] == [answer["result"]["id"]]

    return check


def spread(world: World, answer: Answer) -> None:
    result(shards=4, made=4, wanted=4, pinned=True, dry_run=False)(world, answer)
    assert sorted(item["on_hand"] for item in world.items("stock") if item["pk"].startswith("demo#box#")) == [1, 1, 1, 2]


def a_shop_and_only_once(world: World, answer: Answer) -> None:
    assert answer["result"]["id"] == "corner-shop"
    assert world.play("operations_command/create_shop") == answer


def a_shop_with_rates(_: World, answer: Answer) -> None:
    made = answer["result"]
    assert (made["shipping"][0]["bands"], made["partial"]) == ([{"up_to": 2000, "amount": 495}], "always")
    assert (made["prices_include_tax"], made["version"]) == (True, 1)


def the_key_opens_its_shop(world: World, answer: Answer) -> None:
    text = answer["result"]["api_key"]
    assert all(text not in str(item) for item in world.items("tenants"))
    seen = world.http("admin_http", "GET", "/shops/{shop}/admin/products", shop="demo", headers={"X-Api-Key": text})
    assert seen["statusCode"] == 200


def refused(code: str) -> Effect:
    def check(_: World, answer: Answer) -> None:
        assert (answer["ok"], answer["error"]["code"]) == (False, code)

    return check


def two_rows_and_more(_: World, answer: Answer) -> None:
    found = body(answer)
    assert [(item["sku"], item["available"], item["status"]) for item in found["items"]] == [
        ("box", 5, "in_stock"),
        ("last", 1, "in_stock"),
    ]
    assert found["next"]


def spread_over_two_shards(world: World, answer: Answer) -> None:
    levels = {item["pk"]: item for item in world.items("stock") if item["sk"] == "LEVEL" and item["pk"].startswith("demo#box#")}
    assert {name: level["on_hand"] for name, level in levels.items()} == {"demo#box#0": 3, "demo#box#1": 2, "demo#box#berlin": 0}
    assert levels["demo#box#0"]["lk"]["safety"][0] == 1
    assert [(place["name"], place["incoming"]) for place in body(answer)["locations"]] == [("main", 20), ("berlin", 0)]


def moved_to_berlin(_: World, answer: Answer) -> None:
    assert [(place["name"], place["on_hand"]) for place in body(answer)["locations"]] == [("main", 2), ("berlin", 3)]


def many_parts(world: World) -> None:
    """SKUs enough for a list that is not done at once."""
    app = load("inventory_http")
    for number in range(1, 102):
        sku, price = f"part-{number:03d}", Money(amount=100, currency="EUR")
        app.stock.levels.open("demo", sku)
        made = Product(shop="demo", sku=sku, title=sku, kind=Kind.PHYSICAL, price=price, created_at=NOW, updated_at=NOW)
        app.articles.products.save(made, over=None)


def two_chunks_are_queued(world: World, answer: Answer) -> None:
    name = body(answer)["id"]
    assert world.messages("stock") == [{"kind": "bulk", "shop": "demo", "job": name, "chunk": chunk} for chunk in (0, 1)]


def a_long_list_is_kept(world: World) -> None:
    many_parts(world)
    world.play("inventory_http/change_in_bulk_accepted")


def a_hundred_are_done(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    assert (holds(world, "part-002"), holds(world, "part-101")) == ((2, 2), (0, 0))
    (job,) = [item for item in world.items("operations") if item["sk"] == "JOB"]
    assert (job["worked"], job["done"], job["unchanged"], job["refused"]) == (1, 2, 98, 0)


def one_run(_: World, answer: Answer) -> None:
    (run,) = body(answer)["items"]
    assert (run["job"], run["dry_run"], run["report"]["locks"]) == ("stock-cleanup", False, 0)


LATER = timedelta(minutes=16)
SF, ORDERS, ADMIN, INVENTORY = "storefront_http", "orders_http", "admin_http", "inventory_http"
SANDBOX, WEBHOOK, KEY_DESK = "payments_sandbox", "payments_webhook", "fulfilment_admin_http"
CASES: dict[str, Expected] = {
    f"{SF}/list_products": Expected(200, {"next": None}),
    f"{SF}/list_products_page": Expected(200),
    f"{SF}/show_product": Expected(200, {"sku": "licence", "stock_status": "in_stock", "max_quantity": 1000}),
    f"{SF}/show_product_unknown": Expected(404, {"code": "not_found"}),
    f"{SF}/check_stock": Expected(200, {"ok": False}, effect=told_per_sku),
    f"{SF}/start_checkout": Expected(201, {"email": EMAIL, "version": 1}, effect=priced_once),
    f"{SF}/validate_cart": Expected(200, {"ok": True, "issues": [], "fixed_lines": None}, effect=nothing_is_kept),
    f"{SF}/validate_cart_fix": Expected(200, {"ok": False}, effect=what_is_left_is_proposed),
    f"{SF}/show_checkout": Expected(200, {"expires_at": "2026-11-21T12:30:00.000Z", "issues": [], "order": None}),
    f"{SF}/change_checkout": Expected(200, {"phone": "+491701234567", "version": 2}, effect=fewer_cost_less),
    f"{SF}/change_checkout_stale": Expected(412, {"code": "precondition_failed"}),
    f"{SF}/abandon_checkout": Expected(204, after=PLACED, effect=expect_order("cancelled", "pending")),
    f"{SF}/place_order": Expected(201, {"status": "pending_payment", "version": 1}, effect=two_are_held),
    f"{SF}/place_order_partial": Expected(201, {"status": "pending_payment"}, effect=all_but_one_are_held),
    f"{SF}/place_order_short": Expected(409, {"code": "insufficient_stock"}, effect=told_what_is_left),
    f"{SF}/place_order_without_csrf": Expected(403, {"code": "csrf_token_invalid"}, effect=expect_stock("licence", 3, 3)),
    f"{SF}/preflight": Expected(204, effect=may_be_asked),
    f"{SF}/wrong_method": Expected(405, {"code": "method_not_allowed"}, effect=names_what_is_allowed),
    f"{ORDERS}/show_order": Expected(200, {"status": "completed"}, after=DELIVERED),
    f"{ORDERS}/show_order_by_link": Expected(200, {"status": "pending_payment"}, after=PLACED),
    f"{ORDERS}/list_events": Expected(200, after=PLACED, effect=shows_no_insides),
    f"{ORDERS}/reveal_keys": Expected(200, after=DELIVERED, effect=two_keys_and_a_record),
    f"{ORDERS}/cancel_order": Expected(
        200, {"status": "cancelled", "hold": None}, after=PLACED, effect=expect_order("cancelled", "pending")
    ),
    f"{ORDERS}/cancel_paid_order": Expected(
        200, {"status": "cancelled"}, after=PAID, effect=expect_order("cancelled", "refund_due", stock=(3, 3))
    ),
    f"{ORDERS}/give_up_debt": Expected(
        200, {"status": "processing"}, given=order_desk_cases.a_debt, effect=order_desk_cases.told_of("order.refund_due.v1")
    ),
    f"{ORDERS}/give_up_debt_of_nothing": Expected(409, {"code": "nothing_owed"}, after=PAID),
    f"{ORDERS}/request_return": Expected(
        201, given=order_desk_cases.a_shipped_parcel, effect=order_desk_cases.told_of("order.return_requested.v1")
    ),
    f"{ORDERS}/request_return_of_keys": Expected(409, {"code": "not_returnable"}, after=PAID),
    f"{ORDERS}/extend_hold": Expected(200, {"hold": {"expires_at": "2026-11-21T12:30:00.000Z", "seconds_left": 1800}}, after=PLACED),
    f"{ORDERS}/confirm_payment": Expected(200, {"status": "paid"}, after=AT_THE_PROVIDER, effect=expect_stock("licence", 1, 1)),
    f"{ADMIN}/list_products": Expected(200, {"next": None}),
    f"{ADMIN}/add_product": Expected(201, {"sku": "mug", "version": 1}, effect=expect_stock("mug", 0, 0)),
    f"{ADMIN}/show_product": Expected(200, {"sku": "licence", "version": 1}),
    f"{ADMIN}/put_product": Expected(200, {"title": "Licence for one year", "version": 2}),
    f"{ADMIN}/put_product_stale": Expected(412, {"code": "precondition_failed"}),
    f"{ADMIN}/show_settings": Expected(200, {"currency": "EUR", "shipping": [], "partial": "ask", "version": 1}),
    f"{ADMIN}/change_settings": Expected(200, {"prices_include_tax": True, "version": 2}, effect=the_shop_has_rates),
    f"{ADMIN}/change_settings_stale": Expected(412, {"code": "precondition_failed", "version": 1}),
    f"{ADMIN}/withdraw_product": Expected(204, effect=sku_is_gone_from_the_shop),
    f"{INVENTORY}/show_level": Expected(200, {"sku": "box", "on_hand": 5, "available": 5, "locked": 0, "waiting": 0, "shards": 1}),
    f"{INVENTORY}/restock": Expected(200, {"on_hand": 25}, effect=once_however_often),
    f"{KEY_DESK}/count_keys": Expected(200, {"sku": "licence", "imported": 3, "delivered": 0, "left": 3}),
    f"{KEY_DESK}/add_keys": Expected(200, {"imported": 2, "duplicates": [0, 3], "dry_run": False}, effect=expect_stock("licence", 5, 5)),
    f"{INVENTORY}/list_holds": Expected(200, {"next": None}, after=PLACED),
    f"{INVENTORY}/release_hold": Expected(200, {"units": 2}, after=PLACED, effect=expect_order("cancelled", "pending")),
    f"{INVENTORY}/list_inventory": Expected(200, effect=two_rows_and_more),
    f"{INVENTORY}/list_inventory_low": Expected(200, {"items": [], "next": None}),
    f"{INVENTORY}/show_dashboard": Expected(
        200, {"products": 3, "on_hand": 9, "available": 7, "locked": 2, "live_holds": 1, "complete": True, "next": None}, after=PLACED
    ),
    f"{INVENTORY}/change_inventory": Expected(
        200,
        {"shards": 2, "automatic_shards": False, "low_stock_threshold": 10, "incoming": 20, "available": 4},
        effect=spread_over_two_shards,
    ),
    f"{INVENTORY}/change_inventory_stale": Expected(412, {"code": "stale_stock", "available": 5}),
    f"{INVENTORY}/adjust_stock": Expected(200, {"on_hand": 3, "available": 3}, effect=expect_stock("box", 3, 3)),
    f"{INVENTORY}/set_stock": Expected(200, {"on_hand": 9, "available": 9}, effect=expect_stock("box", 9, 9)),
    f"{INVENTORY}/set_stock_stale": Expected(412, {"code": "stale_stock", "available": 5}, effect=expect_stock("box", 5, 5)),
    f"{INVENTORY}/transfer_stock": Expected(200, {"on_hand": 5, "available": 4}, after=LAID_OUT, effect=moved_to_berlin),
    f"{INVENTORY}/change_in_bulk": Expected(200, {"status": "done", "done": 2, "refused": 0}, effect=expect_stock("last", 4, 4)),
    f"{INVENTORY}/change_in_bulk_dry_run": Expected(
        200, {"status": "planned", "dry_run": True, "rows": 2}, effect=expect_stock("box", 5, 5)
    ),
    f"{INVENTORY}/change_in_bulk_refused": Expected(
        422, {"code": "bulk_refused", "rows": 3, "rows_refused": 2}, effect=expect_stock("box", 5, 5)
    ),
    f"{INVENTORY}/change_in_bulk_accepted": Expected(
        202, {"status": "accepted", "rows": 101, "items": []}, given=many_parts, effect=two_chunks_are_queued
    ),
    f"{INVENTORY}/show_bulk": Expected(200, {"status": "done", "rows": 2, "next": None}, after=IN_BULK),
    f"{INVENTORY}/undo_bulk": Expected(200, {"status": "undone", "undone": 2}, after=IN_BULK, effect=expect_stock("last", 1, 1)),
    f"{INVENTORY}/show_ledger": Expected(200, {"next": None, "findings": []}),
    f"{INVENTORY}/rebuild_stock": Expected(200, {"on_hand": 5, "complete": True, "findings": []}),
    f"{INVENTORY}/audit_stock": Expected(200, {"proved": True, "on_hand": 6, "findings": []}, after=DELIVERED),
    f"{INVENTORY}/find_orphans": Expected(200, {"orphans": [], "complete": True}, after=PLACED),
    f"{INVENTORY}/clean_up": Expected(
        200, {"locks": 1, "units": 2, "failed": 0}, after=PLACED, later=LATER, effect=expect_stock("licence", 3, 3)
    ),
    f"{INVENTORY}/list_clean_ups": Expected(200, {"next": None}, after=(f"{INVENTORY}/clean_up",), effect=one_run),
    f"{ADMIN}/no_key": Expected(401, {"code": "api_key_missing"}),
    f"{ADMIN}/scope_missing": Expected(403, {"code": "scope_missing", "needed": "admin"}),
    "health_http/live": Expected(200, {"status": "ok"}),
    "health_http/ready": Expected(200, {"status": "ok"}),
    "health_http/health": Expected(200, {"status": "ok", "at": "2026-11-21T12:00:00.000Z"}),
    f"{SANDBOX}/show_payment": Expected(200, {"status": "pending", "amount": 3998}, after=PLACED),
    f"{SANDBOX}/pay": Expected(200, after=PLACED, effect=signed),
    f"{SANDBOX}/decline": Expected(200, after=PLACED, effect=signed),
    f"{SANDBOX}/expire": Expected(200, after=PLACED, effect=signed),
    f"{SANDBOX}/refund": Expected(200, after=AT_THE_PROVIDER, effect=signed),
    f"{WEBHOOK}/succeeded": Expected(200, {"state": "received"}, after=AT_THE_PROVIDER, effect=stored_and_passed_on),
    f"{WEBHOOK}/succeeded_as_base64": Expected(200, {"state": "received"}, after=AT_THE_PROVIDER, effect=stored_and_passed_on),
    f"{WEBHOOK}/bad_signature": Expected(401, {"code": "signature_invalid"}, effect=nothing_stored),
    f"{WEBHOOK}/unknown_provider": Expected(404, {"code": "not_found"}, effect=nothing_stored),
    "payments_inbox/succeeded": Expected(after=TOLD, effect=expect_order("paid", "succeeded", stock=(1, 1))),
    "payments_inbox/twice": Expected(after=TOLD, effect=both(expect_failures(), expect_order("paid", "succeeded", stock=(1, 1)))),
    "payments_inbox/with_a_broken_message": Expected(
        after=TOLD, effect=both(expect_failures("059f36b4-87a3-44ab-83d2-661975970001"), expect_order("paid", "succeeded", stock=(1, 1)))
    ),
    "payments_inbox/refund_due": Expected(after=CANCELLED, effect=expect_order("cancelled", "refunded")),
    "payments_inbox/order_cancelled": Expected(after=(*PLACED, "orders_http/cancel_order"), effect=given_up_at_the_provider),
    "payments_inbox/event_that_is_gone": Expected(effect=nothing_happened),
    "orders_stream/placed": Expected(effect=published("order.placed.v1")),
    "orders_stream/paid": Expected(effect=published("order.paid.v1")),
    "orders_stream/completed": Expected(effect=published("order.completed.v1")),
    "orders_stream/nothing_new": Expected(effect=nothing_happened),
    "stock_stream/restocked": Expected(effect=forwarded("fulfilment", kind="restock", shop="demo", sku="licence")),
    "stock_stream/new_sku": Expected(effect=forwarded("fulfilment", kind="restock", shop="demo", sku="licence")),
    "stock_stream/head_without_restock": Expected(effect=nothing_happened),
    "stock_stream/lock_removed_by_ttl": Expected(effect=forwarded("stock", kind="expired")),
    "stock_stream/level_taken": Expected(
        effect=both(nothing_happened, forwarded("notifications", kind="low_stock", shop="demo", sku="licence"))
    ),
    "stock_stream/level_out_of_balance": Expected(effect=nothing_happened),
    "stock_stream/level_crowded": Expected(effect=forwarded("stock", kind="grow", shop="demo", sku="licence")),
    "stock_inbox/chunk_of_a_bulk_change": Expected(given=a_long_list_is_kept, effect=a_hundred_are_done),
    "stock_inbox/shard_is_crowded": Expected(given=a_crowd, effect=more_shards),
    "stock_inbox/lock_removed_by_ttl": Expected(after=PLACED, later=LATER, effect=expect_order("expired", "pending")),
    "stock_sweep/tick": Expected(after=PLACED, later=LATER, effect=swept(2, False, "expired")),
    "stock_sweep/dry_run": Expected(after=PLACED, later=LATER, effect=swept(0, True, "pending_payment")),
    "stock_sweep/calm_again": Expected(given=four_shards, effect=one_shard_again),
    "fulfilment_inbox/order_paid": Expected(
        after=PAID, effect=both(expect_failures(), expect_order("completed", "succeeded", stock=(1, 1)))
    ),
    "fulfilment_inbox/refund_due": Expected(after=CANCELLED, effect=nothing_is_owed),
    "fulfilment_inbox/order_cancelled": Expected(after=CANCELLED, effect=nothing_is_owed),
    "fulfilment_inbox/with_a_broken_message": Expected(
        after=PAID,
        effect=both(expect_failures("059f36b4-87a3-44ab-83d2-661975970001"), expect_order("completed", "succeeded", stock=(1, 1))),
    ),
    "notifications_inbox/order_completed": Expected(after=DELIVERED, effect=one_mail_with_the_keys),
    "notifications_inbox/tell": Expected(after=DELIVERED, effect=one_mail_with_the_keys),
    "notifications_inbox/send": Expected(after=(*DELIVERED, "notifications_inbox/order_completed"), effect=one_mail_with_the_keys),
    "notifications_inbox/order_placed": Expected(after=PLACED, effect=told_later),
    "notifications_inbox/twice": Expected(after=DELIVERED, effect=one_mail_with_the_keys),
    "notifications_inbox/nothing_to_tell": Expected(effect=nothing_happened),
    "notifications_inbox/replaced_by_a_new_try": Expected(after=PLACED, effect=no_mail),
    "notifications_inbox/cancelled_by_staff": Expected(after=PLACED, effect=one_mail("You have paid nothing", "out of print")),
    "notifications_inbox/late_payment": Expected(after=PAID, effect=one_mail("19.99 EUR goes back to you", "1 × Licence")),
    "notifications_inbox/partially_refunded": Expected(after=DELIVERED, effect=one_mail("sent 19.99 EUR back: one was broken")),
    "notifications_inbox/mail_resent": Expected(after=DELIVERED, effect=one_mail("licence-0001", "licence-0002")),
    "operations_command/create_shop": Expected(effect=a_shop_and_only_once),
    "operations_command/create_shop_with_settings": Expected(effect=a_shop_with_rates),
    "operations_command/create_shop_again": Expected(effect=refused("shop_exists")),
    "operations_command/create_api_key": Expected(effect=the_key_opens_its_shop),
    "operations_command/create_api_key_without_scopes": Expected(effect=refused("validation_failed")),
    "operations_command/audit_stock": Expected(after=PLACED, effect=proved),
    "operations_command/audit_stock_plan": Expected(given=an_edit_by_hand, effect=a_plan_and_nothing_done),
    "operations_command/audit_stock_repair": Expected(given=an_edit_by_hand, effect=put_right),
    "operations_command/audit_stock_unknown_sku": Expected(effect=refused("not_found")),
    "operations_command/rebuild_stock": Expected(after=PAID, effect=result(on_hand=1, complete=True, findings=[])),
    "operations_command/rebuild_orders": Expected(after=DELIVERED, effect=result(orders=1, events=3, drifting=[], next=None)),
    "operations_command/rebuild_order": Expected(after=PAID, given=many_notes_and_an_edit_by_hand, effect=one_drifts),
    "operations_command/rebuild_orders_goes_on": Expected(after=PLACED, effect=goes_on),
    "operations_command/rebuild_unknown_order": Expected(effect=refused("not_found")),
    "operations_command/find_orphans": Expected(after=PLACED, given=the_lock_is_gone, effect=orphans_to_look_at),
    "operations_command/find_orphans_repair": Expected(
        after=PLACED, given=the_worker_died, later=timedelta(minutes=3), effect=an_orphan_less
    ),
    "operations_command/stock_cleanup": Expected(after=PLACED, given=four_shards, later=LATER, effect=cleaned(2, False, "expired")),
    "operations_command/stock_cleanup_plan": Expected(after=PLACED, later=LATER, effect=cleaned(0, True, "pending_payment")),
    "operations_command/reshard": Expected(effect=spread),
    "operations_command/reshard_plan": Expected(effect=result(shards=1, made=1, wanted=4, pinned=True, dry_run=True)),
    "operations_command/reshard_too_far": Expected(effect=refused("validation_failed")),
    "operations_command/unknown_command": Expected(effect=refused("unknown_command")),
}


CASES |= {
    name: Expected(**case)
    for cases in (
        webhook_cases.CASES,
        order_desk_cases.CASES,
        inbox_cases.CASES,
        stripe_cases.CASES,
        account_cases.CASES,
        reconcile_cases.CASES,
        notice_cases.CASES,
        notification_cases.CASES,
        waiting_cases.CASES,
        key_cases.CASES,
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", samples())
def test_sample(world: World, name: str) -> None:
    expected = CASES[name]
    expected.prepare(world)
    answer = world.play(name)
    if expected.status is not None:
        contract.check(sample(name), answer)
        assert answer["statusCode"] == expected.status, answer
        found = (body(answer) if expected.members else None) or {}
        assert {member: found[member] for member in expected.members or {}} == (expected.members or {})
    if expected.effect:
        expected.effect(world, answer)


def test_each_sample_is_expected_and_each_expectation_has_a_sample() -> None:
    assert samples() == sorted(CASES)


def test_each_function_has_samples() -> None:
    assert {name.split("/")[0] for name in samples()} == set(FUNCTIONS)


def test_each_route_has_a_sample_that_succeeds() -> None:
    routes = {(route.method, route.path) for function in FUNCTIONS if hasattr(load(function), "api") for route in load(function).api.routes}
    played = {
        (event["httpMethod"], event["resource"])
        for name, expected in CASES.items()
        if expected.status is not None and expected.status < 400
        for event in [sample(name)]
    }
    assert routes <= played
