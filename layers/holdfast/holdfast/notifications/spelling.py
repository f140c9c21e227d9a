"""How numbers, money, dates and other people's words are written: per language, and so that they stay on their line."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from holdfast.kernel.money import Money, decimals, written

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that write what follows from the other side: `exe.gpj` would read `jpg.exe`."""
_BREAKING = frozenset({"Cc", "Zl", "Zp"})
_GROUP = 3
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The alphabet of text messages (GSM 03.38)."""
GSM_PAIRS = frozenset("^{}\\[~]|€")
"""Of these each takes two places."""
PARTS = 2


class Spelling(NamedTuple):
    """`moment` gets a day, an hour and a minute."""

    point: str
    group: str
    day: str
    moment: str
    months: tuple[str, ...]


SPELLINGS: Mapping[str, Spelling] = {
    "en": Spelling(
        ".",
        ",",
        "{day} {month} {year}",
        "{day}, {hour:02d}:{minute:02d} UTC",
        ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
    ),
    "de": Spelling(
        ",",
        ".",
        "{day}. {month} {year}",
        "{day}, {hour:02d}:{minute:02d} Uhr (UTC)",
        ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
}


def money(sum_: Money, language: str) -> str:
    """`1,999.00 EUR`, `1.999,00 EUR`: with the currency's own number of decimals."""
    whole, point, part = written(sum_.amount, decimals(sum_.currency)).partition(".")
    spelling = SPELLINGS[language]
    groups = [whole[max(0, end - _GROUP) : end] for end in range(len(whole), 0, -_GROUP)]
    return f"{spelling.group.join(reversed(groups))}{spelling.point if point else ''}{part} {sum_.currency}"


def day(when: date, language: str) -> str:
    """`21 November 2026`. Of an instant: its day in UTC."""
    spelling = SPELLINGS[language]
    when = when.astimezone(UTC) if isinstance(when, datetime) else when
    return spelling.day.format(day=when.day, month=spelling.months[when.month - 1], year=when.year)


def moment(when: datetime, language: str) -> str:
    """`21 November 2026, 14:05 UTC`: where the reader lives nobody knows."""
    utc = when.astimezone(UTC)
    return SPELLINGS[language].moment.format(day=day(utc, language), hour=utc.hour, minute=utc.minute)


def plural(count: int, one: str, many: str) -> str:
    """In both languages only one is one."""
    return one if count == 1 else many


def one_line(text: str) -> str:
    """Line breaks and other control characters become blanks; marks that turn the direction of writing are left out."""
    kept = (" " if unicodedata.category(sign) in _BREAKING else sign for sign in text if sign not in _TURNING)
    return " ".join("".join(kept).split())


def some_lines(text: str) -> str:
    """Its lines stay lines."""
    return "\n".join(one_line(line) for line in text.splitlines()).strip()


def clipped(text: str, most: int) -> str:
    """At most so many characters; three dots say that there were more."""
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."


def places(text: str) -> tuple[int, int]:
    """What a text message takes, and what its two parts have room for: a part of a longer one has 153 places of the GSM alphabet, or
    67 of UCS-2, which one foreign letter is enough for.
    """
    if set(text) <= GSM | GSM_PAIRS:
        return len(text) + sum(sign in GSM_PAIRS for sign in text), PARTS * 153
    return len(text.encode("utf-16-be")) // 2, PARTS * 67


def fits(text: str) -> bool:
    """Whether two parts of a text message hold it."""
    needed, room = places(text)
    return needed <= room


def shortened(text: str) -> str:
    """So that two parts of a text message hold it."""
    for most in range(len(text), 3, -1):
        if fits(clipped(text, most)):
            return clipped(text, most)
    return text[:3]
