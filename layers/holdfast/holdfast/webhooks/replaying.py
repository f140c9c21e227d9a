"""What was sent: read, and sent again, one by one or all of a time."""

from datetime import datetime

from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.webhooks import delivering, endpoints
from holdfast.webhooks.errors import DeliveryInFlight, EndpointDisabled, UnknownDelivery
from holdfast.webhooks.model import TEST, Delivery, Endpoint, State
from holdfast.webhooks.ports import Deliveries, Messages, WebhookStore

LOOKED_AT = 200
"""Deliveries per request of a list with a filter, or of a replay: then the caller goes on with the next."""


class Replay(Model):
    """Events from `since` on and before `until`. `state` None: whatever became of them; what is under way is left alone."""

    shop: str
    endpoint: str
    since: Instant
    until: Instant
    state: State | None = None
    after: str | None = None
    dry_run: bool = False


class Replayed(Model):
    """`next`: the id to go on after; None when all was looked at."""

    looked_at: int
    matched: int
    replayed: int
    next: str | None
    dry_run: bool


def log(
    shop: str, endpoint: str, *, limit: int, after: str | None, state: State | None, store: WebhookStore, now: datetime
) -> tuple[list[Delivery], str | None]:
    """A page, newest first; with a filter it may be shorter than asked for though there are more. UnknownEndpoint."""
    endpoints.read(shop, endpoint, store=store)
    look = LOOKED_AT if state else limit
    found, last = store.page(shop, endpoint, look, after, None, None)
    kept = [delivery for delivery in found if not delivery.gone(now) and state in {None, delivery.state}]
    if len(kept) > limit:
        return kept[:limit], kept[limit - 1].id
    return kept, last


def read(shop: str, endpoint: str, delivery: str, *, store: WebhookStore, now: datetime) -> Delivery:
    """UnknownEndpoint, UnknownDelivery."""
    endpoints.read(shop, endpoint, store=store)
    return _delivery(shop, endpoint, delivery, store=store, now=now)


def replay(shop: str, endpoint: str, delivery: str, *, store: WebhookStore, messages: Messages, now: datetime) -> Delivery:
    """Sent again now, with all its attempts before it. EndpointDisabled, DeliveryInFlight, UnknownDelivery."""
    _demand_enabled(endpoints.read(shop, endpoint, store=store))
    row = _delivery(shop, endpoint, delivery, store=store, now=now)
    again = row.again(now, by_queue=True)
    if row.in_flight(now) or not store.save(again):
        raise DeliveryInFlight("It is being sent at this moment. Look what came of it.")
    messages.send(delivering.attempt_message(again))
    return again


def replay_many(command: Replay, *, store: WebhookStore, now: datetime) -> Replayed:
    """Marked as due now; the schedule sends them, at its own pace. EndpointDisabled, UnknownEndpoint."""
    _demand_enabled(endpoints.read(command.shop, command.endpoint, store=store))
    found, last = store.page(command.shop, command.endpoint, LOOKED_AT, command.after, command.since, command.until)
    wanted = [row for row in found if row.state is not State.PENDING and not row.gone(now) and command.state in {None, row.state}]
    done = 0 if command.dry_run else sum(store.save(row.again(now, by_queue=False)) for row in wanted)
    return Replayed(looked_at=len(found), matched=len(wanted), replayed=done, next=last, dry_run=command.dry_run)


def test(shop: str, endpoint: str, *, store: WebhookStore, messages: Messages, now: datetime) -> Delivery:
    """An event of its own, on the same road as all others. EndpointDisabled, UnknownEndpoint."""
    found = _demand_enabled(endpoints.read(shop, endpoint, store=store))
    event = delivering.Happened(shop=shop, id=new_id("evt", now), type=TEST, at=now, data={"endpoint": endpoint})
    made = store.add(delivering.first(event, found, now))
    messages.send(delivering.attempt_message(made))
    return made


def _demand_enabled(endpoint: Endpoint) -> Endpoint:
    if endpoint.disabled is not None:
        raise EndpointDisabled("The endpoint is switched off. Enable it first.", reason=endpoint.disabled.reason)
    return endpoint


def _delivery(shop: str, endpoint: str, delivery: str, *, store: Deliveries, now: datetime) -> Delivery:
    row = store.get(shop, endpoint, delivery)
    if row is None or row.gone(now):
        raise UnknownDelivery
    return row
