"""Card numbers are not taken in, in whatever field somebody puts them: what was never stored or logged can never leak.

A number counts as a card's when its length and its first digits are those of a brand and its check digit is right, written in one, or in
groups as on cards; what stands around it (its expiry, its code, a comma) is no excuse. Numbers of 13 digits never count (they are EANs),
nor do digits in the midst of letters (ULIDs, tracking numbers), telephone numbers and the digits behind the point of a decimal.
Reading takes time in proportion to the length of the text, whatever it is made of.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
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
_GROUP = r"(?<![0-9A-Za-z])[0-9]++(?![0-9A-Za-z])"
_CHAIN = re.compile(rf"{_GROUP}(?:[ \t._/-]{{1,3}}{_GROUP})*+")
_GROUPS, _GAPS = re.compile(r"[0-9]+"), re.compile(r"[^0-9]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_PRINTED = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 10), (6, 13), (8, 8))
"""Groups of digits as cards have them, and as people type them."""
_PHONE_LONGEST = 15
"""Digits of a telephone number with its country's (E.164)."""
_DECIMAL_LONGEST = 17
"""Digits of a decimal before and behind its point: programs print no more of a double."""
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
    if len(text) < _SHORTEST:
        return False
    plain = _NOT_ASCII.sub(lambda found: _plain(found[0]), text)
    return any(_is_card(number) for chain in _CHAIN.finditer(plain) for number in _numbers(chain))


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """Digits, blanks and dashes of any script in ASCII; what nobody sees is left out. One by one: to normalise a whole text that is all
    accents takes the square of its length."""
    digit, category = unicodedata.digit(char, None), unicodedata.category(char)
    if digit is not None:
        return str(digit)
    if category in {"Cf", "Mn", "Me"}:
        return ""
    if category == "Zs":
        return " "
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if char in "\N{MIDDLE DOT}\N{BULLET}":
        return "."
    return unicodedata.normalize("NFKC", char) if unicodedata.east_asian_width(char) == "F" else char


def _numbers(chain: re.Match[str]) -> Iterator[str]:
    """What may be meant as one number: a group, groups as on cards, or all that stand side by side."""
    groups, gaps = _GROUPS.findall(chain[0]), _GAPS.findall(chain[0])
    phone = chain.start() > 0 and chain.string[chain.start() - 1] == "+"
    for begin, end in _stretches(groups, gaps):
        number = "".join(groups[begin:end])
        if not (phone and begin == 0 and len(number) <= _PHONE_LONGEST):
            yield number


def _stretches(groups: list[str], gaps: list[str]) -> Iterator[tuple[int, int]]:
    yield from ((at, at + 1) for at, group in enumerate(groups) if len(group) >= _SHORTEST and not _is_fraction(groups, gaps, at))
    yield from _printed(groups, gaps)
    begin = 0
    for end, gap in enumerate([*gaps, ""], start=1):
        if gap not in {" ", "-"}:
            if end - begin > 1 and not _of_two_decimals(gaps, begin, end):
                yield begin, end
            begin = end


def _printed(groups: list[str], gaps: list[str]) -> Iterator[tuple[int, int]]:
    """Two groups with a point or a slash between them are a decimal, or a date and a number; points and blanks in turn are decimals."""
    shape = "".join(chr(min(len(group), _LONGEST)) for group in groups)
    for printed in _PRINTED:
        size, wanted = len(printed), "".join(map(chr, printed))
        at = shape.find(wanted)
        while at >= 0:
            between = {gap.strip() for gap in gaps[at : at + size - 1]}
            apart = between == {"", "."} if size > 2 else bool(gaps[at].strip(" \t-")) or _of_two_decimals(gaps, at, at + size)
            if not apart:
                yield at, at + size
            at = shape.find(wanted, at + 1)


def _of_two_decimals(gaps: list[str], begin: int, end: int) -> bool:
    """The end of one and the beginning of the next: 0.815632 5060235781.82."""
    return end - begin == 2 and ("." in gaps[max(begin - 1, 0) : begin] or "." in gaps[end - 1 : end])


def _is_fraction(groups: list[str], gaps: list[str], at: int) -> bool:
    """Behind the one point of a decimal, such as 0.25. Digits before a point are looked at: nothing has a price of so many."""
    if at == 0 or gaps[at - 1] != ".":
        return False
    alone = all(gap.isspace() for gap in (*gaps[max(at - 2, 0) : at - 1], *gaps[at : at + 1]))
    return alone and len(groups[at - 1].lstrip("0") + groups[at]) <= _DECIMAL_LONGEST


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
