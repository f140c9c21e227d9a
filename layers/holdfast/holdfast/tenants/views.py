"""A shop's settings over HTTP."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from holdfast.kernel.addresses import sendable
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Currency, Minor
from holdfast.kernel.time import Instant
from holdfast.tenants.model import (
    MOST_BANDS,
    MOST_RATES,
    MOST_TAXES,
    NO_CONTROLS,
    BasisPoints,
    Brand,
    Country,
    CustomerCancel,
    EmailAddress,
    Language,
    LatePayment,
    MessageName,
    Partial,
    ProviderName,
    RateBy,
    RateId,
    ShippingRate,
    Shop,
    ShopSettings,
    TaxClass,
    TaxRule,
    Waiting,
)

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
MOST_GRAMS_OR_MINOR = 10**12
Address = Annotated[EmailAddress, AfterValidator(sendable)]


class BandBody(Input):
    """`up_to`: grams or minor units (null: without end); `amount`: minor units."""

    up_to: int | None = Field(default=None, ge=0, le=MOST_GRAMS_OR_MINOR)
    amount: Minor


class ShippingRateBody(Input):
    """`countries`: ISO 3166-1 alpha-2, or `*`. `currency` left out: the shop's."""

    id: RateId
    title: Name
    countries: list[Country] = Field(min_length=1, max_length=300)
    by: RateBy = Field(strict=False)
    bands: list[BandBody] = Field(min_length=1, max_length=MOST_BANDS)
    currency: Currency | None = None


class TaxRuleBody(Input):
    """`rates`: basis points per tax class (1900 is 19 %). `shipping`: it is taxed too, as the class `standard`."""

    countries: list[Country] = Field(min_length=1, max_length=300)
    rates: dict[TaxClass, BasisPoints] = Field(min_length=1, max_length=20)
    shipping: bool = False


class BrandBody(Input):
    """`logo_url`: an https address of a picture; `color`: of buttons, `#rrggbb`; `legal`: what must stand under a letter."""

    logo_url: str | None = Field(default=None, max_length=500, pattern=r"^https://[^\s\"'<>]{1,490}$")
    color: str = Field(default="#1f5f4a", pattern=r"^#[0-9a-fA-F]{6}$")
    sender_name: str | None = Field(default=None, min_length=1, max_length=60, pattern=NO_CONTROLS)
    reply_to: Address | None = None
    legal: str | None = Field(default=None, max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


class WaitingBody(Input):
    """How restocks are shared among paid orders that wait; `promised_hours`: within which goods are promised, 1 to 24."""

    first_methods: list[RateId] = Field(default_factory=list, max_length=20)
    first_from: Minor | None = None
    most_per_round: int | None = Field(default=None, ge=1, le=10_000)
    promised_hours: int = Field(default=24, ge=1, le=24)


class SettingsBody(Input):
    """All settings of a shop; what is left out gets its default. The currency stays as the shop was made with it."""

    name: Name
    origins: list[Origin] = Field(default_factory=list, max_length=20)
    hold_seconds: int | None = Field(default=None, ge=5, le=24 * 3600)
    shipping: list[ShippingRateBody] = Field(default_factory=list, max_length=MOST_RATES)
    taxes: list[TaxRuleBody] = Field(default_factory=list, max_length=MOST_TAXES)
    prices_include_tax: bool = False
    partial: Partial = Field(default=Partial.ASK, strict=False)
    late_payment: LatePayment = Field(default=LatePayment.RETAKE, strict=False)
    late_payment_by_provider: dict[ProviderName, Annotated[LatePayment, Field(strict=False)]] = Field(default_factory=dict, max_length=20)
    late_grace_seconds: int | None = Field(default=None, ge=0, le=366 * 24 * 3600)
    customer_cancel: CustomerCancel = Field(default=CustomerCancel.UNFULFILLED, strict=False)
    return_days: int = Field(default=14, ge=0, le=3650)
    live: bool = False
    language: Language = Field(default=Language.EN, strict=False)
    brand: BrandBody = BrandBody()
    waiting: WaitingBody = WaitingBody()
    mails_off: list[MessageName] = Field(default_factory=list, max_length=40)
    staff_emails: list[Address] = Field(default_factory=list, max_length=10)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Rules that bind more than one member: told as invalid input, not as a fault."""
        self.settings()
        return self

    def settings(self) -> ShopSettings:
        return ShopSettings.model_validate(self.model_dump())


class SettingsView(Model):
    id: str
    currency: str
    name: str
    origins: tuple[str, ...]
    hold_seconds: int | None
    shipping: tuple[ShippingRate, ...]
    taxes: tuple[TaxRule, ...]
    prices_include_tax: bool
    partial: Partial
    late_payment: LatePayment
    late_payment_by_provider: dict[str, LatePayment]
    late_grace_seconds: int | None
    customer_cancel: CustomerCancel
    return_days: int
    live: bool
    language: Language
    brand: Brand
    waiting: Waiting
    mails_off: tuple[str, ...]
    staff_emails: tuple[str, ...]
    created_at: Instant
    version: int


def settings_view(shop: Shop) -> SettingsView:
    return SettingsView(**{name: getattr(shop, name) for name in SettingsView.model_fields})
