"""PayPro BPC, a house of the beGateway platform: a hosted checkout, spoken to by its version 2."""

from holdfast.payments.providers.paypro.provider import PayPro
from holdfast.payments.providers.paypro.settings import EVENTS, HOSTS, PayProCredentials

CONNECTOR = PayPro
CREDENTIALS = PayProCredentials

__all__ = ["CONNECTOR", "CREDENTIALS", "EVENTS", "HOSTS", "PayPro", "PayProCredentials"]
