"""A shop is a tenant: its id stands first in every key of every table."""

from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Record
from holdfast.kernel.money import Currency
from holdfast.kernel.time import Instant


class LatePayment(StrEnum):
    """What happens with money that arrives after its hold ran out. First the stock is taken again; this says what if it is short."""

    RETAKE = "retake"
    """What is there is delivered and the rest owed, if the shopper accepted that; else all money goes back."""
    REFUND = "refund"
    """All money goes back, whatever the shopper accepted."""


class Shop(Record):
    """`origins` may call the storefront routes from a browser. `hold_seconds` overrides the deployment's hold (None: as deployed)."""

    id: ShopId
    name: str = Field(min_length=1, max_length=120)
    currency: Currency
    origins: tuple[str, ...] = ()
    hold_seconds: int | None = Field(default=None, ge=5, le=24 * 3600)
    late_payment: LatePayment = LatePayment.RETAKE
    created_at: Instant


class Scope(StrEnum):
    """What a key may do in its shop."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class ApiKey(Record):
    """A key of one shop. The key text itself is never stored; `hash` is its SHA-256 (the text has 256 random bits)."""

    id: str
    shop: ShopId
    label: str = Field(max_length=120)
    scopes: tuple[Scope, ...]
    hash: str
    created_at: Instant

    def may(self, needed: Scope) -> bool:
        return any(_RANK[held] >= _RANK[needed] for held in self.scopes)


_RANK = {Scope.VIEWER: 0, Scope.OPERATOR: 1, Scope.ADMIN: 2}
