"""A shop's settings over HTTP."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Currency, Minor
from holdfast.kernel.time import Instant
from holdfast.tenants.model import (
    MOST_BANDS,
    MOST_RATES,
    MOST_TAXES,
    BasisPoints,
    Country,
    CustomerCancel,
    LatePayment,
    Partial,
    ProviderName,
    RateBy,
    RateId,
    ShippingRate,
    Shop,
    ShopSettings,
    TaxClass,
    TaxRule,
)

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
MOST_GRAMS_OR_MINOR = 10**12


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
    created_at: Instant
    version: int


def settings_view(shop: Shop) -> SettingsView:
    return SettingsView(**{name: getattr(shop, name) for name in SettingsView.model_fields})
