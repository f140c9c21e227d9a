"""Orders as files: for a spreadsheet one row per order line, for programs one order per line of text.

Money is in minor units of the currency beside it. What a spreadsheet would take for a formula is written as the text that it is.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from io import StringIO
from typing import Any, NamedTuple

from holdfast.kernel.time import rfc3339
from holdfast.orders import keys, rules
from holdfast.orders.model import Order, OrderLine

MOST_BYTES = 2_500_000
"""Of one answer, in UTF-8. Lambda takes 6 MB, quoted as JSON: a quotation mark counts twice, a line break too."""
BYTE_ORDER_MARK = "\ufeff"
"""By it some spreadsheets know that the file is UTF-8."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Signs that begin a formula; the last four are the wide ones of East Asian keyboards."""


class Format(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


MEDIA_TYPES = {Format.CSV: "text/csv", Format.NDJSON: "application/x-ndjson"}
Cell = str | int | None

COLUMNS: dict[str, Callable[[Order, OrderLine], Cell]] = {
    "order": lambda order, _: order.id,
    "number": lambda order, _: order.number,
    "status": lambda order, _: order.status.value,
    "created_at": lambda order, _: rfc3339(order.created_at),
    "paid_at": lambda order, _: rfc3339(order.paid_at) if order.paid_at else None,
    "email": lambda order, _: order.email,
    "phone": lambda order, _: order.phone,
    "name": lambda order, _: order.address.name if order.address else None,
    "line1": lambda order, _: order.address.line1 if order.address else None,
    "line2": lambda order, _: order.address.line2 if order.address else None,
    "city": lambda order, _: order.address.city if order.address else None,
    "region": lambda order, _: order.address.region if order.address else None,
    "postal_code": lambda order, _: order.address.postal_code if order.address else None,
    "country": lambda order, _: order.address.country if order.address else None,
    "sku": lambda _, line: line.sku,
    "title": lambda _, line: line.title,
    "quantity": lambda _, line: line.quantity,
    "fulfilled": lambda _, line: line.fulfilled,
    "owed": rules.owed,
    "cancelled": lambda _, line: line.cancelled,
    "refunded": lambda _, line: line.refunded,
    "returned": lambda _, line: line.returned,
    "unit_price": lambda _, line: line.unit_price.amount,
    "line_tax": lambda _, line: line.tax,
    "order_shipping": lambda order, _: order.totals.shipping.amount,
    "order_tax": lambda order, _: order.totals.tax.amount,
    "order_total": lambda order, _: order.amount,
    "order_refunded": lambda order, _: order.payment.refunded,
    "currency": lambda order, _: order.currency,
    "provider": lambda order, _: order.payment.provider,
    "payment": lambda order, _: order.payment.id,
    "payment_status": lambda order, _: order.payment.status.value,
    "notes": lambda order, _: order.notes,
}


class Written(NamedTuple):
    """`last`: the position of the last order that found room, when not all did."""

    text: str
    last: str | None


def write(orders: Sequence[Order], form: Format, *, first: bool, mark: bool = False, most: int = MOST_BYTES) -> Written:
    """As many of the orders as find room, one at least. `first`: the file begins here, with the names of its columns."""
    parts = [BYTE_ORDER_MARK if mark and first else "", _row(COLUMNS) if form is Format.CSV and first else ""]
    size = 0
    for order in orders:
        text = "".join(_rows(order)) if form is Format.CSV else _json(order)
        size += len(text.encode())
        if size > most and len(parts) > 2:
            return Written("".join(parts), keys.position(orders[len(parts) - 3]))
        parts.append(text)
    return Written("".join(parts), None)


def _rows(order: Order) -> Iterator[str]:
    for line in order.lines:
        yield _row(_cell(read(order, line)) for read in COLUMNS.values())


def _row(cells: Iterable[Cell]) -> str:
    """RFC 4180: rows end with CR and LF, quotation marks are doubled."""
    text = StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value


def _json(order: Order) -> str:
    """What the order is, without its events; the session, the hold's lock and the like are our own business."""
    kept = order.model_dump(mode="json", exclude=_OURS)
    lines: list[dict[str, Any]] = [{**row, "owed": rules.owed(order, line)} for row, line in zip(kept["lines"], order.lines, strict=True)]
    return json.dumps({**kept, "lines": lines}, ensure_ascii=False, separators=(",", ":")) + "\n"


_OURS: Any = {
    **dict.fromkeys(("events", "told", "session", "fingerprint", "hold", "placed_until"), True),
    "payment": {"client"},
    "lines": {"__all__": {"backorder_cap", "max_per_customer"}},
}
