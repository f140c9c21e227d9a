"""Money is an integer of minor units with its currency; a float never comes near it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from holdfast.kernel.model import Model

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
MAX_AMOUNT = 10**12
Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]

NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


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


def decimals(currency: str) -> int:
    """Minor units in one major unit are 10 to this power (ISO 4217). A provider may have rules of its own."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def written(amount: int, places: int) -> str:
    """Minor units as a decimal number: `19.99`, `1999` without places."""
    whole, part = divmod(amount, 10**places)
    return f"{whole}.{part:0{places}d}" if places else str(whole)
