"""Orders as files: every order whole, nothing that a spreadsheet would run, and never more than an answer may have."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernel.money import Money
from holdfast.orders import exporting, keys
from holdfast.orders.exporting import BYTE_ORDER_MARK, COLUMNS, FORMULA, Format
from holdfast.orders.model import Order, OrderLine, PaymentRef, Status
from tests.memory import samples
from tests.memory.samples import NOW

LINE = samples.order("demo").lines[0]


def order(number: int = 1, *lines: OrderLine, **changes: object) -> Order:
    made = samples.order("demo", number, created_at=NOW - timedelta(seconds=number), lines=lines or (LINE,))
    return made.model_copy(update=changes)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_per_line_with_the_order_on_each() -> None:
    one = LINE.model_copy(update={"sku": "B", "title": 'The "B", blue', "quantity": 3, "allocated": 2, "fulfilled": 1, "tax": 57})
    paid = {"status": Status.PAID, "paid_at": NOW, "address": samples.ADDRESS, "email": "ada@example.com", "notes": "ring,\r\ntwice"}
    payment = PaymentRef(provider="sandbox", id="pay_9", captured=1999, refunded=5)
    written = exporting.write([order(1, LINE, one, **paid, phone="030 1", payment=payment)], Format.CSV, first=True)
    first, second = table(written.text)
    assert [row["sku"] for row in (first, second)] == ["A", "B"]
    assert second == {
        "order": order(1).id,
        "number": "ABCDE-FGHJK",
        "status": "paid",
        "created_at": "2026-01-02T03:04:04.678Z",
        "paid_at": "2026-01-02T03:04:05.678Z",
        "email": "ada@example.com",
        "phone": "030 1",
        "name": "Zoë <b>Ω</b>",
        "line1": "1 Main St",
        "line2": "Flat 2",
        "city": "Köln",
        "region": "NRW",
        "postal_code": "50667",
        "country": "DE",
        "sku": "B",
        "title": 'The "B", blue',
        "quantity": "3",
        "fulfilled": "1",
        "owed": "1",
        "cancelled": "0",
        "refunded": "0",
        "returned": "0",
        "unit_price": "1999",
        "line_tax": "57",
        "order_shipping": "0",
        "order_tax": "0",
        "order_total": "1999",
        "order_refunded": "5",
        "currency": "EUR",
        "provider": "sandbox",
        "payment": "pay_9",
        "payment_status": "pending",
        "notes": "ring,\r\ntwice",
    }
    assert first["order_total"] == "1999"
    assert written.last is None


def test_pages_put_behind_each_other_are_one_file() -> None:
    orders = [order(number) for number in range(4)]
    whole = exporting.write(orders, Format.CSV, first=True).text
    assert exporting.write(orders[:1], Format.CSV, first=True).text + exporting.write(orders[1:], Format.CSV, first=False).text == whole
    assert exporting.write([], Format.CSV, first=True).text == ",".join(COLUMNS) + "\r\n"
    assert exporting.write([], Format.CSV, first=False).text == ""
    assert exporting.write(orders, Format.CSV, first=True, mark=True).text == BYTE_ORDER_MARK + whole
    assert BYTE_ORDER_MARK not in exporting.write(orders, Format.CSV, first=False, mark=True).text


@pytest.mark.parametrize("sign", FORMULA)
@pytest.mark.parametrize("before", ["", "  "])
def test_no_cell_is_run(sign: str, before: str) -> None:
    evil = f'{before}{sign}cmd|" /C calc"!A0'
    address = samples.ADDRESS.model_copy(update={"name": evil, "line1": f"a{evil}"})
    text = exporting.write(
        [order(1, LINE.model_copy(update={"title": evil}), address=address, notes=evil, phone=evil)], Format.CSV, first=True
    )
    (row,) = table(text.text)
    assert [row[name] for name in ("title", "name", "notes", "phone")] == ["'" + evil] * 4
    assert row["line1"] == f"a{evil}"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(notes=texts, title=texts, form=st.sampled_from(Format))
def test_whatever_is_in_it_comes_out(notes: str, title: str, form: Format) -> None:
    text = exporting.write([order(1, LINE.model_copy(update={"title": title}), notes=notes)], form, first=True).text
    if form is Format.CSV:
        (row,) = table(text)
        assert (row["notes"].removeprefix("'"), row["title"].removeprefix("'")) == (notes.removeprefix("'"), title.removeprefix("'"))
        assert not row["notes"].startswith(FORMULA)
    else:
        told = json.loads(text)
        assert (told["notes"], told["lines"][0]["title"], text.count("\n")) == (notes, title, 1)


def test_an_order_on_each_line_of_text() -> None:
    full = samples.full_order("demo").model_copy(update={"status": Status.PAID})
    owing = order(2, LINE.model_copy(update={"quantity": 3, "unit_price": Money(amount=5, currency="EUR")}), status=Status.PAID)
    first, second = map(json.loads, exporting.write([full, owing], Format.NDJSON, first=True).text.splitlines())
    assert (first["id"], first["address"]["city"], first["payment"]["id"], first["totals"]["total"]["amount"]) == (
        full.id,
        "Köln",
        "pay_1",
        1999,
    )
    assert (second["lines"][0]["owed"], second["lines"][0]["unit_price"]) == (2, {"amount": 5, "currency": "EUR"})
    hidden = {"events", "session", "fingerprint", "hold", "lck_1", "pay_url", "told"}
    assert not any(f'"{name}"' in json.dumps(first) for name in hidden)


@pytest.mark.parametrize("form", list(Format))
def test_a_file_that_grows_too_large_goes_on_in_the_next(form: Format) -> None:
    orders = [order(number, notes="é" * 100) for number in range(10)]
    size = len(exporting.write(orders[:1], form, first=False).text.encode())
    whole = exporting.write(orders, form, first=False).text
    written = exporting.write(orders, form, first=False, most=3 * size + 1)
    assert written.last == keys.position(orders[2])
    assert written.text + exporting.write(orders[3:], form, first=False).text == whole
    alone = exporting.write(orders, form, first=True, most=1)
    assert (alone.last, alone.text.count(orders[0].id), orders[1].id in alone.text) == (keys.position(orders[0]), 1, False)


def test_the_largest_answer_is_one_that_lambda_takes() -> None:
    """The worst text, quoted as JSON: each quotation mark is doubled by CSV, and each of them quoted again."""
    heavy = LINE.model_copy(update={"title": '"' * 200})
    orders = [order(number, *[heavy.model_copy(update={"sku": f"S{line}"}) for line in range(24)]) for number in range(300)]
    for form in Format:
        written = exporting.write(orders, form, first=True)
        assert written.last is not None
        assert len(json.dumps({"body": written.text}, ensure_ascii=False).encode()) < 6_000_000
