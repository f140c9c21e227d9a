"""Settings are parsed once at cold start, frozen, and cannot print a secret.

A function's `Settings` names exactly the variables that the template gives it (a test compares both). A missing or
malformed one stops the cold start, not a sale.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from holdfast.kernel.model import Model


class FunctionSettings(Model):
    """What every function has. Field `stock_table` is the variable `STOCK_TABLE`."""

    environment: str

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> Self:
        return cls(**{name: environ[name.upper()] for name in cls.model_fields if name.upper() in environ})


class HoldSettings(FunctionSettings):
    hold_seconds: int = Field(ge=5, le=24 * 3600)
    hold_grace_seconds: int = Field(ge=0, le=300)

    @property
    def hold(self) -> timedelta:
        """How long stock is held for a shopper who has not paid."""
        return timedelta(seconds=self.hold_seconds)

    @property
    def grace(self) -> timedelta:
        """How much longer nobody else takes it: our clocks may differ from each other by this much."""
        return timedelta(seconds=self.hold_grace_seconds)


class SandboxSettings(FunctionSettings):
    """Who may take play money. Refused in production, whatever the parameter says."""

    sandbox_enabled: bool = False

    @model_validator(mode="after")
    def _never_in_production(self) -> Self:
        if self.sandbox_enabled and self.environment == "prod":
            raise ValueError("the sandbox payment provider must not be enabled in prod")
        return self
