"""What a shop has decided, as its orders see it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from holdfast.tenants.model import LatePayment, Shop

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class ShopPolicies:
    """`orders.ports.Policies`."""

    shop: Callable[[str], Shop]
    default_hold: timedelta

    def hold(self, shop: str) -> timedelta:
        seconds = self.shop(shop).hold_seconds
        return self.default_hold if seconds is None else timedelta(seconds=seconds)

    def refund_late(self, shop: str) -> bool:
        return self.shop(shop).late_payment is LatePayment.REFUND
