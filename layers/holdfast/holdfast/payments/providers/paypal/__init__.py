"""PayPal: orders that the shopper approves on PayPal's own page, and that we capture."""

from holdfast.payments.providers.paypal.provider import PayPal
from holdfast.payments.providers.paypal.settings import HOSTS, PayPalCredentials

__all__ = ["HOSTS", "PayPal", "PayPalCredentials"]
