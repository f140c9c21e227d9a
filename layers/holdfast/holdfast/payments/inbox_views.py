"""How the inbox looks over HTTP. What a provider sent may name its customer: `raw` is for those who may act."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.payments import keys
from holdfast.payments.browsing import Wanted
from holdfast.payments.model import EventState, ProviderEvent
from holdfast.payments.redriving import Redrive, Redriven
from holdfast.platform.pages import PageQuery

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]
EventType = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _listed(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


States = Annotated[
    frozenset[EventState],
    BeforeValidator(_listed),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "enum": [state.value for state in EventState]}}),
]


class InboxQuery(PageQuery):
    """`state` may come several times, or with commas; `type` is the provider's own word for the event. `since` is in, `until` is not.

    A page may be shorter than `limit` though there are more. A name that is not one of these is refused, for a filter with a slip of
    the pen would be none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    state: States | None = None
    provider: ProviderName | None = None
    type: EventType | None = None
    since: Instant | None = None
    until: Instant | None = None

    def wanted(self) -> Wanted:
        return Wanted(states=self.state or frozenset(), provider=self.provider, type=self.type, since=self.since, until=self.until)


class RedriveBody(Input):
    """Which events are worked at again: of these states (those that failed, that are given up, or whose order was not known, unless
    told), and of all else that is said. Without `dry_run: false` nothing is done but told. `cursor` is the `next` of the answer before.
    """

    states: list[EventState] = Field(
        default=[EventState.FAILED, EventState.DEAD, EventState.UNMATCHED], min_length=1, max_length=len(EventState)
    )
    provider: ProviderName | None = None
    type: EventType | None = None
    since: Instant | None = None
    until: Instant | None = None
    limit: int = Field(default=100, ge=1, le=200)
    dry_run: bool = True
    cursor: str | None = Field(default=None, max_length=6000)

    @model_validator(mode="after")
    def _in_order(self) -> "RedriveBody":
        if self.since and self.until and self.since >= self.until:
            raise ValueError("since must be before until")
        return self

    def command(self, shop: str, after: str | None) -> Redrive:
        wanted = Wanted(states=frozenset(self.states), provider=self.provider, type=self.type, since=self.since, until=self.until)
        return Redrive(shop=shop, wanted=wanted, limit=self.limit, after=after, dry_run=self.dry_run)


class ProviderEventView(Model):
    """`event_id` and `type` are the provider's own words. `attempts`: tries since it came, or was asked for again; `reason` says why it
    is ignored, or has the code of what went wrong.
    """

    id: str
    provider: str
    event_id: str
    type: str
    live: bool
    state: EventState
    reason: str | None
    order: str | None
    payment: str | None
    attempts: int
    received_at: Instant
    worked_at: Instant | None
    request_id: str | None
    version: int


class ProviderEventDetail(ProviderEventView):
    """`raw` is what the provider sent, byte for byte: as text, or in base64 where it is none. Absent for who may only look."""

    raw: str | None
    raw_encoding: str | None


class ProviderEventPage(Model):
    items: list[ProviderEventView]
    next: str | None


class RedriveView(Model):
    """The events that it is about; unless it was a dry run, `redriven` of them are being worked at. Go on with `next`."""

    dry_run: bool
    matched: int
    redriven: int
    items: list[ProviderEventView]
    next: str | None


def event_view(event: ProviderEvent) -> ProviderEventView:
    return ProviderEventView.model_validate(_told(event))


def event_detail(event: ProviderEvent, *, with_raw: bool) -> ProviderEventDetail:
    raw = {"raw": event.raw, "raw_encoding": "base64" if event.encoded else "text"} if with_raw else {"raw": None, "raw_encoding": None}
    return ProviderEventDetail.model_validate({**_told(event), **raw})


def redrive_view(redriven: Redriven, dry_run: bool, following: str | None) -> RedriveView:
    items = [event_view(event) for event in redriven.events]
    return RedriveView(dry_run=dry_run, matched=len(items), redriven=redriven.redriven, items=items, next=following)


def _told(event: ProviderEvent) -> dict[str, Any]:
    known = {name: getattr(event, name) for name in ProviderEventView.model_fields if name not in {"id", "event_id"}}
    return {**known, "id": keys.webhook_id(event.provider, event.id), "event_id": event.id}
