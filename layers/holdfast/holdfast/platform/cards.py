"""Card numbers are not taken in, in whatever field somebody puts them: what was never stored or logged can never leak.

A number counts as a card's when its length and its first digits are those of a brand and its check digit is right, written in one, or in
groups as on cards. Numbers of 13 digits never count (they are EANs), nor do digits in the midst of letters (ULIDs, tracking numbers).
"""

import re
from collections.abc import Iterator
from typing import Any

from holdfast.kernel.errors import Invalid

DEEPEST = 100
"""Levels of JSON; what is nested deeper is refused elsewhere."""
_BRANDS = (
    ("4", "4", {16, 19}),  # Visa
    ("51", "55", {16}),  # Mastercard
    ("2221", "2720", {16}),
    ("34", "34", {15}),  # American Express
    ("37", "37", {15}),
    ("6011", "6011", {16, 19}),  # Discover
    ("644", "659", {16, 19}),
    ("300", "305", {14, 16}),  # Diners Club
    ("36", "36", {14, 16}),
    ("38", "39", {14, 16}),
    ("3528", "3589", {16, 19}),  # JCB
    ("62", "62", {16, 17, 18, 19}),  # UnionPay
    ("508", "508", {16}),  # RuPay
    ("60", "60", {16}),
    ("81", "82", {16}),
    ("5018", "5018", {16, 18, 19}),  # Maestro
    ("5020", "5020", {16, 18, 19}),
    ("5038", "5038", {16, 18, 19}),
    ("5893", "5893", {16, 18, 19}),
    ("6304", "6304", {16, 18, 19}),
    ("6759", "6763", {16, 18, 19}),
    ("2200", "2204", {16, 19}),  # Mir
    ("9112", "9112", {16}),  # Belkart
)
"""The first digits from and to, and the lengths that are given out."""
_RUN = re.compile(r"(?<![0-9A-Za-z+])(?<![0-9][.,])[0-9]+(?:[ \-\u00a0\u2010-\u2013\u202f][0-9]+)*(?![0-9A-Za-z])(?![.,][0-9])", re.ASCII)
_PRINTED = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 10), (6, 13), (8, 8))
"""Groups of digits as cards have them, and as people type them."""
_SHORTEST, _LONGEST = 14, 19


class CardDataRefused(Invalid):
    """The body holds what looks like a card's number. Cards are entered at the payment provider and nowhere else. Nothing was stored."""

    code = "card_data_refused"


def refuse_cards(content: Any) -> None:
    """CardDataRefused if a card's number stands anywhere in this JSON. Where, is not said: that would tell it to a log."""
    if any(map(holds_card, _texts(content, DEEPEST))):
        raise CardDataRefused(
            "This looks like the number of a payment card. It was not stored; it belongs on the page of the payment provider."
        )


def holds_card(text: str) -> bool:
    return len(text) >= _SHORTEST and any(_is_card(number) for run in _RUN.finditer(text) for number in _numbers(run[0]))


def _numbers(run: str) -> Iterator[str]:
    """What may be meant as one number: a group, groups as on cards, or all of them."""
    groups = re.findall("[0-9]+", run)
    yield "".join(groups)
    yield from groups
    lengths = tuple(map(len, groups))
    for printed in _PRINTED:
        size = len(printed)
        yield from ("".join(groups[at : at + size]) for at in range(len(groups) - size + 1) if lengths[at : at + size] == printed)


def _is_card(number: str) -> bool:
    return _SHORTEST <= len(number) <= _LONGEST and _of_a_brand(number) and _checks(number)


def _of_a_brand(number: str) -> bool:
    return any(begin <= number[: len(begin)] <= end and len(number) in lengths for begin, end, lengths in _BRANDS)


def _checks(number: str) -> bool:
    """Luhn's: every second digit from the right counts twice."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(map(int, number[-1::-2])) + sum(doubled)) % 10 == 0


def _texts(content: Any, depth: int) -> Iterator[str]:
    """Names count as well. Whole numbers are digits too; those with a point are none of a card."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, int):
        yield str(content) if abs(content) < 10**_LONGEST else ""
    elif depth and isinstance(content, dict):
        for name, value in content.items():
            yield name
            yield from _texts(value, depth - 1)
    elif depth and isinstance(content, list):
        for value in content:
            yield from _texts(value, depth - 1)
