"""What must come of the samples of the reconciliation: its schedules, its pieces of work, and what staff and operators ask."""

from datetime import timedelta
from typing import Any

from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState, Drift
from holdfast.payments.reports import Options, Run
from tests.unit.functions import stripe_cases
from tests.unit.functions.providers import NETWORK
from tests.unit.functions.world import CLOCK, NOW, World, body, load

Answer = dict[str, Any]
INBOX, HTTP, COMMAND, SCHEDULE = "reconcile_inbox", "payments_admin_http", "operations_command", "payments_reconcile"
ORDER = "ord_01KAJVKP00C1G0HP0V7PKA0YPY"
PAYMENT = "pay_01KAJVKP0027VYN7B47MV54GJ8"
RUN = "run_01M7YZMHG0C1G0HP0V7PKA0YPY"
PLACED = ("storefront_http/place_order",)
AT_THE_PROVIDER = (*PLACED, "payments_sandbox/pay")
TOLD = (*AT_THE_PROVIDER, "payments_webhook/succeeded")
PAID = (*TOLD, "payments_inbox/succeeded")
CANCELLED = (*PLACED, "orders_http/cancel_order")
LATER = timedelta(minutes=10)


def order(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    return found


def part(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("operations") if item["sk"].startswith("PART#")]
    return found


def kept(world: World, state: DiscrepancyState) -> list[dict[str, Any]]:
    return [item for item in world.items("operations") if item["pk"] == f"demo#DISCREPANCIES#{state}"]


def a_run(_: World) -> None:
    run = Run(shop="demo", id=RUN, started_at=NOW, trigger="schedule", options=Options(verbose=True))
    load(HTTP).runs.begin(run)


def a_run_with_a_line(world: World) -> None:
    a_run(world)
    CLOCK.now += LATER
    world.play(f"{INBOX}/check_paid")


def a_discrepancy(_: World) -> None:
    found = Discrepancy(
        shop="demo",
        drift=Drift.PENDING_TOO_OLD,
        provider="sandbox",
        payment=PAYMENT,
        order=ORDER,
        ours={"status": "pending_payment"},
        theirs={},
        run=RUN,
        seen_at=NOW,
    )
    load(HTTP).discrepancies.save(found)


def a_resolved_discrepancy(world: World) -> None:
    a_discrepancy(world)
    [standing] = load(HTTP).discrepancies.about("demo", "sandbox", PAYMENT)
    load(HTTP).discrepancies.resolve(standing.model_copy(update={"state": DiscrepancyState.RESOLVED, "resolved_at": NOW}))


def a_run_at_work(world: World) -> None:
    world.play(f"{SCHEDULE}/pending")
    world.messages("reconcile")
    CLOCK.now += timedelta(minutes=10)


def done(answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}


def begun(*kinds: str) -> Any:
    """Two shops, each with its pieces of work."""

    def check(world: World, answer: Answer) -> None:
        assert (sorted(answer["runs"]), answer["at_work"], answer["failed"]) == (["demo", "other"], [], [])
        sent = [message for message in world.messages("reconcile") if message["shop"] == "demo"]
        assert {message["run"] for message in sent} == {answer["runs"]["demo"]}
        assert sorted(message["name"] for message in sent) == sorted(kinds)

    return check


def waits_for_the_one_before(world: World, answer: Answer) -> None:
    assert (answer["runs"], sorted(answer["at_work"]), world.messages("reconcile")) == ({}, ["demo", "other"], [])


def begun_by_hand(world: World, answer: Answer) -> None:
    [(shop, run)] = answer["runs"].items()
    assert shop == "demo"
    assert {(message["run"], message["options"]["dry_run"]) for message in world.messages("reconcile")} == {(run, True)}


def one_to_check(kind: str) -> Any:
    def check(world: World, answer: Answer) -> None:
        done(answer)
        [message] = world.messages("reconcile")
        assert (message["kind"], message["about"], message["run"]) == (kind, [ORDER], RUN)
        assert part(world)["counts"] == {"listed": 1}

    return check


def found_paid(world: World, answer: Answer) -> None:
    done(answer)
    assert (order(world)["status"], order(world)["payment"]["status"]) == ("paid", "succeeded")
    assert part(world)["counts"] == {"checked": 1, "asked": 1, "changed": 1, "found": 1, "results": {"paid": 1}}
    assert world.play(f"{INBOX}/check_paid") == answer
    assert part(world)["counts"]["found"] == 1


def foretold(world: World, answer: Answer) -> None:
    done(answer)
    assert (order(world)["status"], part(world)["counts"]["results"]) == ("pending_payment", {"paid": 1})


def given_up(world: World, answer: Answer) -> None:
    done(answer)
    [book] = [item for item in world.items("payments") if item["sk"] == "BOOK"]
    assert (order(world)["status"], order(world)["payment"]["status"], book["status"]) == ("expired", "expired", "expired")
    assert part(world)["counts"]["results"] == {"timed_out": 1}


def found_at_stripe(world: World, answer: Answer) -> None:
    done(answer)
    assert (order(world)["status"], part(world)["counts"]["found"]) == ("paid", 1)


def asked_again_later(world: World, answer: Answer) -> None:
    done(answer)
    [message] = world.messages("reconcile")
    assert (message["about"], message["attempt"], message["delay"], message["name"]) == ([ORDER], 1, 60, "waiting.0/check.0000+1")
    assert (order(world)["status"], "counts" in part(world)) == ("pending_payment", False)  # nothing was learned


def paid_at_stripe_and_it_is_down(world: World) -> None:
    stripe_cases.is_paid(world)
    NETWORK.down |= NETWORK.stripe.hosts


def they_agree(world: World, answer: Answer) -> None:
    done(answer)
    assert part(world)["lines"] == [{"order": ORDER, "result": "agrees", "provider": "sandbox", "payment": PAYMENT}]


def one_to_confirm(world: World, answer: Answer) -> None:
    done(answer)
    [message] = world.messages("reconcile")
    assert (message["kind"], message["provider"]) == ("confirm", part(world)["next"][0]["provider"])


def it_is_resolved(world: World, answer: Answer) -> None:
    done(answer)
    assert (len(kept(world, DiscrepancyState.OPEN)), len(kept(world, DiscrepancyState.RESOLVED))) == (0, 1)
    assert part(world)["counts"]["discrepancies"]["resolved"] == 1


def it_is_looked_at_again(world: World, answer: Answer) -> None:
    done(answer)
    assert [message.get("looked") for message in world.messages("payments")] == [None, 100]
    assert part(world)["counts"] == {"events": {"looked_at_again": 1}}


def nothing_is_held(world: World, answer: Answer) -> None:
    done(answer)
    assert (world.items("locks"), part(world)["counts"]["reservations"]) == ([], {"cleaned_locks": 1, "cleaned_units": 2})


def one_waits(_: World, answer: Answer) -> None:
    [item] = body(answer)["items"]
    assert (item["order"], item["payment"], item["payment_status"], item["age_minutes"]) == (ORDER, PAYMENT, "pending", 10)
    assert (item["held_until"], item["refund_due"]) == ("2026-11-21T12:15:00.000Z", 0)


def it_is_begun(world: World, answer: Answer) -> None:
    told = body(answer)
    assert (told["finished_at"], told["parts"], told["trigger"]) == (None, 1, told["trigger"])
    messages = world.messages("reconcile")
    assert {message["run"] for message in messages} == {told["id"]}
    assert told["planned"] == len(messages) + 1


def one_run(_: World, answer: Answer) -> None:
    [item] = body(answer)["items"]
    assert (item["id"], item["mode"], item["finished_at"], item["options"]["max_age_hours"]) == (RUN, "pending", None, 48)


def with_its_line(_: World, answer: Answer) -> None:
    told = body(answer)
    assert [(line["order"], line["result"]) for line in told["lines"]] == [(ORDER, "paid")]
    assert (told["counts"]["found"], told["next"]) == (1, None)


def one_discrepancy(state: str) -> Any:
    def check(_: World, answer: Answer) -> None:
        [item] = body(answer)["items"]
        assert (item["kind"], item["payment"], item["state"]) == ("pending_too_old", PAYMENT, state)

    return check


def reported(world: World, answer: Answer) -> None:
    told = answer["result"]
    assert (answer["ok"], told["trigger"], told["finished_at"]) == (True, "operator", None)
    assert {message["run"] for message in world.messages("reconcile")} == {told["id"]}


def misspelt(_: World, answer: Answer) -> None:
    assert (answer["ok"], answer["error"]["code"]) == (False, "validation_failed")


def lists(*sources: str) -> tuple[str, ...]:
    return tuple(f"{source}.{bucket}" for source in sources for bucket in range(4))


CASES: dict[str, dict[str, Any]] = {
    f"{SCHEDULE}/pending": {"effect": begun(*lists("waiting"), "events")},
    f"{SCHEDULE}/comprehensive": {"effect": begun(*lists("waiting"), "events", "reservations")},
    f"{SCHEDULE}/ledger": {"given": stripe_cases.an_account, "effect": begun(*lists("placed"), "statement.stripe", "again")},
    f"{SCHEDULE}/still_at_work": {"given": a_run_at_work, "effect": waits_for_the_one_before},
    f"{SCHEDULE}/by_hand": {"effect": begun_by_hand},
    f"{INBOX}/list_waiting": {"after": PLACED, "later": LATER, "effect": one_to_check("check")},
    f"{INBOX}/list_unsettled": {"after": CANCELLED, "later": LATER, "effect": one_to_check("check")},
    f"{INBOX}/list_of_the_day": {"after": PAID, "later": LATER, "effect": one_to_check("compare")},
    f"{INBOX}/check_paid": {"after": AT_THE_PROVIDER, "later": LATER, "effect": found_paid},
    f"{INBOX}/check_paid_dry_run": {"after": AT_THE_PROVIDER, "later": LATER, "effect": foretold},
    f"{INBOX}/check_timed_out": {"after": PLACED, "later": timedelta(hours=3), "effect": given_up},
    f"{INBOX}/check_at_stripe": {"given": stripe_cases.is_paid, "later": LATER, "effect": found_at_stripe},
    f"{INBOX}/check_while_stripe_is_down": {"given": paid_at_stripe_and_it_is_down, "later": LATER, "effect": asked_again_later},
    f"{INBOX}/compare": {"after": PAID, "later": LATER, "effect": they_agree},
    f"{INBOX}/statement_of_stripe": {"given": stripe_cases.is_paid, "later": LATER, "effect": one_to_confirm},
    f"{INBOX}/open_discrepancies": {"given": a_discrepancy, "effect": one_to_confirm},
    f"{INBOX}/confirm": {"after": PAID, "given": a_discrepancy, "later": LATER, "effect": it_is_resolved},
    f"{INBOX}/unmatched_events": {"after": TOLD, "later": timedelta(minutes=20), "effect": it_is_looked_at_again},
    f"{INBOX}/reservations": {"after": PLACED, "later": timedelta(minutes=20), "effect": nothing_is_held},
    f"{HTTP}/list_pending": {"status": 200, "members": {"next": None}, "after": PLACED, "later": LATER, "effect": one_waits},
    f"{HTTP}/reconcile": {"status": 202, "members": {"mode": "pending", "dry_run": False}, "effect": it_is_begun},
    f"{HTTP}/reconcile_dry_run": {"status": 202, "members": {"mode": "comprehensive", "dry_run": True}, "effect": it_is_begun},
    f"{HTTP}/reconcile_refused": {"status": 422, "members": {"code": "validation_failed"}},
    f"{HTTP}/reconcile_as_viewer": {"status": 403, "members": {"code": "scope_missing"}},
    f"{HTTP}/list_reconciliations": {"status": 200, "members": {"next": None}, "given": a_run, "effect": one_run},
    f"{HTTP}/show_reconciliation": {
        "status": 200,
        "members": {"id": RUN, "trigger": "schedule"},
        "after": AT_THE_PROVIDER,
        "given": a_run_with_a_line,
        "effect": with_its_line,
    },
    f"{HTTP}/show_reconciliation_unknown": {"status": 404, "members": {"code": "not_found"}},
    f"{HTTP}/list_discrepancies": {"status": 200, "members": {"next": None}, "given": a_discrepancy, "effect": one_discrepancy("open")},
    f"{HTTP}/list_discrepancies_resolved": {
        "status": 200,
        "members": {"next": None},
        "given": a_resolved_discrepancy,
        "effect": one_discrepancy("resolved"),
    },
    f"{COMMAND}/reconcile_payments": {"effect": reported},
    f"{COMMAND}/check_pending_payments": {"effect": reported},
    f"{COMMAND}/reconcile_payments_misspelt": {"effect": misspelt},
}
