"""A bulk change as people keep it: CSV out of a spreadsheet. Read row by row; what cannot be read says where and why."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from holdfast.kernel.model import Model

COLUMNS = ("sku", "delta", "available", "expected_available", "reason", "location", "document", "note")
NUMBERS = {"delta", "available", "expected_available"}
NEEDED = {"sku"}
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
# What a spreadsheet would take for a formula when the cell is shown to somebody again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cells = Mapping[str, str | int]


class Fault(Model):
    """Why a row is refused. `row` counts rows of data from 1 (0: the file itself), `line` is the file's; `pointer` as in the JSON body."""

    row: int
    line: int | None = None
    pointer: str
    code: str
    detail: str


class ReadRow(Model):
    """A row's cells by column, without the empty ones."""

    row: int
    line: int
    cells: Cells


def read(content: bytes, most: int) -> Iterator[ReadRow | Fault]:
    """UTF-8 with or without BOM, any line ends, quoted fields, columns in any order. Ends after `most` rows, or where it cannot go on."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        wrong = list(_wrong_columns(header))
        yield from wrong
        if not wrong:
            yield from _rows(reader, header, most)
    except UnicodeDecodeError:
        yield _of_file("malformed_csv", "The file is not UTF-8 text.", reader.line_num + 1)
    except csv.Error as error:
        yield _of_file("malformed_csv", f"The file cannot be read as CSV: {error}.", reader.line_num)


def pointer(row: int, column: str | None = None) -> str:
    """Where it would stand in the JSON body."""
    name = {"available": "set_available"}.get(column or "", column)
    return f"/rows/{row - 1}" + (f"/{name}" if name else "")


def _wrong_columns(header: Sequence[str]) -> Iterator[Fault]:
    if not any(header):
        yield _of_file("missing_column", "The first line must name the columns: sku and delta, or sku, available and expected_available.")
        return
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            hint = " Columns are parted by commas." if ";" in name else ""
            yield _of_file("unknown_column", f"There is no column {name[:40]!r}; those are {', '.join(COLUMNS)}.{hint}")
        elif header.count(name) > 1:
            yield _of_file("duplicate_column", f"The column {name} is there twice.")
    for name in sorted(NEEDED - set(header)):
        yield _of_file("missing_column", f"The column {name} is missing.")
    if not {"delta", "available"} & set(header):
        yield _of_file("missing_column", "A column delta or available is missing: what shall change?")
    if "available" in header and "expected_available" not in header:
        yield _of_file(
            "missing_column", "The column available needs expected_available beside it: what the figure was when it was counted."
        )


def _rows(reader: "Iterator[list[str]]", header: Sequence[str], most: int) -> Iterator[ReadRow | Fault]:
    number = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue  # a blank line, mostly the last one
        number += 1
        line: int = reader.line_num  # type: ignore[attr-defined]
        if number > most:
            yield Fault(row=number, line=line, pointer=pointer(number), code="too_many_rows", detail=f"At most {most} rows at once.")
            return
        if len(cells) != len(header):
            detail = f"The row has {len(cells)} fields and the header {len(header)}."
            yield Fault(row=number, line=line, pointer=pointer(number), code="wrong_field_count", detail=detail)
            continue
        named = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
        wrong = [_wrong_cell(number, line, name, cell) for name, cell in named.items()]
        faults = [fault for fault in wrong if fault is not None]
        yield from faults
        if not faults:
            yield ReadRow(row=number, line=line, cells={name: _value(name, cell.strip()) for name, cell in named.items()})


def _wrong_cell(row: int, line: int, name: str, cell: str) -> Fault | None:
    if name in NUMBERS:
        if _NUMBER.fullmatch(cell.strip()):
            return None
        return Fault(row=row, line=line, pointer=pointer(row, name), code="bad_number", detail=f"{name} takes a whole number.")
    if cell.startswith(_FORMULA) or cell.strip().startswith(_FORMULA):
        detail = f"{name} begins like a formula; a text must not begin with = + - @ or a tab."
        return Fault(row=row, line=line, pointer=pointer(row, name), code="formula_cell", detail=detail)
    return None


def _value(name: str, cell: str) -> str | int:
    return int(cell) if name in NUMBERS else cell


def _of_file(code: str, detail: str, line: int = 1) -> Fault:
    return Fault(row=0, line=line, pointer="", code=code, detail=detail)
