"""Amounts as providers write them. Inside they are integers of ISO 4217 minor units; each provider has its own table of exceptions."""

import re
from collections.abc import Mapping

from holdfast.kernel.money import MAX_AMOUNT, Money, decimals, written
from holdfast.payments.errors import AmountNotPayable

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")


def rescaled(amount: int, was: int, places: int, currency: str) -> int:
    """Minor units with `was` decimals as minor units with `places`. AmountNotPayable where a fraction would be lost."""
    whole, lost = divmod(amount * int(10**places), int(10**was))
    if lost:
        raise AmountNotPayable(f"The provider takes no such fraction of {currency}.", currency=currency)
    return whole


def scaled(money: Money, exceptions: Mapping[str, int]) -> int:
    """The provider's integer. AmountNotPayable."""
    iso = decimals(money.currency)
    return rescaled(money.amount, iso, exceptions.get(money.currency, iso), money.currency)


def unscaled(amount: int, currency: str, exceptions: Mapping[str, int]) -> int:
    """The provider's integer in our minor units. AmountNotPayable."""
    iso = decimals(currency)
    return rescaled(amount, exceptions.get(currency, iso), iso, currency)


def decimal_text(money: Money, exceptions: Mapping[str, int]) -> str:
    """The provider's decimal number: `19.99`. AmountNotPayable."""
    return written(scaled(money, exceptions), exceptions.get(money.currency, decimals(money.currency)))


def of_decimal_text(text: str, currency: str) -> int:
    """Our minor units of a provider's decimal number. ValueError when it is not one, or finer than the currency is."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    whole, _, part = text.partition(".")
    places = decimals(currency)
    kept, lost = part.ljust(places, "0")[:places], part[places:]
    if lost.strip("0") or int(whole) > MAX_AMOUNT:
        raise ValueError("finer or larger than the currency allows")
    return int(whole + kept)
