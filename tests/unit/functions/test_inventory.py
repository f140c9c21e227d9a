"""The staff's stock over HTTP: what is done, what a repeated request does, and what a long list goes through."""

from tests.unit.functions import world as worlds
from tests.unit.functions.desk_calls import INVENTORY, ONE, asked, csv, patch, post, show
from tests.unit.functions.test_samples import holds, many_parts
from tests.unit.functions.world import KEYS, World, body, load, ok


def test_a_figure_over_the_etag_that_was_read(world: World) -> None:
    seen = show(world)["version"]
    answer = post(world, ONE + "/adjust", {"set_available": 9}, headers={"If-Match": f'"{seen}"'})
    assert (ok(answer)["available"], ok(answer)["version"] > seen) == (9, True)
    assert asked(post(world, ONE + "/adjust", {"set_available": 2}, key="k-2", headers={"If-Match": f'"{seen}"'})) == (412, "stale_stock")
    again = post(world, ONE + "/adjust", {"set_available": 9}, headers={"If-Match": f'"{seen}"'})
    assert (again["headers"]["Idempotent-Replayed"], again["body"]) == ("true", answer["body"])
    assert holds(world, "box") == (9, 9)


def test_what_a_patch_leaves_out_stays(world: World) -> None:
    assert patch(world, {"shards": 4, "low_stock_threshold": 3, "locations": [{"name": "berlin", "incoming": 7}]})[0] == 200
    assert patch(world, {"max_per_order": 2})[0] == 200
    assert patch(world, {"shards": None})[0] == 200
    found = show(world)
    assert (found["shards"], found["automatic_shards"], found["low_stock_threshold"], found["max_per_order"]) == (4, True, 3, 2)
    assert [(place["name"], place["incoming"]) for place in found["locations"]] == [("main", 0), ("berlin", 7)]
    product = world.http(
        "admin_http", "GET", "/shops/{shop}/admin/products/{sku}", shop="demo", sku="box", headers={"X-Api-Key": KEYS["admin"]}
    )
    assert (ok(product)["low_stock_threshold"], ok(product)["title"], ok(product)["version"]) == (3, "Box", 3)


def test_a_dry_run_and_its_list_agree(world: World) -> None:
    rows = "sku,delta,available,expected_available,reason\nbox,-2,,,write_off\nlast,,7,1,correction\n"
    planned = ok(csv(world, rows, dry_run="true"))
    assert (planned["status"], planned["id"], holds(world, "box")) == ("planned", None, (5, 5))
    assert [(item["sku"], item["before"]["available"], item["after"]["available"]) for item in planned["items"]] == [
        ("box", 5, 3),
        ("last", 1, 7),
    ]
    done = ok(csv(world, rows))
    assert [(item["sku"], item["delta"], item["state"]) for item in done["items"]] == [("box", -2, "done"), ("last", 6, "done")]
    assert (holds(world, "box"), holds(world, "last")) == ((3, 3), (7, 7))
    again = csv(world, rows)
    assert (again["headers"]["Idempotent-Replayed"], body(again)) == ("true", done)
    assert asked(csv(world, rows.replace("-2", "-1"))) == (422, "idempotency_key_reused")
    assert holds(world, "box") == (3, 3)


def test_a_list_is_undone_once_with_its_token(world: World) -> None:
    done = ok(post(world, INVENTORY + "/bulk", {"rows": [{"sku": "box", "delta": 4}, {"sku": "last", "delta": -1}]}))
    undo = {"at": {"job": done["id"]}}
    assert asked(post(world, INVENTORY + "/bulk/{job}/undo", {"undo_token": "x" * 43}, **undo)) == (403, "undo_token_invalid")
    for key in ("u-1", "u-2"):
        undone = ok(post(world, INVENTORY + "/bulk/{job}/undo", {"undo_token": done["undo_token"]}, key=key, **undo))
        assert (undone["status"], undone["undone"], undone["undo_refused"]) == ("undone", 2, 0)
        assert [item["undo"] for item in undone["items"]] == ["done", "done"]
        assert (holds(world, "box"), holds(world, "last")) == ((5, 5), (1, 1))


def test_a_long_list_is_worked_by_the_queue_and_read_page_by_page(world: World) -> None:
    many_parts(world)
    counted = {1: 1, 2: 2, 101: 101}
    rows = [{"sku": f"part-{number:03d}", "set_available": counted.get(number, 0), "expected_available": 0} for number in range(1, 102)]
    sent = {"rows": rows}
    kept = post(world, INVENTORY + "/bulk", sent)
    assert (kept["statusCode"], body(kept)["status"]) == (202, "accepted")
    messages = world.messages("stock")
    assert asked(post(world, INVENTORY + "/bulk/{job}/undo", {"undo_token": body(kept)["undo_token"]}, at={"job": body(kept)["id"]})) == (
        409,
        "bulk_not_finished",
    )
    inbox = load("stock_inbox")
    for message in [*messages, *messages]:  # each is delivered twice
        inbox.KINDS[message["kind"]](message)
    found: list[tuple[int, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = ok(
            world.http(
                "inventory_http",
                "GET",
                INVENTORY + "/bulk/{job}",
                shop="demo",
                job=body(kept)["id"],
                headers={"X-Api-Key": KEYS["viewer"]},
                query={"limit": "40", **cursor},
            )
        )
        found += [(item["row"], item["state"]) for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == [(number, "done" if number in counted else "unchanged") for number in range(1, 102)]
    assert (page["status"], page["done"], page["unchanged"], page["undo_token"]) == ("done", 3, 98, None)
    assert (holds(world, "part-101"), holds(world, "part-001")) == ((101, 101), (1, 1))
    undone = post(world, INVENTORY + "/bulk/{job}/undo", {"undo_token": body(kept)["undo_token"]}, key="u-1", at={"job": body(kept)["id"]})
    assert (undone["statusCode"], body(undone)["status"]) == (202, "undoing")
    for message in world.messages("stock"):
        inbox.KINDS[message["kind"]](message)
    assert holds(world, "part-101") == (0, 0)


def test_the_ledger_tells_who_and_why(world: World) -> None:
    ok(post(world, ONE + "/adjust", {"delta": -2, "reason": "write_off", "document": "d-1", "note": "wet"}))
    path = {"shop": "demo", "sku": "box", "headers": {"X-Api-Key": KEYS["viewer"]}}
    first = ok(world.http("inventory_http", "GET", ONE + "/ledger", **path, query={"limit": "1"}))
    (row,) = first["items"]
    assert (row["reason"], row["quantity"], row["balance"], row["document"], row["note"]) == ("write_off", -2, 3, "d-1", "wet")
    assert row["actor"].startswith("key_")
    rest = ok(world.http("inventory_http", "GET", ONE + "/ledger", **path, query={"cursor": first["next"]}))
    assert ([row["reason"] for row in rest["items"]], rest["next"]) == (["restock"], None)


def test_a_hold_tells_whose_it_is_and_is_released_for_a_reason(world: World) -> None:
    ok(world.play("storefront_http/place_order"))
    world.later(seconds=60)
    viewer = {"X-Api-Key": KEYS["viewer"]}
    listed = ok(world.http("inventory_http", "GET", "/shops/{shop}/admin/holds", shop="demo", headers=viewer, query={"sku": "licence"}))
    (hold,) = listed["items"]
    assert (hold["age_seconds"], hold["seconds_left"], hold["owner"]) == (60, 840, worlds.SESSION)
    assert hold["lines"] == [{"sku": "licence", "quantity": 2, "held": 2}]
    nothing = ok(world.http("inventory_http", "GET", "/shops/{shop}/admin/holds", shop="demo", headers=viewer, query={"sku": "box"}))
    assert nothing == {"items": [], "next": None}
    released = post(world, "/shops/{shop}/admin/holds/{lock}/release", {"reason": "test order"}, at={"lock": hold["id"]})
    assert ok(released)["units"] == 2
    (order,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    assert (order["status"], "test order" in str(order)) == ("cancelled", True)


def test_a_clean_up_by_hand_is_kept_with_who_asked_for_it(world: World) -> None:
    ok(world.play("storefront_http/place_order"))
    world.later(minutes=16)
    planned = ok(post(world, "/shops/{shop}/admin/cron/stock-cleanup", {"dry_run": True}))
    assert (planned["locks"], planned["units"], holds(world, "licence")) == (1, 2, (3, 1))
    world.later(seconds=1)
    done = ok(post(world, "/shops/{shop}/admin/cron/stock-cleanup", {}, key="k-2"))
    assert (done["locks"], done["units"], holds(world, "licence")) == (1, 2, (3, 3))
    seen = world.http("inventory_http", "GET", "/shops/{shop}/admin/cron/stock-cleanup", shop="demo", headers={"X-Api-Key": KEYS["viewer"]})
    assert [(run["id"], run["dry_run"], run["trigger"][:4]) for run in ok(seen)["items"]] == [
        (done["run"], False, "key_"),
        (planned["run"], True, "key_"),
    ]
