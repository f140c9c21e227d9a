"""What a shop has decided, as its orders see it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from holdfast.fulfilment.model import Sharing
from holdfast.orders.neighbours import LatePolicy
from holdfast.tenants.model import CustomerCancel, Shop


@dataclass(frozen=True)
class ShopPolicies:
    """`orders.ports.Policies`."""

    shop: Callable[[str], Shop]
    default_hold: timedelta

    def hold(self, shop: str) -> timedelta:
        seconds = self.shop(shop).hold_seconds
        return self.default_hold if seconds is None else timedelta(seconds=seconds)

    def terms(self, shop: str) -> Shop:
        return self.shop(shop)

    def late_payment(self, shop: str, provider: str) -> LatePolicy:
        found = self.shop(shop)
        return LatePolicy(found.late_payment_by_provider.get(provider, found.late_payment).value)

    def late_grace(self, shop: str) -> timedelta | None:
        seconds = self.shop(shop).late_grace_seconds
        return None if seconds is None else timedelta(seconds=seconds)

    def customer_may_cancel_paid(self, shop: str) -> bool:
        return self.shop(shop).customer_cancel is CustomerCancel.UNFULFILLED

    def return_window(self, shop: str) -> timedelta:
        return timedelta(days=self.shop(shop).return_days)


@dataclass(frozen=True)
class SharingOfShops:
    """How a shop shares restocks among those who wait."""

    shop: Callable[[str], Shop]

    def __call__(self, shop: str) -> Sharing:
        return Sharing(**self.shop(shop).waiting.model_dump(exclude={"promised_hours"}))
