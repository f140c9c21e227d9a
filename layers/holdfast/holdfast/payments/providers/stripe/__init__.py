"""Stripe: hosted Checkout Sessions, asked with one pinned version of its API."""

from holdfast.payments.providers.stripe.provider import Stripe
from holdfast.payments.providers.stripe.settings import EVENTS, HOSTS, StripeCredentials

CONNECTOR = Stripe
CREDENTIALS = StripeCredentials

__all__ = ["CONNECTOR", "CREDENTIALS", "EVENTS", "HOSTS", "Stripe", "StripeCredentials"]
