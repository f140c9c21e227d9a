"""From an event to a request: a row per endpoint first, then claims with a lease, one attempt per claim.

A worker that dies before it has made the row is called again by the queue. One that dies later leaves a row that has not ended,
and the schedule finds it. So each endpoint gets each event at least once, and a repetition carries the same `webhook-id`.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant, rfc3339
from holdfast.webhooks import endpoints, rules, signature
from holdfast.webhooks.model import KEPT, Delivery, DisabledBecause, Due, Endpoint, Outcome, Reply, State, delivery_id
from holdfast.webhooks.ports import Mailroom, Messages, WebhookStore

USER_AGENT = "Holdfast-Webhooks/1"
DUE_PER_TICK = 250
"""Per bucket: a thousand deliveries a minute are as many as one tick sends on within its time."""
HANDED_OVER = timedelta(minutes=10)
"""A backlog of the queue must not be doubled each minute."""
PRIVATE = frozenset({"email", "phone", "address", "name", "key", "keys", "note", "notes", "token", "ip"})
"""Never sent, should an event's data ever have it: who wants it asks the API, with a key that may."""


class Happened(Model):
    """An event as the bus has it. `order` is None where it is about none."""

    shop: str
    id: str
    type: str
    at: Instant
    order: str | None = None
    number: str | None = None
    status: str | None = None
    seq: int | None = None
    data: Mapping[str, Any] = {}


class Attempted(Model):
    """What an attempt came to, for log and metrics."""

    delivery: Delivery
    reply: Reply | None = None
    disabled: DisabledBecause | None = None


def fan_out(event: Happened, *, confidential: frozenset[str], store: WebhookStore, messages: Messages, now: datetime) -> int:
    """A delivery for each endpoint that wants to hear of it. Again for the same event: the same deliveries."""
    made = 0
    for endpoint in store.endpoints(event.shop):
        if endpoint.hears(event.type, confidential):
            standing = store.add(first(event, endpoint, now))
            made += 1
            if standing.state is State.PENDING and standing.tries == 0:
                messages.send(attempt_message(standing))
    return made


def first(event: Happened, endpoint: Endpoint, now: datetime) -> Delivery:
    """For an endpoint that is switched off it is kept as skipped, so that it can be replayed when that was a mistake."""
    row = Delivery(
        shop=event.shop,
        endpoint=endpoint.id,
        id=delivery_id(event.shop, endpoint.id, event.id, event.at),
        message=event.id,
        type=event.type,
        body=body_of(event),
        created_at=event.at,
        kept_until=now + KEPT,
        due_at=now,
    )
    return row if endpoint.enabled else row.model_copy(update={"state": State.SKIPPED, "reason": "endpoint_disabled", "due_at": None})


def body_of(event: Happened) -> str:
    """Thin: what happened to what. The rest is asked for over the API, where rights are checked."""
    about = {
        "shop": event.shop,
        "order": event.order,
        "number": event.number,
        "status": event.status,
        "seq": event.seq,
        "detail": public(event.data),
    }
    data = {name: value for name, value in about.items() if value is not None}
    return json.dumps({"type": event.type, "timestamp": rfc3339(event.at), "data": data}, separators=(",", ":"))


def public(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: public(value) for name, value in data.items() if name not in PRIVATE}
    return [public(value) for value in data] if isinstance(data, list | tuple) else data


def attempt(shop: str, endpoint: str, delivery: str, *, room: Mailroom, now: datetime) -> Attempted | None:
    """One attempt, if it is due and nobody else has it. None: there was nothing to do."""
    row = room.store.get(shop, endpoint, delivery)
    if row is None or row.gone(now) or not row.ready(now):
        return None
    if row.tries > len(rules.WAITS):  # its last worker died, like others before: what kills workers is not sent for ever
        given_up = row.ended(State.FAILED, "attempts_exhausted")
        return Attempted(delivery=given_up) if room.store.save(given_up) else None
    target = endpoints.find(shop, endpoint, store=room.store)
    if target is None or not target.enabled:
        skipped = row.ended(State.SKIPPED, "endpoint_deleted" if target is None else "endpoint_disabled")
        return Attempted(delivery=skipped) if room.store.save(skipped) else None
    context = endpoints.context(shop, endpoint)
    # Before the claim: without its secrets no attempt was made, and the message comes again.
    secrets = [room.sealer.open(sealed, context) for sealed in target.sealed_secrets(now)]
    claimed = row.claimed(new_id("clm", now), now)
    if not room.store.save(claimed):
        return None  # another worker was faster
    reply = room.poster.post(target.url, headers(claimed, secrets, now), claimed.body)
    return conclude(claimed, reply, room=room, now=now + timedelta(milliseconds=reply.milliseconds))


def headers(delivery: Delivery, secrets: list[str], now: datetime) -> dict[str, str]:
    signed = signature.headers(delivery.message, delivery.body, secrets, now)
    return {"Content-Type": "application/json", "User-Agent": USER_AGENT, **signed}


def conclude(claimed: Delivery, reply: Reply, *, room: Mailroom, now: datetime) -> Attempted:
    """Write down what came of it. When the lease ran out and another has it, his attempt counts; the receiver knows the id."""
    after = rules.settled(claimed, reply, now, room.chance)
    if room.store.save(after) and after.due_at is not None and after.by_queue:
        room.messages.send(attempt_message(after), delay=after.due_at - now + timedelta(seconds=1))
    return Attempted(delivery=after, reply=reply, disabled=_health(after, reply, room=room, now=now))


def _health(delivery: Delivery, reply: Reply, *, room: Mailroom, now: datetime) -> DisabledBecause | None:
    """Why the endpoint was switched off by this attempt, if it was."""
    at = delivery.shop, delivery.endpoint
    if reply.outcome is Outcome.DELIVERED:
        if room.store.failing_since(*at) is not None:
            room.store.well(*at)
        return None
    since = room.store.failing(*at, now)
    gone, failing = reply.status == rules.GONE, now - since >= rules.FAILING_FOR
    if not (gone or failing):
        return None
    because = DisabledBecause.GONE if gone else DisabledBecause.FAILING
    return because if endpoints.disable(*at, because, store=room.store, now=now) else None


def send_due(*, store: WebhookStore, messages: Messages, now: datetime) -> int:
    """What waited for longer than a queue can, and what a dead worker left: handed to the queue, each by one tick only."""
    sent = 0
    for bucket in range(rules.BUCKETS):
        for due in store.due(bucket, now, DUE_PER_TICK):
            if store.postpone(due, now + HANDED_OVER):
                messages.send(_message(due))
                sent += 1
    return sent


def attempt_message(delivery: Delivery) -> dict[str, str]:
    return {"kind": "attempt", "shop": delivery.shop, "endpoint": delivery.endpoint, "delivery": delivery.id}


def _message(due: Due) -> dict[str, str]:
    return {"kind": "attempt", "shop": due.shop, "endpoint": due.endpoint, "delivery": due.delivery}
