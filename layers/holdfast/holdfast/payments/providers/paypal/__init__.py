"""PayPal: orders that the shopper approves on PayPal's own page, and that we capture."""

from holdfast.payments.providers.paypal.provider import PayPal
from holdfast.payments.providers.paypal.settings import EVENTS, HOSTS, PayPalCredentials

CONNECTOR = PayPal
CREDENTIALS = PayPalCredentials

__all__ = ["CONNECTOR", "CREDENTIALS", "EVENTS", "HOSTS", "PayPal", "PayPalCredentials"]
