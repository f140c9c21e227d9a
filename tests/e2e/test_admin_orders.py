"""The staff's side of orders, over HTTP: found by whatever is known of them, corrected, shipped, given back, taken away as files."""

from __future__ import annotations

import csv
import io
import json
from urllib.parse import quote, urlencode

import pytest

from infra.local.client import Answer, Api, Json, expect, new_key
from infra.local.story import World, eventually

pytestmark = pytest.mark.stack


def find(api: Api, **query: str) -> Json:
    return expect(200, api.admin("GET", f"/orders?{urlencode(query)}")).json


def found(api: Api, **query: str) -> list[str]:
    return [item["id"] for item in find(api, **query)["items"]]


def act(api: Api, order: Json, rest: str, body: object = None, method: str = "POST", **headers: str) -> Answer:
    return api.admin(method, f"/orders/{order['id']}{rest}", body, {"Idempotency-Key": new_key(), **headers})


def seen(api: Api, order: Json) -> Json:
    return expect(200, act(api, order, "", method="GET")).json


def told(api: Api, order: Json) -> list[str]:
    return [event["type"] for event in seen(api, order)["events"]]


@pytest.fixture(scope="module")
def licensed(world: World) -> Json:
    """A delivered order for one key."""
    order = world.buy(world.put_digital("FOUND", 2), 1, world.buyer("fiona"))
    return world.wait_for_status(order, "completed") | {"order_token": order["order_token"]}


@pytest.fixture(scope="module")
def boxed(world: World) -> Json:
    """A paid order for two boxes."""
    order = world.buy(world.put_physical("BOXED", 5), 2, world.buyer("boris"))
    return world.wait_for_status(order, "processing") | {"order_token": order["order_token"]}


def test_an_order_is_found_by_whatever_is_known_of_it(world: World, api: Api, licensed: Json) -> None:
    (key,) = api.keys(licensed)
    sku = licensed["lines"][0]["sku"]
    known = {"number": licensed["number"], "email": licensed["email"].upper(), "payment": licensed["payment"]["id"], "key": key, "sku": sku}
    for member, value in known.items():
        eventually(lambda m=member, v=value: found(api, **{m: v}), lambda ids: ids == [licensed["id"]], f"the order by its {member}")
        page = find(api, q=value)
        assert ([item["id"] for item in page["items"]], page["found_by"]) == ([licensed["id"]], member)
    assert found(api, id=licensed["id"], status="completed,paid") == [licensed["id"]]
    assert found(api, sku=sku, status="paid") == []
    assert found(api, sku=sku, older_than_minutes="600") == []
    assert found(api, q="nobody-has-this") == []


def test_a_correction_is_found_and_the_old_address_is_not(world: World, api: Api, boxed: Json) -> None:
    version = seen(api, boxed)["version"]
    new = world.buyer("corrected")
    changed = expect(200, act(api, boxed, "", {"email": new, "phone": "+49 30 1234018"}, "PATCH", **{"If-Match": f'"{version}"'})).json
    assert (changed["email"], changed["version"]) == (new, version + 1)
    stale = act(api, boxed, "", {"notes": "Ring twice"}, "PATCH", **{"If-Match": f'"{version}"'})
    assert (stale.status, stale.code) == (412, "stale_order")
    eventually(lambda: found(api, q=new), lambda ids: ids == [boxed["id"]], "the order by its new address")
    assert found(api, phone="030 123 40 18", email=new) == [boxed["id"]]
    assert found(api, email=boxed["email"]) == []


def test_a_parcel_goes_out_and_a_box_comes_back(world: World, api: Api, boxed: Json) -> None:
    sku = boxed["lines"][0]["sku"]
    tracking = f"JD {world.run.upper()}"
    early = act(api, boxed, "/transition", {"to": "delivered", "reason": "too early"})
    assert (early.status, early.code) == (409, "transition_not_allowed")
    expect(200, act(api, boxed, "/transition", {"to": "picking", "reason": "on the trolley"}))
    expect(200, act(api, boxed, "/transition", {"to": "packed", "reason": "in the box"}))
    shipped = {"to": "shipped", "reason": "handed over", "tracking_numbers": [tracking], "carrier": "dhl"}
    assert expect(200, act(api, boxed, "/transition", shipped)).json["status"] == "shipped"
    eventually(lambda: found(api, tracking=tracking), lambda ids: ids == [boxed["id"]], "the order by its tracking number")
    assert find(api, q=tracking.replace(" ", "").lower())["found_by"] == "tracking"
    announced = expect(201, act(api, boxed, "/returns", {"lines": [{"sku": sku, "quantity": 1}], "reason": "dented"})).json
    back = announced["returns"][0]["id"]
    received = expect(200, act(api, boxed, f"/returns/{back}/receive", {"restocked": [{"sku": sku, "quantity": 1}]})).json
    assert received["lines"][0]["returned"] == 1
    assert api.level(sku)["on_hand"] == 4
    paid_back = eventually(lambda: seen(api, boxed), lambda order: order["payment"]["refunded"]["amount"] > 0, "the box's money to go back")
    assert paid_back["payment"]["refunded"] == boxed["lines"][0]["unit_price"]
    rebuilt = expect(200, act(api, boxed, "/rebuild", method="GET")).json
    assert (rebuilt["agrees"], rebuilt["drifts"]) == (True, [])


def test_a_note_is_for_staff_and_a_mail_goes_out_again(world: World, api: Api, licensed: Json) -> None:
    expect(201, act(api, licensed, "/notes", {"text": "Asked for an invoice."}))
    assert told(api, licensed)[-1] == "order.note_added.v1"
    assert "order.note_added.v1" not in [event["type"] for event in api.events(licensed)]
    world.wait_for_mails(licensed["email"], 1)
    expect(200, act(api, licensed, "/resend", {}))
    first, again = world.wait_for_mails(licensed["email"], 2)
    assert first["Subject"] == again["Subject"]


def test_an_unpaid_order_is_cancelled_and_a_foreign_one_is_not_there(world: World, api: Api) -> None:
    sku = world.put_physical("GIVENUP", 1)
    order = world.hold(sku, 1, world.buyer("gina"))
    assert expect(200, act(api, order, "/cancel", {"reason": "called"})).json["status"] == "cancelled"
    assert api.level(sku)["available"] == 1
    unknown = {"id": "ord_" + "0" * 26}
    for method, rest, body in (
        ("GET", "", None),
        ("GET", "/rebuild", None),
        ("POST", "/cancel", {"reason": "x"}),
        ("POST", "/retry", None),
    ):
        assert act(api, unknown, rest, body, method).status == 404


def test_what_stands_still_is_asked_about(world: World, api: Api) -> None:
    """Paid at the provider, and its webhook got lost."""
    order = world.hold(world.put_digital("LOST", 1), 1, world.buyer("lars"))
    api.at_provider(order, "pay")
    retried = expect(202, act(api, order, "/retry")).json
    assert [asked["worker"] for asked in retried["asked"]] == ["payments"]
    world.wait_for_status(order, "completed")
    done = act(api, order, "/retry")
    assert (done.status, done.code) == (409, "nothing_to_retry")
    plan = expect(200, api.admin("POST", "/orders/retry-failed", {"older_than_minutes": 0, "limit": 100})).json
    assert plan["dry_run"] is True
    assert order["id"] not in [item["order"] for item in plan["items"]]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_file_in_parts_is_the_whole_file(api: Api, licensed: Json, boxed: Json, form: str) -> None:
    since = quote(min(licensed["created_at"], boxed["created_at"]))
    text, cursor, parts = "", "", 0
    while cursor is not None:
        answer = expect(200, api.admin("GET", f"/orders/export?format={form}&created_from={since}&limit=2{cursor}"))
        text, parts = text + answer.body.decode(), parts + 1
        following = answer.headers.get("x-next-cursor")
        cursor = f"&cursor={following}" if following else None
    assert answer.media_type == ("text/csv" if form == "csv" else "application/x-ndjson")
    rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(line) for line in text.splitlines()]
    names = [row["order" if form == "csv" else "id"] for row in rows]
    assert {licensed["id"], boxed["id"]} <= set(names)
    assert len(names) == len(set(names))
    assert parts > 1
