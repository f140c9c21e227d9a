"""Stock over HTTP."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.stock.model import MAIN, Lock, Summary

MAX_RESTOCK = 1_000_000


class RestockBody(Input):
    """`reason` and `document` are for people: which delivery note, which supplier."""

    quantity: Annotated[int, Field(ge=1, le=MAX_RESTOCK)]
    location: str = Field(default=MAIN, min_length=1, max_length=40)
    reason: str | None = Field(default=None, min_length=1, max_length=200)
    document: str | None = Field(default=None, min_length=1, max_length=200)


class LevelView(Summary):
    """`on_hand = available + locked`, by the clock: what a dead hold still has counts as available."""


class HeldLine(Model):
    sku: str
    quantity: int


class StaffHold(Model):
    """`quantity` is what was asked for; a partial line may hold less."""

    id: str
    order: str
    lines: list[HeldLine]
    expires_at: Instant
    seconds_left: int


class HoldPage(Model):
    items: list[StaffHold]
    next: str | None


class Released(Model):
    """Units that came free."""

    id: str
    units: int


def hold_view(lock: Lock, now: datetime) -> StaffHold:
    return StaffHold(
        id=lock.id,
        order=lock.order,
        lines=[HeldLine(sku=line.sku, quantity=line.quantity) for line in lock.lines],
        expires_at=lock.expires_at,
        seconds_left=seconds_left(lock.expires_at, now),
    )


def seconds_left(until: datetime, now: datetime) -> int:
    """Whole seconds, rounded down; never negative."""
    return max(0, int((until - now).total_seconds()))
