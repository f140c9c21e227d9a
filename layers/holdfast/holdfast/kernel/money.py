"""Money is an integer of minor units with its currency; a float never comes near it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from holdfast.kernel.model import Model

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
MAX_AMOUNT = 10**12
Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]


class Money(Model):
    """`amount` in minor units (cents, pence) of `currency` (ISO 4217)."""

    amount: Minor
    currency: Currency

    def times(self, quantity: int) -> "Money":
        return Money(amount=self.amount * quantity, currency=self.currency)


def total(parts: list[Money], currency: str) -> Money:
    """The sum of parts of one currency. ValueError when a part has another: amounts of two currencies never add up."""
    if any(part.currency != currency for part in parts):
        raise ValueError("cannot add amounts of different currencies")
    return Money(amount=sum(part.amount for part in parts), currency=currency)
