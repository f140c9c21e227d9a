"""A payment provider of our own for demo and tests: play money, real behaviour. Never in production."""

from holdfast.payments.providers.sandbox.provider import Sandbox

__all__ = ["Sandbox"]
