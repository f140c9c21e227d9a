"""Domain events: what happened, when, by whom and why. Written in the same write as the change they tell of."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant


class ActorKind(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"
    PROVIDER = "provider"
    SYSTEM = "system"


class Actor(Model):
    """Who did it. `id` names a key, a provider or a job; never a person's address."""

    kind: ActorKind
    id: str | None = None


class Event(Model):
    """One entry of a timeline. `type` is past tense with a version: `order.paid.v1`; `seq` counts from 1 within its subject.

    `before` and `after` tell what it changed: flat paths of the subject (`status`, `lines.SKU.fulfilled`), with their values.
    """

    id: str
    seq: int
    type: str
    at: Instant
    actor: Actor
    reason: str | None = None
    request_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)


SYSTEM = Actor(kind=ActorKind.SYSTEM)
CUSTOMER = Actor(kind=ActorKind.CUSTOMER)
