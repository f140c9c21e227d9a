"""Licence keys as vendors send them: CSV with a column `key`, or a list with one key on each line. Read row by row.

What a refusal says never has the key in it.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from holdfast.kernel.model import Record

MOST_KEYS = 100_000
LONGEST = 1000
COLUMN = "key"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What a spreadsheet would take for a formula, or has made of one, when a key is shown in it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Fault(Record):
    """Why a row is refused. `row` counts keys from 1 (0: the file itself), `line` is the file's; `pointer` as in the JSON body."""

    row: int
    line: int | None = None
    pointer: str
    code: str
    detail: str


class ReadKey(NamedTuple):
    """No model: there may be a hundred thousand."""

    row: int
    text: str


def read(content: bytes) -> Iterator[ReadKey | Fault]:
    """UTF-8 with or without BOM, any line ends, quoted fields; other columns than `key` are passed over. Ends where it cannot go on."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), strict=True)
    try:
        yield from _rows(reader)
    except UnicodeDecodeError:
        yield _of_file("malformed_csv", "The file is not UTF-8 text.", reader.line_num + 1)
    except csv.Error:
        yield _of_file("malformed_csv", "The file cannot be read as CSV.", reader.line_num)


def _rows(reader: "Iterator[list[str]]") -> Iterator[ReadKey | Fault]:
    """The first line names the columns if one of its fields is `key`; else it is a key already, and each line has one field."""
    column, width, number = 0, 1, 0
    for first, cells in enumerate(reader):
        names = [cell.strip().lower() for cell in cells]
        if first == 0 and COLUMN in names:
            column, width = names.index(COLUMN), len(names)
            continue
        if not any(names):
            continue  # a blank line, mostly the last one
        number += 1
        line: int = reader.line_num  # type: ignore[attr-defined]
        if number > MOST_KEYS:
            yield _fault(number, line, "too_many_rows", f"At most {MOST_KEYS} keys at once.")
            return
        yield _judged(number, line, cells, column, width)


def _judged(number: int, line: int, cells: Sequence[str], column: int, width: int) -> ReadKey | Fault:
    if len(cells) != width:
        return _fault(number, line, "wrong_field_count", f"The line has {len(cells)} fields instead of {width}; name the column key first.")
    cell, text = cells[column], cells[column].strip()
    if not text:
        return _fault(number, line, "empty_key", "There is no key in this line.")
    if cell.startswith(_FORMULA) or text.startswith(_FORMULA):
        return _fault(number, line, "formula_cell", "The key begins like a formula. Send such keys as JSON.")
    if len(text) > LONGEST:
        return _fault(number, line, "key_too_long", f"A key has at most {LONGEST} characters.")
    if _CONTROL.search(text):
        return _fault(number, line, "control_characters", "A key has no control characters.")
    return ReadKey(row=number, text=text)


def _fault(number: int, line: int, code: str, detail: str) -> Fault:
    return Fault(row=number, line=line, pointer=f"/keys/{number - 1}", code=code, detail=detail)


def _of_file(code: str, detail: str, line: int) -> Fault:
    return Fault(row=0, line=line, pointer="", code=code, detail=detail)
