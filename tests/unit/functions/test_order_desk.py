"""Orders over HTTP, for staff: pages and files, and what is done once."""

import csv
import io
import json

import pytest

from holdfast.orders.model import Status
from tests.unit.functions import contract, order_desk_cases
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.order_desk_calls import ONE, ORDERS, get, get_text
from tests.unit.functions.order_desk_cases import AN_HOUR, DELIVERED, DESK, INDEXED, ORDER, PAID
from tests.unit.functions.world import KEYS, World, body, load, ok


def many(world: World, count: int) -> list[str]:
    """Orders of one shop, newest first; every third is paid."""
    ready = order_desk_cases.ready_to_ship()
    made = []
    for number in range(count):
        changes = {"id": f"ord_01KAJVKP00{number:016d}", "status": Status.PAID if number % 3 == 0 else Status.COMPLETED}
        made.append(ready.model_copy(update={**changes, "created_at": ready.created_at + number * AN_HOUR, "notes": f"=no {number}"}))
        assert load(DESK).orders.add(made[-1])
    return [order.id for order in reversed(made)]


def test_pages_put_together_are_the_list(world: World) -> None:
    expected = many(world, 11)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(world, {"limit": "4", **cursor})
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == expected
    paid = [item["id"] for item in get(world, {"status": "paid"})["items"]]
    assert paid == [name for place, name in enumerate(reversed(expected)) if place % 3 == 0][::-1]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_parts_of_a_file_put_together_are_the_file(world: World, form: str) -> None:
    expected = many(world, 7)
    whole, parts, query = "", 0, {"format": form, "limit": "3"}
    while query:
        event = request("GET", ORDERS + "/export", {"shop": "demo"}, query=query, headers={"X-Api-Key": KEYS["viewer"]})
        answer = contract.check(event, world.call(DESK, event))
        whole, parts = whole + answer["body"], parts + 1
        cursor = answer["headers"].get("X-Next-Cursor")
        if cursor:
            assert answer["headers"]["Link"] == f'<?format={form}&limit=3&cursor={cursor}>; rel="next"'
        query = {**query, "cursor": cursor} if cursor else {}
    rows = list(csv.DictReader(io.StringIO(whole))) if form == "csv" else [json.loads(line) for line in whole.splitlines()]
    assert [row["order" if form == "csv" else "id"] for row in rows] == expected
    assert rows[0]["notes"] == ("'=no 6" if form == "csv" else "=no 6")
    assert parts == 3
    assert whole == get_text(world, {"format": form})


def test_the_address_of_the_next_part_asks_for_all_that_the_first_one_did(world: World) -> None:
    many(world, 4)
    query = {"limit": "1", "status": "paid"}
    event = request("GET", ORDERS + "/export", {"shop": "demo"}, query=query, headers={"X-Api-Key": KEYS["viewer"]})
    event["multiValueQueryStringParameters"] = {"limit": ["1"], "status": ["paid", "pending_payment"]}
    link = world.call(DESK, event)["headers"]["Link"]
    assert "status=paid%2Cpending_payment" in link


def test_a_note_is_written_once_and_customers_do_not_see_it(world: World) -> None:
    for name in PAID:
        world.play(name)
    first, again = world.play(f"{DESK}/add_note"), world.play(f"{DESK}/add_note")
    assert (again["headers"].get("Idempotent-Replayed"), again["body"]) == ("true", first["body"])
    path = {"shop": "demo", "order": ORDER}
    seen = ok(world.http(DESK, "GET", ONE, **path, headers={"X-Api-Key": KEYS["viewer"]}))
    notes = [event for event in seen["events"] if event["type"] == "order.note_added.v1"]
    assert [(note["data"]["note"], note["actor"]["kind"]) for note in notes] == [("Called; she wants the red one.", "staff")]
    customers = body(world.play("orders_http/list_events"))
    assert "red one" not in json.dumps(customers)


def test_two_who_edit_the_same_version_are_told_apart(world: World) -> None:
    for name in INDEXED:
        world.play(name)
    read = ok(world.play(f"{DESK}/show_order"))
    headers = {"X-Api-Key": KEYS["operator"], "If-Match": f'"{read["version"]}"'}
    path = {"shop": "demo", "order": ORDER}
    assert ask(world, DESK, "PATCH", ONE, path, body={"notes": "Ring twice"}, headers=headers) == (200, "")
    assert ask(world, DESK, "PATCH", ONE, path, body={"notes": "Do not ring"}, headers=headers) == (412, "stale_order")
    assert ask(world, DESK, "PATCH", ONE, path, body={"notes": None}, headers={"X-Api-Key": KEYS["operator"]}) == (200, "")
    last = ok(world.play(f"{DESK}/show_order"))["events"][-1]
    assert (last["before"], last["after"], last["data"]) == ({"notes": "Ring twice"}, {"notes": None}, {"fields": ["notes"]})


def test_a_step_over_a_version_that_is_no_more_is_not_taken(world: World) -> None:
    for name in PAID:
        world.play(name)
    path = {"shop": "demo", "order": ORDER}

    def bring(version: str) -> tuple[int, str]:
        headers = {"X-Api-Key": KEYS["operator"], "If-Match": version, "Idempotency-Key": "step-1"}
        return ask(world, DESK, "POST", ONE + "/transition", path, body={"to": "picking", "reason": "next"}, headers=headers)

    before = ok(world.play(f"{DESK}/show_order"))
    assert bring('"1"') == (412, "stale_order")
    assert bring("yesterday") == (400, "if_match_invalid")
    assert ok(world.play(f"{DESK}/show_order")) == before
    assert bring(f'"{before["version"]}"') == (409, "transition_not_allowed")  # keys are not picked


def test_an_edit_is_found_when_its_news_came_and_never_under_the_old_address(world: World) -> None:
    for name in (*INDEXED, f"{DESK}/edit_order"):
        world.play(name)
    assert get(world, {"email": "ada@example.com"})["items"] == []
    assert get(world, {"phone": "0018"})["items"] == []
    world.play("orders_inbox/order_edited")
    assert len(get(world, {"email": "ada.lovelace@example.com"})["items"]) == 1
    assert [get(world, {"q": text})["found_by"] for text in ("0018", "020 7946-0018", "+44 20 7946 0018")] == ["phone"] * 3
    assert get(world, {"phone": "9018"})["items"] == []


def test_a_refund_asked_twice_under_one_name_is_one(world: World) -> None:
    for name in DELIVERED:
        world.play(name)
    first, again = world.play(f"{DESK}/refund_order"), world.play(f"{DESK}/refund_order")
    assert (again["body"], len(body(first)["refunds"])) == (first["body"], 1)
    assert body(first)["refunds"][0]["amount"] == {"amount": 1999, "currency": "EUR"}
