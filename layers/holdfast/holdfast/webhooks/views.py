"""How webhooks look over HTTP. A secret is in two answers only: where it was made, and where it was replaced."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.platform.pages import PageQuery
from holdfast.webhooks.endpoints import AddEndpoint, ChangeEndpoint, WithSecret
from holdfast.webhooks.model import Attempt, Delivery, DisabledBecause, Endpoint, Outcome, State
from holdfast.webhooks.replaying import Replay, Replayed
from holdfast.webhooks.targets import LONGEST_URL

EventType = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
Description = Annotated[str, StringConstraints(max_length=200)]


class WebhookEndpointBody(Input):
    """`events`: names of events, or `["*"]` for all that customers may see."""

    url: Url
    events: list[EventType] = Field(min_length=1, max_length=100)
    description: Description = ""

    def command(self, shop: str) -> AddEndpoint:
        return AddEndpoint(shop=shop, url=self.url, events=tuple(self.events), description=self.description)


class WebhookEndpointPatch(Input):
    """What is left out stays."""

    url: Url | None = None
    events: list[EventType] | None = Field(default=None, min_length=1, max_length=100)
    description: Description | None = None
    enabled: bool | None = None

    def command(self, shop: str, endpoint: str, over: int | None) -> ChangeEndpoint:
        events = None if self.events is None else tuple(self.events)
        changes = {"url": self.url, "events": events, "description": self.description, "enabled": self.enabled}
        return ChangeEndpoint.model_validate({"shop": shop, "endpoint": endpoint, "over": over, **changes})


class RotateBody(Input):
    """`keep_former`: whether the old secret signs along for 24 hours; false if somebody knows it who must not."""

    keep_former: bool = True


class ReplayBody(Input):
    """Events that happened from `since` on and before `until`; `cursor` is the `next` of the answer before."""

    since: Instant
    until: Instant
    state: State | None = None
    dry_run: bool = False
    cursor: str | None = Field(default=None, max_length=6000)

    @model_validator(mode="after")
    def _in_order(self) -> "ReplayBody":
        if self.since >= self.until:
            raise ValueError("since must be before until")
        return self

    def command(self, shop: str, endpoint: str, after: str | None) -> Replay:
        window = {"since": self.since, "until": self.until, "state": self.state, "dry_run": self.dry_run}
        return Replay.model_validate({"shop": shop, "endpoint": endpoint, "after": after, **window})


class DeliveriesQuery(PageQuery):
    """`state`: only those. A page may then be shorter than `limit` though there are more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    state: State | None = None


class DisabledView(Model):
    reason: DisabledBecause
    at: Instant


class WebhookEndpointView(Model):
    """`former_secrets_until`: until when a replaced secret signs along."""

    id: str
    url: str
    events: list[str]
    description: str
    enabled: bool
    disabled: DisabledView | None
    former_secrets_until: Instant | None
    created_at: Instant
    updated_at: Instant
    version: int


class WebhookEndpointWithSecret(WebhookEndpointView):
    """`secret` is shown this once and cannot be shown again."""

    secret: str = Field(repr=False)


class WebhookEndpointList(Model):
    items: list[WebhookEndpointView]
    next: str | None


class AttemptView(Model):
    """`answer` is the beginning of what the receiver answered; `detail` says why there was no answer."""

    number: int
    at: Instant
    outcome: Outcome
    status: int | None
    milliseconds: int | None
    answer: str | None
    detail: str | None


class DeliveryView(Model):
    """`webhook_id` is the header by which a receiver knows a repetition."""

    id: str
    webhook_id: str
    type: str
    state: State
    reason: str | None
    attempts_made: int
    happened_at: Instant
    next_attempt_at: Instant | None
    last_attempt: AttemptView | None


class DeliveryDetail(DeliveryView):
    body: dict[str, Any]
    attempts: list[AttemptView]


class DeliveryPage(Model):
    items: list[DeliveryView]
    next: str | None


class ReplayView(Model):
    """`matched` of those that were `looked_at` are to be sent again; unless it was a dry run, `replayed` of them are. Go on with `next`."""

    looked_at: int
    matched: int
    replayed: int
    dry_run: bool
    next: str | None


def endpoint_view(endpoint: Endpoint, now: datetime) -> WebhookEndpointView:
    return WebhookEndpointView.model_validate(_members(endpoint, now))


def endpoint_with_secret(made: WithSecret, now: datetime) -> WebhookEndpointWithSecret:
    return WebhookEndpointWithSecret.model_validate({**_members(made.endpoint, now), "secret": made.secret})


def _members(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    alive = [former.until for former in endpoint.former if now < former.until]
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "enabled": endpoint.enabled,
        "disabled": endpoint.disabled.model_dump() if endpoint.disabled else None,
        "former_secrets_until": max(alive, default=None),
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "version": endpoint.version,
    }


def delivery_view(delivery: Delivery) -> DeliveryView:
    return DeliveryView.model_validate(_told(delivery))


def delivery_detail(delivery: Delivery) -> DeliveryDetail:
    attempts = [_attempt(attempt) for attempt in delivery.attempts]
    return DeliveryDetail.model_validate({**_told(delivery), "body": json.loads(delivery.body), "attempts": attempts})


def replay_view(replayed: Replayed, following: str | None) -> ReplayView:
    return ReplayView.model_validate({**replayed.model_dump(), "next": following})


def _told(delivery: Delivery) -> dict[str, Any]:
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "id": delivery.id,
        "webhook_id": delivery.message,
        "type": delivery.type,
        "state": delivery.state,
        "reason": delivery.reason,
        "attempts_made": last.number if last else 0,
        "happened_at": delivery.created_at,
        "next_attempt_at": delivery.due_at,
        "last_attempt": _attempt(last) if last else None,
    }


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView.model_validate(attempt.model_dump())
