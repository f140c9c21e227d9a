"""Orders over HTTP, for staff: what is found and by whom, what is refused and leaves nothing behind."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.functions import order_desk_cases
from tests.unit.functions import world as worlds
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.order_desk_calls import ONE, ORDERS, get, get_text, refused
from tests.unit.functions.order_desk_cases import DELIVERED, DESK, INDEXED, ORDER, PAYMENT
from tests.unit.functions.world import KEYS, World, body, load

NOBODYS = "ord_01KAJVKP00AAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def shop() -> Iterator[World]:
    """One for all that is refused or only looked at: nothing here may change it."""
    with worlds.furnished() as made:
        for name in (*INDEXED, *DELIVERED[1:], "orders_inbox/order_completed"):
            made.play(name)
        order_desk_cases.empty_queues(made)
        before = {table: made.items(table) for table in ("orders", "stock", "locks", "fulfilment")}
        yield made
        assert {table: made.items(table) for table in before} == before
        assert [made.messages(queue) for queue in ("payments", "fulfilment")] == [[], []]


FINDS = [
    ({"q": ORDER}, "order"),
    ({"q": "ADA@example.com"}, "email"),
    ({"q": "0v7pka0ypy"}, "number"),
    ({"q": PAYMENT}, "payment"),
    ({"q": "licence"}, "sku"),
    ({"q": "licence-0002"}, "key"),
    ({"id": ORDER}, None),
    ({"number": "0V7PK-A0YPY"}, None),
    ({"email": "Ada@Example.com"}, None),
    ({"sku": "licence"}, None),
    ({"payment": PAYMENT}, None),
    ({"key": "licence-0001"}, None),
    ({"status": "paid,completed"}, None),
    ({"status": "completed", "email": "ada@example.com", "sku": "licence", "younger_than_minutes": "1"}, None),
    ({"created_from": "2026-11-21T12:00:00Z", "created_to": "2026-11-21T12:00:00.001Z"}, None),
    ({}, None),
]
FINDS_NOTHING = [
    {"q": "nothing"},
    {"q": "licence-0003"},
    {"id": NOBODYS},
    {"number": "AAAAA-AAAAA"},
    {"email": "bob@example.com"},
    {"phone": "4567"},
    {"sku": "box"},
    {"payment": "pay_1"},
    {"tracking": "JD01"},
    {"key": "licence-0003"},
    {"key": "never-imported"},
    {"status": "paid"},
    {"status": "completed", "sku": "box"},
    {"older_than_minutes": "1"},
    {"created_to": "2026-11-21T12:00:00Z"},
]
UNREADABLE = [
    {"status": "lost"},
    {"status": "paid,lost"},
    {"status": ""},
    {"number": "1"},
    {"email": "ada"},
    {"phone": "123"},
    {"sku": "a b"},
    {"id": "ord_1"},
    {"q": ""},
    {"q": "x" * 201},
    {"tracking": " "},
    {"older_than_minutes": "-1"},
    {"older_than_minutes": "1.5"},
    {"younger_than_minutes": "99999999999"},
    {"created_from": "yesterday"},
    {"created_from": "2026-11-21"},
    {"limit": "101"},
    {"limit": "0"},
    {"state": "paid"},
]


@pytest.mark.parametrize(("query", "by"), FINDS, ids=str)
def test_what_is_found_and_as_what(shop: World, query: dict[str, str], by: str | None) -> None:
    page = get(shop, query)
    assert ([item["id"] for item in page["items"]], page["next"], page["found_by"]) == ([ORDER], None, by)


@pytest.mark.parametrize("query", FINDS_NOTHING, ids=str)
def test_what_finds_nothing_says_so(shop: World, query: dict[str, str]) -> None:
    assert get(shop, query) == {"items": [], "next": None, "found_by": None}


@pytest.mark.parametrize("query", [query for query, _ in FINDS], ids=str)
def test_another_shop_finds_nothing_of_it(shop: World, query: dict[str, str]) -> None:
    assert get(shop, query, shop="other")["items"] == []
    (header,) = csv.reader(io.StringIO(get_text(shop, query, shop="other")))
    assert header[:2] == ["order", "number"]


@pytest.mark.parametrize("query", UNREADABLE, ids=str)
@pytest.mark.parametrize("path", [ORDERS, ORDERS + "/export"])
def test_what_cannot_be_asked(shop: World, query: dict[str, str], path: str) -> None:
    if path.endswith("export") and query.get("limit") == "101":
        query = {"limit": "1001"}
    assert refused(shop, "GET", path, scope="viewer", query=query) == (422, "validation_failed")


ACTS: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"notes": "x"}),
    ("POST", "/notes", {"text": "x"}),
    ("POST", "/resend", {}),
    ("POST", "/transition", {"to": "shipped", "reason": "x"}),
    ("POST", "/payment-review", {"decision": "accept", "reason": "x"}),
    ("POST", "/cancel", {"reason": "x"}),
    ("POST", "/refund", {"kind": "full", "reason": "x"}),
    ("POST", "/returns", {"lines": [{"sku": "licence", "quantity": 1}]}),
    ("POST", "/returns/{return}/receive", {"restocked": [{"sku": "licence", "quantity": 1}]}),
    ("POST", "/retry", None),
]
ASKED_ONLY = [("GET", "", None), ("GET", "/rebuild", None)]
ADMINS = {"/payment-review", "/refund"}


@pytest.mark.parametrize(("method", "rest", "sent"), [*ACTS, *ASKED_ONLY], ids=lambda part: str(part)[:20])
def test_a_foreign_order_is_told_like_an_unknown_one(shop: World, method: str, rest: str, sent: Any) -> None:
    path = {"return": "ret_1"} if "{return}" in rest else {}
    for owner, order in (("other", ORDER), ("demo", NOBODYS)):
        assert refused(shop, method, ONE + rest, sent, scope="admin", shop=owner, order=order, path=path) == (404, "not_found")


@pytest.mark.parametrize(("method", "rest", "sent"), [*ACTS, ("POST", "/../retry-failed", {})], ids=lambda part: str(part)[:20])
def test_who_only_looks_may_do_nothing(shop: World, method: str, rest: str, sent: Any) -> None:
    where = ORDERS + "/retry-failed" if rest.startswith("/..") else ONE + rest
    path = {"return": "ret_1"} if "{return}" in rest else {}
    assert refused(shop, method, where, sent, scope="viewer", path=path) == (403, "scope_missing")
    if rest in ADMINS:
        assert refused(shop, method, where, sent, scope="operator", path=path) == (403, "scope_missing")


REFUSED: list[tuple[str, str, Any, tuple[int, str]]] = [
    ("PATCH", "", {}, (422, "validation_failed")),
    ("PATCH", "", {"email": "not one"}, (422, "validation_failed")),
    ("PATCH", "", {"phone": "call me"}, (422, "validation_failed")),
    ("PATCH", "", {"notes": "\x00"}, (422, "validation_failed")),
    ("PATCH", "", {"status": "paid"}, (422, "validation_failed")),
    ("PATCH", "", {"address": {"name": "Ada"}}, (422, "validation_failed")),
    ("POST", "/notes", {"text": ""}, (422, "validation_failed")),
    ("POST", "/notes", {"text": "x" * 2001}, (422, "validation_failed")),
    ("POST", "/resend", {"event": "evt_1"}, (422, "validation_failed")),
    ("POST", "/resend", {"event": "evt_01KAJVKP00AAAAAAAAAAAAAAAA"}, (409, "nothing_to_resend")),
    ("POST", "/transition", {"to": "gone", "reason": "x"}, (422, "validation_failed")),
    ("POST", "/transition", {"to": "shipped"}, (422, "validation_failed")),
    ("POST", "/transition", {"to": "packed", "reason": "x", "carrier": "dhl"}, (422, "validation_failed")),
    ("POST", "/transition", {"to": "refunded", "reason": "x"}, (409, "transition_not_allowed")),
    ("POST", "/transition", {"to": "pending_payment", "reason": "x"}, (409, "transition_not_allowed")),
    ("POST", "/payment-review", {"decision": "accept", "reason": "x"}, (409, "transition_not_allowed")),
    ("POST", "/payment-review", {"decision": "maybe", "reason": "x"}, (422, "validation_failed")),
    ("POST", "/cancel", {"reason": "x"}, (409, "order_not_cancellable")),
    ("POST", "/cancel", {}, (422, "validation_failed")),
    ("POST", "/refund", {"kind": "lines", "reason": "x"}, (422, "validation_failed")),
    ("POST", "/refund", {"kind": "full", "amount": 1, "reason": "x"}, (422, "validation_failed")),
    ("POST", "/refund", {"kind": "amount", "amount": 0, "reason": "x"}, (422, "validation_failed")),
    ("POST", "/refund", {"kind": "amount", "amount": 3999, "reason": "x"}, (409, "refund_too_large")),
    ("POST", "/refund", {"kind": "lines", "lines": [{"sku": "licence", "quantity": 3}], "reason": "x"}, (409, "refund_too_large")),
    ("POST", "/refund", {"kind": "lines", "lines": [{"sku": "box", "quantity": 1}], "reason": "x"}, (422, "unknown_line")),
    ("POST", "/refund", {"kind": "debt", "reason": "x"}, (409, "nothing_owed")),
    ("POST", "/returns", {"lines": []}, (422, "validation_failed")),
    ("POST", "/returns", {"lines": [{"sku": "licence", "quantity": 1}]}, (409, "not_returnable")),
    ("POST", "/returns", {"lines": [{"sku": "box", "quantity": 1}]}, (422, "unknown_line")),
    ("POST", "/retry", None, (409, "nothing_to_retry")),
]


@pytest.mark.parametrize(("method", "rest", "sent", "expected"), REFUSED, ids=lambda part: str(part)[:60])
def test_what_is_refused_leaves_nothing_behind(shop: World, method: str, rest: str, sent: Any, expected: tuple[int, str]) -> None:
    assert refused(shop, method, ONE + rest, sent, scope="admin") == expected


def test_a_receipt_needs_goods_and_a_return(shop: World) -> None:
    receive, path = ONE + "/returns/{return}/receive", {"return": "ret_1"}
    assert refused(shop, "POST", receive, {}, path=path) == (422, "validation_failed")
    assert refused(shop, "POST", receive, {"written_off": [{"sku": "box", "quantity": 1}]}, path=path) == (404, "not_found")


@pytest.mark.parametrize("rest", [rest for method, rest, _ in ACTS if method == "POST" and rest != "/retry"])
def test_what_moves_money_or_stock_has_a_name(shop: World, rest: str) -> None:
    sent = next(sent for method, of, sent in ACTS if of == rest)
    path = {"shop": "demo", "order": ORDER, **({"return": "ret_1"} if "{return}" in rest else {})}
    headers = {"X-Api-Key": KEYS["admin"]}
    assert ask(shop, DESK, "POST", ONE + rest, path, body=sent, headers=headers) == (400, "idempotency_key_missing")


def test_a_cursor_of_another_list_or_shop_opens_nothing(shop: World) -> None:
    cursor = load(DESK).tokens.seal_cursor({"after": "9", "by": None}, "admin-orders", "other")
    for path in (ORDERS, ORDERS + "/export"):
        assert refused(shop, "GET", path, scope="viewer", query={"cursor": str(cursor)}) == (400, "cursor_invalid")
    assert refused(shop, "POST", ORDERS + "/retry-failed", {"cursor": str(cursor)}) == (400, "cursor_invalid")


def test_several_states_may_be_asked_for_in_either_way(shop: World) -> None:
    event = request("GET", ORDERS, {"shop": "demo"}, query={"status": "completed"}, headers={"X-Api-Key": KEYS["viewer"]})
    event["multiValueQueryStringParameters"] = {"status": ["paid", "completed"]}
    assert len(body(shop.call(DESK, event))["items"]) == 1
    event["multiValueQueryStringParameters"] = {"status": ["paid", "shipped"]}
    assert len(body(shop.call(DESK, event))["items"]) == 0
