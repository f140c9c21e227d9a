"""From an event to an endpoint: what is sent, how often, and what becomes of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from holdfast.kernel.errors import UnavailableError
from holdfast.orders import events
from holdfast.webhooks import delivering, endpoints, replaying
from holdfast.webhooks.errors import DeliveryInFlight, EndpointDisabled, UnknownDelivery, UnknownEndpoint
from holdfast.webhooks.model import LEASE, DisabledBecause, Endpoint, Outcome, Reply, State
from holdfast.webhooks.replaying import Replay
from holdfast.webhooks.targets import Doors
from holdfast.wiring import webhooks as wiring
from tests.memory.mailroom import NOTE, NOW, PAID, URL, Shop
from tests.memory.webhooks import Receiver, answered

# What is sent.


def test_an_event_goes_to_who_wants_to_hear_of_it(shop: Shop) -> None:
    everything, refunds, notes = shop.endpoint("*"), shop.endpoint("order.refunded.v1"), shop.endpoint("*", NOTE)
    Shop(shop.store, "other").endpoint("*")
    assert shop.hear(shop.event("evt_1", PAID)) == 2
    assert shop.hear(shop.event("evt_2", NOTE)) == 1
    assert [(message["endpoint"], message["kind"]) for message, _ in shop.messages.sent] == [
        (everything.id, "attempt"),
        (notes.id, "attempt"),
        (notes.id, "attempt"),
    ]
    assert shop.store.page("demo", refunds.id, 10, None, None, None) == ([], None)


def test_the_request(shop: Shop) -> None:
    made = shop.added()
    shop.hear(shop.event(amount=1999, lines=[{"sku": "box", "quantity": 2}]))
    shop.attempt(shop.only(made.endpoint))
    ((url, headers, body),) = shop.receiver.received
    assert (url, headers["webhook-id"], headers["Content-Type"]) == (URL, "evt_1", "application/json")
    webhook = Webhook(made.secret)
    assert headers["webhook-signature"] == webhook.sign("evt_1", NOW, body)
    assert json.loads(body) == {
        "type": PAID,
        "timestamp": "2026-11-21T12:00:00.000Z",
        "data": {
            "shop": "demo",
            "order": "ord_1",
            "status": "paid",
            "seq": 2,
            "detail": {"amount": 1999, "lines": [{"sku": "box", "quantity": 2}]},
        },
    }


def test_nothing_personal_and_no_key_is_sent() -> None:
    detail: dict[str, Any] = {
        "shop": "demo",
        "order": "ord_1",
        "status": "paid",
        "id": "evt_1",
        "seq": 3,
        "type": "order.edited.v1",
        "at": "2026-11-21T12:00:00.000Z",
        "actor": {"kind": "staff", "id": "key_SECRET"},
        "reason": "called SECRET",
        "before": {"email": "SECRET@a.example"},
        "after": {"email": "SECRET@b.example"},
        "data": {"fields": ["email"], "email": "SECRET", "lines": [{"sku": "box", "keys": ["SECRET"]}], "address": {"line1": "SECRET"}},
    }
    body = delivering.body_of(wiring.happened(detail))
    assert "SECRET" not in body
    assert json.loads(body)["data"]["detail"] == {"fields": ["email"], "lines": [{"sku": "box"}]}


def test_the_events_are_those_of_orders() -> None:
    assert wiring.TYPES.all == set(events.ALL)
    assert wiring.TYPES.confidential == events.STAFF_ONLY


def test_both_secrets_sign_while_one_is_replaced(shop: Shop) -> None:
    first = shop.added()
    second = endpoints.rotate("demo", first.endpoint.id, keep_former=True, store=shop.store, sealer=shop.sealer, now=shop.now)
    shop.hear()
    shop.attempt(shop.only(first.endpoint))
    ((_, headers, body),) = shop.receiver.received
    signatures = headers["webhook-signature"].split(" ")
    assert signatures == [Webhook(one.secret).sign("evt_1", NOW, body) for one in (second, first)]


# How often.


def test_an_event_that_comes_twice_is_one_delivery(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.hear()
    shop.attempt(shop.only(endpoint))
    shop.hear()
    assert shop.attempt(shop.only(endpoint)) is None
    assert len(shop.receiver.received) == 1
    assert len(shop.messages.sent) == 1


def test_a_worker_that_died_before_the_message_is_made_up_for(shop: Shop) -> None:
    """The row stands, the message is missing: the event comes again, or else the schedule finds it."""
    shop.endpoint()
    shop.hear()
    shop.messages.sent.clear()
    shop.hear()
    assert len(shop.messages.sent) == 1
    shop.later(minutes=2)
    assert shop.tick() == 1


def test_attempts_until_one_arrives(shop: Shop) -> None:
    shop.receiver = Receiver(500, Reply(outcome=Outcome.TIMED_OUT, milliseconds=10_000), 204)
    endpoint = shop.endpoint()
    shop.hear()
    shop.messages.sent.clear()
    shop.attempt(shop.only(endpoint))
    assert shop.attempt(shop.only(endpoint)) is None  # not due
    ((message, delay),) = shop.messages.sent
    assert (message["delivery"], delay) == (shop.only(endpoint).id, timedelta(seconds=6))
    shop.now += delay
    shop.attempt(shop.only(endpoint))
    shop.later(minutes=6)
    shop.attempt(shop.only(endpoint))
    row = shop.only(endpoint)
    assert (row.state, row.tries, [one.status for one in row.attempts]) == (State.DELIVERED, 3, [500, None, 204])
    assert {headers["webhook-id"] for _, headers, _ in shop.receiver.received} == {"evt_1"}
    assert {body for _, _, body in shop.receiver.received} == {row.body}
    assert len({headers["webhook-timestamp"] for _, headers, _ in shop.receiver.received}) == 3
    assert shop.store.failing_since("demo", endpoint.id) is None


def test_a_delivery_that_kills_its_workers_comes_to_an_end(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.hear()
    for number in range(10):
        assert shop.store.save(shop.only(endpoint).claimed(f"clm_{number}", shop.now))
        shop.now += LEASE
    shop.attempt(shop.only(endpoint))
    row = shop.only(endpoint)
    assert (row.state, row.reason, row.tries, shop.receiver.received) == (State.FAILED, "attempts_exhausted", 10, [])
    assert {one.outcome for one in row.attempts} == {Outcome.STARTED}


def run_out(shop: Shop, endpoint: Endpoint) -> int:
    """Whatever is due is attempted, as the queue and the schedule would have it, for four days."""
    attempts = 0
    for _ in range(4 * 24 * 60):
        shop.later(minutes=1)
        shop.tick()
        attempts += shop.attempt(shop.only(endpoint)) is not None
    return attempts


def test_three_days_without_success_switch_the_endpoint_off(shop: Shop) -> None:
    shop.receiver = Receiver(*[500] * 50)
    endpoint = shop.endpoint()
    shop.hear()
    assert run_out(shop, endpoint) == 10
    row, (found,) = shop.only(endpoint), shop.store.endpoints("demo")
    assert (row.state, row.reason) == (State.FAILED, "attempts_exhausted")
    assert found.disabled is not None
    assert found.disabled.reason is DisabledBecause.FAILING
    assert found.disabled.at - NOW >= timedelta(days=3)


def test_one_success_in_three_days_leaves_it_on(shop: Shop) -> None:
    shop.receiver = Receiver(*[500] * 9, 200, *[500] * 9)
    endpoint = shop.endpoint()
    shop.hear()
    run_out(shop, endpoint)
    assert shop.only(endpoint).state is State.DELIVERED
    assert shop.store.endpoints("demo")[0].enabled


def test_410_switches_the_endpoint_off(shop: Shop) -> None:
    shop.receiver = Receiver(410)
    endpoint = shop.endpoint()
    shop.hear()
    attempted = shop.attempt(shop.only(endpoint))
    assert attempted is not None
    assert attempted.disabled is DisabledBecause.GONE
    (found,) = shop.store.endpoints("demo")
    assert found.disabled is not None
    assert (found.disabled.reason, shop.only(endpoint).state) == (DisabledBecause.GONE, State.FAILED)


def test_what_waits_for_an_endpoint_that_was_switched_off_is_skipped(shop: Shop) -> None:
    shop.receiver = Receiver(500)
    endpoint = shop.endpoint()
    shop.hear()
    shop.attempt(shop.only(endpoint))
    endpoints.disable("demo", endpoint.id, DisabledBecause.STAFF, store=shop.store, now=shop.now)
    shop.later(minutes=1)
    shop.attempt(shop.only(endpoint))
    shop.hear(shop.event("evt_2"))
    rows, _ = shop.store.page("demo", endpoint.id, 10, None, None, None)
    assert {(row.message, row.state, row.reason) for row in rows} == {
        ("evt_1", State.SKIPPED, "endpoint_disabled"),
        ("evt_2", State.SKIPPED, "endpoint_disabled"),
    }
    assert len(shop.receiver.received) == 1


def test_what_waits_for_an_endpoint_that_is_gone_is_skipped(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.hear()
    endpoints.remove("demo", endpoint.id, store=shop.store)
    shop.attempt(shop.only(endpoint))
    assert (shop.only(endpoint).reason, shop.receiver.received) == ("endpoint_deleted", [])


def test_without_its_secret_no_attempt_is_used_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(sealed: str, context: Any) -> str:
        raise UnavailableError("The key service does not answer.")

    endpoint = shop.endpoint()
    shop.hear()
    monkeypatch.setattr(shop.sealer, "open", down)
    with pytest.raises(UnavailableError):
        shop.attempt(shop.only(endpoint))
    assert (shop.only(endpoint).tries, shop.receiver.received) == (0, [])


def test_a_delivery_is_dead_by_the_clock(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.hear()
    shop.later(days=30)
    row = shop.only(endpoint)
    assert shop.attempt(row) is None
    assert replaying.log("demo", endpoint.id, limit=10, after=None, state=None, store=shop.store, now=shop.now) == ([], None)
    with pytest.raises(UnknownDelivery):
        replaying.read("demo", endpoint.id, row.id, store=shop.store, now=shop.now)


# The schedule.


def test_a_tick_hands_over_what_is_due_and_only_once(shop: Shop) -> None:
    shop.receiver = Receiver(*[500] * 3)
    endpoint = shop.endpoint()
    shop.hear()
    for wait in (timedelta(seconds=6), timedelta(minutes=6), timedelta()):
        shop.attempt(shop.only(endpoint))
        shop.now += wait
    shop.messages.sent.clear()
    assert shop.tick() == 0
    shop.later(minutes=31)
    assert (shop.tick(), shop.tick(), len(shop.messages.sent)) == (1, 0, 1)
    shop.later(minutes=10)  # the message was lost
    assert shop.tick() == 1
    shop.attempt(shop.only(endpoint))
    shop.later(minutes=20)
    assert shop.tick() == 0


# The log, and sending again.


def many(shop: Shop, count: int) -> Endpoint:
    endpoint = shop.endpoint()
    for number in range(count):
        event = shop.event(f"evt_{number:03d}").model_copy(update={"at": NOW + timedelta(minutes=number)})
        shop.hear(event)
    return endpoint


def test_the_log_is_read_page_by_page(shop: Shop) -> None:
    endpoint = many(shop, 7)
    seen: list[str] = []
    after: str | None = None
    while True:
        page, after = replaying.log("demo", endpoint.id, limit=3, after=after, state=None, store=shop.store, now=shop.now)
        seen += [row.message for row in page]
        if after is None:
            break
    assert seen == [f"evt_{number:03d}" for number in reversed(range(7))]


def test_the_log_by_state(shop: Shop) -> None:
    endpoint = many(shop, 7)
    for row in shop.store.page("demo", endpoint.id, 10, None, None, None)[0][::2]:
        shop.attempt(row)
    seen: list[str] = []
    after: str | None = None
    while True:
        page, after = replaying.log("demo", endpoint.id, limit=2, after=after, state=State.DELIVERED, store=shop.store, now=shop.now)
        assert len(page) <= 2
        seen += [row.message for row in page]
        if after is None:
            break
    assert seen == ["evt_006", "evt_004", "evt_002", "evt_000"]


def test_one_is_sent_again_under_the_same_id(shop: Shop) -> None:
    shop.receiver = Receiver(410)
    endpoint = shop.endpoint()
    shop.hear()
    row = shop.only(endpoint)
    shop.attempt(row)
    with pytest.raises(EndpointDisabled) as refused:
        replaying.replay("demo", endpoint.id, row.id, store=shop.store, messages=shop.messages, now=shop.now)
    assert refused.value.facts == {"reason": "gone"}
    command = endpoints.ChangeEndpoint(shop="demo", endpoint=endpoint.id, enabled=True)
    endpoints.change(command, store=shop.store, types=wiring.TYPES, doors=Doors(), now=shop.now)
    replaying.replay("demo", endpoint.id, row.id, store=shop.store, messages=shop.messages, now=shop.now)
    shop.attempt(row)
    again = shop.only(endpoint)
    assert (again.state, again.tries, [one.number for one in again.attempts]) == (State.DELIVERED, 1, [1, 2])
    assert {headers["webhook-id"] for _, headers, _ in shop.receiver.received} == {"evt_1"}


def test_what_is_being_sent_is_not_sent_again(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.hear()
    shop.store.save(shop.only(endpoint).claimed("clm_1", shop.now))
    with pytest.raises(DeliveryInFlight):
        replaying.replay("demo", endpoint.id, shop.only(endpoint).id, store=shop.store, messages=shop.messages, now=shop.now)


def window(endpoint: Endpoint, first: int, last: int, **more: Any) -> Replay:
    since, until = NOW + timedelta(minutes=first), NOW + timedelta(minutes=last)
    return Replay(shop="demo", endpoint=endpoint.id, since=since, until=until, **more)


def test_all_of_a_time_are_sent_again_by_the_schedule(shop: Shop) -> None:
    endpoint = many(shop, 6)
    shop.later(minutes=10)
    for row in shop.store.page("demo", endpoint.id, 10, None, None, None)[0]:
        shop.attempt(row)
    plan = replaying.replay_many(window(endpoint, 1, 4, dry_run=True), store=shop.store, now=shop.now)
    assert (plan.looked_at, plan.matched, plan.replayed, plan.next) == (3, 3, 0, None)
    assert shop.tick() == 0
    done = replaying.replay_many(window(endpoint, 1, 4, state=State.DELIVERED), store=shop.store, now=shop.now)
    assert (done.matched, done.replayed) == (3, 3)
    shop.messages.sent.clear()
    assert shop.tick() == 3
    for message, _ in shop.messages.sent:
        delivering.attempt("demo", endpoint.id, message["delivery"], room=shop.room, now=shop.now)
    ids = [headers["webhook-id"] for _, headers, _ in shop.receiver.received]
    assert sorted(ids[6:]) == ["evt_001", "evt_002", "evt_003"]


def test_a_replay_of_what_failed_leaves_the_rest(shop: Shop) -> None:
    shop.receiver = Receiver(410)
    endpoint = many(shop, 3)
    shop.attempt(shop.store.page("demo", endpoint.id, 1, None, None, None)[0][0])
    command = endpoints.ChangeEndpoint(shop="demo", endpoint=endpoint.id, enabled=True)
    endpoints.change(command, store=shop.store, types=wiring.TYPES, doors=Doors(), now=shop.now)
    done = replaying.replay_many(window(endpoint, 0, 9, state=State.FAILED), store=shop.store, now=shop.now)
    assert (done.looked_at, done.matched, done.replayed) == (3, 1, 1)


def test_a_long_replay_goes_on_where_it_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "LOOKED_AT", 2)
    endpoint = many(shop, 5)
    for row in shop.store.page("demo", endpoint.id, 10, None, None, None)[0]:
        shop.attempt(row)
    after, done = None, 0
    while True:
        part = replaying.replay_many(window(endpoint, 0, 9, after=after), store=shop.store, now=shop.now)
        done, after = done + part.replayed, part.next
        if after is None:
            break
    assert done == 5


def test_a_test_goes_the_same_road(shop: Shop) -> None:
    endpoint = shop.endpoint("order.refunded.v1")
    made = replaying.test("demo", endpoint.id, store=shop.store, messages=shop.messages, now=shop.now)
    assert [message["delivery"] for message, _ in shop.messages.sent] == [made.id]
    shop.attempt(made)
    ((_, headers, body),) = shop.receiver.received
    assert headers["webhook-id"].startswith("evt_")
    assert (json.loads(body)["type"], json.loads(body)["data"]) == (
        "webhook.test.v1",
        {"shop": "demo", "detail": {"endpoint": endpoint.id}},
    )
    with pytest.raises(UnknownEndpoint):
        replaying.test("other", endpoint.id, store=shop.store, messages=shop.messages, now=shop.now)


def test_a_pause_that_a_receiver_asked_for_is_kept(shop: Shop) -> None:
    shop.receiver = Receiver(answered(503, "3600"))
    endpoint = shop.endpoint()
    shop.hear()
    shop.messages.sent.clear()
    shop.attempt(shop.only(endpoint))
    row = shop.only(endpoint)
    assert row.due_at is not None
    assert (row.by_queue, row.due_at >= NOW + timedelta(hours=1), shop.messages.sent) == (False, True, [])
