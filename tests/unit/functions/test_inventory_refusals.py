"""The staff's stock over HTTP: what is refused, and why."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.functions import world as worlds
from tests.unit.functions.asking import ask
from tests.unit.functions.desk_calls import INVENTORY, ONE, Asked, asked, csv, patch, post
from tests.unit.functions.world import KEYS, World, body, ok


@pytest.fixture(scope="module")
def shop() -> Iterator[World]:
    """One for all that is refused: nothing here may change it."""
    with worlds.furnished() as made:
        kept = ("stock", "catalogue", "operations")
        before = {table: made.items(table) for table in kept}
        yield made
        assert {table: made.items(table) for table in kept} == before


@pytest.mark.parametrize(
    "sent",
    [
        {"shards": 0},
        {"shards": 65},
        {"shards": 1000},
        {"shards": -1},
        {"shards": "4"},
        {"shards": 1.5},
        {"safety_stock": -1},
        {"safety_stock": None},
        {"on_shortage": "maybe"},
        {"low_stock_threshold": None},
        {"max_per_order": 0},
        {"max_per_order": 1001},
        {"available_from": "tomorrow"},
        {"available_from": "2026-12-01T08:00:00"},
        {"locations": [{"name": "promise"}]},
        {"locations": [{"name": "buyer-1"}]},
        {"locations": [{"name": "0"}]},
        {"locations": [{"name": "Berlin"}]},
        {"locations": [{"name": "a#b"}]},
        {"locations": [{"name": "berlin"}, {"name": "berlin"}]},
        {"locations": [{"name": "berlin", "incoming": -1}]},
        {"locations": [{"name": f"place-{number}"} for number in range(11)]},
        {"price": 1},
        {"shards": 2, "reshard": True},
    ],
    ids=str,
)
def test_what_cannot_be_set(shop: World, sent: Any) -> None:
    assert patch(shop, sent) == (422, "validation_failed")


def test_who_may_set_policies(shop: World) -> None:
    assert patch(shop, {"shards": 2}, scope="operator") == (403, "scope_missing")
    assert patch(shop, {"shards": 2}, sku="nothing") == (404, "not_found")
    assert patch(shop, {"shards": 2}, if_match='"1"') == (412, "stale_stock")
    assert patch(shop, {"shards": 2}, if_match="x") == (400, "if_match_invalid")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, (422, "validation_failed")),
        ({"delta": 0}, (422, "validation_failed")),
        ({"delta": 1, "set_available": 4}, (422, "validation_failed")),
        ({"delta": 10**7}, (422, "validation_failed")),
        ({"delta": 1.5}, (422, "validation_failed")),
        ({"delta": 1, "reason": "sale"}, (422, "validation_failed")),
        ({"delta": 1, "reason": "write_off"}, (422, "validation_failed")),
        ({"set_available": -1}, (422, "validation_failed")),
        ({"delta": 1, "note": "line\r\nbreak"}, (422, "validation_failed")),
        ({"delta": 1, "location": "promise"}, (422, "validation_failed")),
        ({"delta": 1, "location": "moon"}, (422, "unknown_location")),
        ({"delta": -6}, (409, "insufficient_stock")),
        ({"set_available": 9}, (422, "expected_available_missing")),
        ({"set_available": 9, "expected_available": 4}, (412, "stale_stock")),
        ({"delta": 1, "expected_available": 6}, (412, "stale_stock")),
    ],
    ids=str,
)
def test_adjustments_that_are_refused(shop: World, sent: Any, expected: Asked) -> None:
    assert asked(post(shop, ONE + "/adjust", sent)) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"from": "main", "to": "main", "quantity": 1}, (422, "validation_failed")),
        ({"from": "main", "to": "berlin", "quantity": 1}, (422, "unknown_location")),
        ({"from": "main", "to": "berlin", "quantity": 0}, (422, "validation_failed")),
        ({"source": "main", "target": "berlin", "quantity": 1}, (422, "validation_failed")),
        ({"from": "main", "quantity": 1}, (422, "validation_failed")),
        ({"from": "promise", "to": "main", "quantity": 1}, (422, "validation_failed")),
    ],
    ids=str,
)
def test_transfers_that_are_refused(shop: World, sent: Any, expected: Asked) -> None:
    assert asked(post(shop, ONE + "/transfer", sent)) == expected


def test_digital_stock_comes_with_its_keys(shop: World) -> None:
    assert asked(post(shop, ONE + "/adjust", {"delta": 1}, sku="licence")) == (422, "keys_required")
    assert asked(post(shop, ONE + "/adjust", {"set_available": 9, "expected_available": 3}, sku="licence")) == (422, "keys_required")
    assert asked(post(shop, ONE + "/restock", {"quantity": 1}, sku="licence")) == (422, "keys_required")
    refusal = post(shop, INVENTORY + "/bulk", {"rows": [{"sku": "box", "delta": 1}, {"sku": "licence", "delta": 1}]})
    assert [(fault["row"], fault["code"]) for fault in body(refusal)["errors"]] == [(2, "keys_required")]


@pytest.mark.parametrize("path", ["/adjust", "/restock", "/transfer"])
def test_unknown_and_foreign(shop: World, path: str) -> None:
    sent = {"/adjust": {"delta": 1}, "/restock": {"quantity": 1}, "/transfer": {"from": "main", "to": "x", "quantity": 1}}[path]
    assert asked(post(shop, ONE + path, sent, sku="nothing")) == (404, "not_found")
    assert asked(post(shop, ONE + path, sent, scope="viewer")) == (403, "scope_missing")
    foreign = {"X-Api-Key": KEYS["operator"] + "-of-other", "Idempotency-Key": "k"}
    assert ask(shop, "inventory_http", "POST", ONE + path, {"shop": "demo", "sku": "box"}, body=sent, headers=foreign) == (
        401,
        "api_key_invalid",
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"rows": []}, (422, "validation_failed")),
        ({"rows": [{"sku": "box", "delta": 1}] * 10_001}, (422, "validation_failed")),
        ({"rows": [{"sku": "box"}]}, (422, "validation_failed")),
        ({"rows": [{"sku": "box", "delta": 1, "price": 2}]}, (422, "validation_failed")),
        ({"rows": [{"sku": "box", "set_available": 2}]}, (422, "validation_failed")),
        ({"rows": [{"sku": "box", "delta": "1"}]}, (422, "validation_failed")),
        ({"rows": [{"sku": "box", "delta": 1}, {"sku": "box", "delta": 2}]}, (422, "bulk_refused")),
        ({"rows": [{"sku": "nothing", "delta": 1}]}, (422, "bulk_refused")),
        ({"rows": [{"sku": "box", "delta": 1}], "note": "x" * 5 * 1024 * 1024}, (413, "body_too_large")),
        ("[", (400, "malformed_json")),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_lists_that_are_refused(shop: World, sent: Any, expected: Asked, dry_run: str) -> None:
    """A dry run is refused as the list itself would be."""
    assert asked(post(shop, INVENTORY + "/bulk", sent, query={"dry_run": dry_run})) == expected


def test_each_refused_row_is_told_with_its_place(shop: World) -> None:
    refusal = body(csv(shop, "\ufeffsku,delta,note\r\nbox,1,ok\r\nbox,2,\r\nnothing,1,\r\nlast,-5,\r\n"))
    assert [(fault["row"], fault["line"], fault["pointer"], fault["code"]) for fault in refusal["errors"]] == [
        (1, 2, "/rows/0/sku", "duplicate_sku"),
        (2, 3, "/rows/1/sku", "duplicate_sku"),
        (3, 4, "/rows/2/sku", "unknown_sku"),
        (4, 5, "/rows/3/delta", "insufficient_stock"),
    ]
    refusal = body(post(shop, INVENTORY + "/bulk", {"rows": [{"sku": "box", "delta": 1}, {"sku": "bo x", "delta": 1}]}))
    assert [fault["pointer"] for fault in refusal["errors"]] == ["/rows/1/sku"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("sku,delta\nbox,=1+1\n", "bad_number"),
        ("sku,delta,note\nbox,1,=1+1\n", "formula_cell"),
        ("sku,amount\nbox,1\n", "unknown_column"),
        ("sku\nbox\n", "missing_column"),
        ('sku,delta\n"box,1\n', "malformed_csv"),
        (b"sku,delta\n\xff,1\n", "malformed_csv"),
        ("", "validation_failed"),
    ],
    ids=str,
)
def test_files_that_cannot_be_read(shop: World, sent: str | bytes, code: str) -> None:
    refusal = csv(shop, sent)
    assert refusal["statusCode"] in {400, 422}
    told = body(refusal)
    assert code in {told["code"], *(fault["code"] for fault in told.get("errors", []))} or told["code"] == "malformed_json"


def test_a_file_of_a_gigabyte_is_refused_by_its_length(shop: World) -> None:
    assert asked(csv(shop, "sku,delta\n" + "box,1\n" * 800_000)) == (413, "body_too_large")
    assert asked(post(shop, INVENTORY + "/bulk", "<xml/>", headers={"Content-Type": "text/xml"})) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"filter": "rare"}, {"q": ""}, {"q": "x" * 101}, {"cursor": "x"}], ids=str
)
def test_queries(shop: World, query: dict[str, str]) -> None:
    headers = {"X-Api-Key": KEYS["viewer"]}
    status, _ = ask(shop, "inventory_http", "GET", INVENTORY, {"shop": "demo"}, headers=headers, query=query)
    assert status in {400, 422}


@pytest.mark.parametrize("path", ["", "/dashboard", "/box/ledger"])
def test_cursors_open_their_own_list_only(shop: World, path: str) -> None:
    headers = {"X-Api-Key": KEYS["viewer"]}
    listed = shop.http("inventory_http", "GET", INVENTORY, shop="demo", headers=headers, query={"limit": "1"})
    cursor = ok(listed)["next"]
    resource = INVENTORY + path.replace("/box", "/{sku}")
    given = {"shop": "demo", **({"sku": "box"} if "box" in path else {})}
    status, code = ask(shop, "inventory_http", "GET", resource, given, headers=headers, query={"cursor": cursor})
    assert (status, code) == ((200, "") if path == "" else (400, "cursor_invalid"))


def test_jobs_that_are_not_there(shop: World) -> None:
    headers = {"X-Api-Key": KEYS["viewer"]}
    path = {"shop": "demo", "job": "blk_1"}
    assert ask(shop, "inventory_http", "GET", INVENTORY + "/bulk/{job}", path, headers=headers) == (404, "not_found")
    refusal = post(shop, INVENTORY + "/bulk/{job}/undo", {"undo_token": "x"}, at={"job": "blk_1"})
    assert asked(refusal) == (404, "not_found")


def test_stock_checks_that_are_refused(shop: World) -> None:
    def check(sent: Any) -> Asked:
        return ask(shop, "storefront_http", "POST", "/shops/{shop}/stock/check", {"shop": "demo"}, body=sent)

    assert check({"lines": []}) == (422, "validation_failed")
    assert check({"lines": [{"sku": "box", "quantity": 0}]}) == (422, "validation_failed")
    assert check({"lines": [{"sku": "box", "quantity": 1}] * 200}) == (422, "too_many_lines")
