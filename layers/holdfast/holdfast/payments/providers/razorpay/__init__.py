"""Razorpay: an order there per order here, paid in its Checkout on the storefront."""

from holdfast.payments.providers.razorpay.provider import Razorpay
from holdfast.payments.providers.razorpay.settings import EVENTS, HOSTS, RazorpayCredentials

CONNECTOR = Razorpay
CREDENTIALS = RazorpayCredentials

__all__ = ["CONNECTOR", "CREDENTIALS", "EVENTS", "HOSTS", "Razorpay", "RazorpayCredentials"]
