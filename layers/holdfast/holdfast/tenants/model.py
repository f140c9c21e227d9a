"""A shop is a tenant: its id stands first in every key of every table."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Record
from holdfast.kernel.money import Currency, Minor
from holdfast.kernel.time import Instant

EVERYWHERE = "*"
"""Stands for every country."""
MOST_RATES, MOST_BANDS, MOST_TAXES = 50, 20, 60
Country = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]
"""ISO 3166-1 alpha-2, or everywhere."""
RateId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
TaxClass = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
EmailAddress = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z0-9-]{2,63}$")
]
MessageName = Literal[
    "order_received",
    "awaiting_stock",
    "stock_allocated",
    "payment_failed",
    "hold_expiring",
    "shipped",
    "delivered",
    "delivery_problem",
    "delay",
    "back_in_stock",
    "low_stock",
    "dead_letter",
    "review_needed",
    "daily_digest",
]
"""Messages that a shop may switch off: `notifications.kinds.Kind` without `ALWAYS_SENT`; a test compares the two."""
StoredMessageName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]
"""A shop may have switched off what is not sent any more, or what is always sent by now: neither harms anybody."""
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=10_000)]
"""Hundredths of a per cent."""


class LatePayment(StrEnum):
    """What happens with money that arrives after its hold ran out. First the stock is taken again; this says what if it is short."""

    RETAKE = "retake"
    """What is there is delivered and the rest owed, if the shopper accepted that; else all money goes back."""
    PARTIAL = "partial"
    """What is there is delivered, and the money for the rest goes back."""
    OWE = "owe"
    """What is there is delivered and the rest owed, whatever the shopper accepted."""
    REFUND = "refund"
    """All money goes back, whatever is there."""


class Partial(StrEnum):
    """Whether an order may be placed that is owed a part, of SKUs that may be back-ordered. Pre-orders always may."""

    NEVER = "never"
    ASK = "ask"
    """If the shopper accepts it."""
    ALWAYS = "always"


class CustomerCancel(StrEnum):
    """Which orders their customers may cancel by themselves."""

    UNPAID = "unpaid"
    UNFULFILLED = "unfulfilled"
    """Paid ones too, as long as nothing of them was handed over."""


class RateBy(StrEnum):
    """What the bands of a shipping rate are about: grams, or minor units of the goods' price."""

    WEIGHT = "weight"
    PRICE = "price"


class Band(Record):
    """Up to and with `up_to` grams or minor units (None: without end), shipping costs `amount` minor units."""

    up_to: int | None = Field(default=None, ge=0)
    amount: Minor


class ShippingRate(Record):
    """What shipping to these countries costs. Only physical goods count. What lies above the last band is not shipped at this rate.

    `currency` None: the shop's.
    """

    id: RateId
    title: str = Field(min_length=1, max_length=120)
    countries: tuple[Country, ...] = Field(min_length=1, max_length=300)
    by: RateBy
    bands: tuple[Band, ...] = Field(min_length=1, max_length=MOST_BANDS)
    currency: Currency | None = None

    @model_validator(mode="after")
    def _bands_ascend(self) -> Self:
        if any(low.up_to is None or (high.up_to is not None and high.up_to <= low.up_to) for low, high in pairwise(self.bands)):
            raise ValueError("each band must reach further than the one before it, and only the last may have no end")
        return self


class TaxRule(Record):
    """Basis points per tax class of products, for orders to these countries. A class that is not named is not taxed.

    `shipping`: it is taxed too, as the class `standard`. A rule that names a country goes before one for everywhere.
    """

    countries: tuple[Country, ...] = Field(min_length=1, max_length=300)
    rates: Mapping[TaxClass, BasisPoints] = Field(min_length=1, max_length=20)
    shipping: bool = False


class Language(StrEnum):
    """In which customers are written to, unless they have chosen."""

    EN = "en"
    DE = "de"


class Brand(Record):
    """How mails look. `logo_url`: an https address of a picture; `color`: of buttons, `#rrggbb`. `reply_to`: where answers go.

    `legal`: what must stand under a letter of this shop.
    """

    logo_url: str | None = Field(default=None, max_length=500, pattern=r"^https://[^\s\"'<>]{1,490}$")
    color: str = Field(default="#1f5f4a", pattern=r"^#[0-9a-fA-F]{6}$")
    sender_name: str | None = Field(default=None, min_length=1, max_length=60, pattern=NO_CONTROLS)
    reply_to: EmailAddress | None = None
    legal: str | None = Field(default=None, max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


class Waiting(Record):
    """How restocks are shared among paid orders that wait. Orders by one of the `first_methods` of shipping, or worth `first_from` minor
    units or more, go before the others; among equals who paid first.

    `most_per_round`: units of a SKU that one order gets before all others that wait have had their turn (None: all it is owed).
    `promised_hours`: within so many hours a customer is promised his goods; after that he is told of the delay.
    """

    first_methods: tuple[RateId, ...] = Field(default=(), max_length=20)
    first_from: Minor | None = None
    most_per_round: int | None = Field(default=None, ge=1, le=10_000)
    promised_hours: int = Field(default=24, ge=1, le=24)


class ShopSettings(Record):
    """What a shop decides about itself, and may change. Workers remember it for a minute.

    `origins` may call the storefront routes from a browser. `hold_seconds` overrides the deployment's hold (None: as deployed).
    Without `shipping` rates shipping is free, everywhere. `late_grace_seconds`: money that comes later than this after its hold
    goes back, whatever the policy (None: no limit). `return_days`: how long after delivery goods may be sent back.
    `live`: the shop takes real money only; test accounts and play money are refused. `mails_off`: messages that the shop does not
    send. `staff_emails`: who hears of low stock, of what failed, and of what a person must decide; without any nobody does.
    """

    name: str = Field(min_length=1, max_length=120)
    origins: tuple[str, ...] = Field(default=(), max_length=20)
    hold_seconds: int | None = Field(default=None, ge=5, le=24 * 3600)
    shipping: tuple[ShippingRate, ...] = Field(default=(), max_length=MOST_RATES)
    taxes: tuple[TaxRule, ...] = Field(default=(), max_length=MOST_TAXES)
    prices_include_tax: bool = False
    partial: Partial = Partial.ASK
    late_payment: LatePayment = LatePayment.RETAKE
    late_payment_by_provider: Mapping[ProviderName, LatePayment] = Field(default={}, max_length=20)
    late_grace_seconds: int | None = Field(default=None, ge=0, le=366 * 24 * 3600)
    customer_cancel: CustomerCancel = CustomerCancel.UNFULFILLED
    return_days: int = Field(default=14, ge=0, le=3650)
    live: bool = False
    language: Language = Language.EN
    brand: Brand = Brand()
    waiting: Waiting = Waiting()
    mails_off: tuple[StoredMessageName, ...] = Field(default=(), max_length=40)
    staff_emails: tuple[EmailAddress, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def _rates_are_told_apart(self) -> Self:
        if len({rate.id for rate in self.shipping}) < len(self.shipping):
            raise ValueError("two shipping rates have the same id")
        return self


class Shop(ShopSettings):
    """`currency` is fixed when the shop is made. `version` counts changes of the settings and is their ETag."""

    id: ShopId
    currency: Currency
    created_at: Instant
    version: int = 1


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
