"""CSV as people send it: what can be read is read, and what cannot be says which row and why."""

import contextlib
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.stock import spreadsheet
from holdfast.stock.bulk import MOST_ROWS
from holdfast.stock.bulk_plan import BulkRefused
from holdfast.stock.bulk_views import from_csv
from holdfast.stock.spreadsheet import Fault, ReadRow


def faults(text: str | bytes) -> list[tuple[int, str, str]]:
    """Row, pointer and code of each."""
    with pytest.raises(BulkRefused) as refusal:
        from_csv(text if isinstance(text, bytes) else text.encode())
    return [(fault["row"], fault["pointer"], fault["code"]) for fault in refusal.value.facts["errors"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_spreadsheets_write(mark: str, end: str) -> None:
    lines = ['SKU, delta ,note,location,"reason"', 'A,-3,"gone, since ""Tuesday""",,write_off', "", "B-2,4,,berlin,", ""]
    body = from_csv((mark + end.join(lines)).encode())
    wishes = body.wishes()
    assert [(wish.number, wish.sku, wish.delta, wish.location, wish.reason) for wish in wishes] == [
        (1, "A", -3, "main", "write_off"),
        (2, "B-2", 4, "berlin", "adjustment"),
    ]
    assert wishes[0].note == 'gone, since "Tuesday"'
    assert [wish.line for wish in wishes] == [2, 4]


def test_a_note_over_two_lines_is_one_row_and_refused() -> None:
    assert faults('sku,delta,note\nA,1,"one\ntwo"\nB,1,\n') == [(1, "/rows/0/note", "string_pattern_mismatch")]


def test_figures_need_what_they_were() -> None:
    (wish,) = from_csv(b"sku,available,expected_available\nA,9,5\n").wishes()
    assert (wish.set_available, wish.expected_available, wish.change) == (9, 5, 4)
    assert faults("sku,available\nA,9\n") == [(0, "", "missing_column")]
    assert faults("sku,available,expected_available\nA,9,\n") == [(1, "/rows/0", "value_error")]


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("", ["missing_column"]),
        ("sku", ["missing_column"]),
        ("delta", ["missing_column"]),
        ("sku,delta,colour", ["unknown_column"]),
        ("sku;delta", ["unknown_column", "missing_column", "missing_column"]),
        ("sku,delta,delta", ["duplicate_column", "duplicate_column"]),
        ("sku,price", ["unknown_column", "missing_column"]),
    ],
)
def test_columns(header: str, codes: list[str]) -> None:
    found = faults(f"{header}\nA,1\n")
    assert {code for _, _, code in found} == set(codes)
    assert {row for row, _, _ in found} == {0}


def test_columns_that_are_parted_otherwise_are_told_so() -> None:
    (fault, *_) = spreadsheet.read(b"sku;delta\nA;1\n", 10)
    assert isinstance(fault, Fault)
    assert "parted by commas" in fault.detail


@pytest.mark.parametrize("number", ["1.0", "1e3", "one", "\uff11", "0x1", "--1", "1 000", "9999999999", "=1", "1,5"])
def test_numbers(number: str) -> None:
    ((row, pointer, code), *_) = faults(f'sku,delta\nA,"{number}"\n')
    assert (row, pointer, code) == (1, "/rows/0/delta", "bad_number")


@pytest.mark.parametrize("delta", ["-2", "+2", "2", " 2 "])
def test_signs_are_no_formulas(delta: str) -> None:
    assert abs(from_csv(f"sku,delta\nA,{delta}\n".encode()).wishes()[0].change) == 2


@pytest.mark.parametrize("cell", ["=1+1", "+A1", "-A1", "@SUM(A1)", '"\t=1"', " =1", "=cmd|' /C calc'!A0"])
@pytest.mark.parametrize("column", ["sku", "note", "reason", "location"])
def test_formulas_in_text(column: str, cell: str) -> None:
    row = {"sku": "A", "delta": "1", "note": "n", "reason": "adjustment", "location": "main", column: cell}
    assert faults(f"{','.join(row)}\n{','.join(row.values())}\n") == [(1, f"/rows/0/{column}", "formula_cell")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'sku,delta\nA,"1\n', "malformed_csv"),
        (b'sku,delta\n"A"B,1\n', "malformed_csv"),
        (b"sku,delta\n\xff\xfe,1\n", "malformed_csv"),
        ("sku,delta\nA,1\n".encode("utf-16"), "malformed_csv"),
        (b"sku,delta\nA\n", "wrong_field_count"),
        (b"sku,delta\nA,1,2\n", "wrong_field_count"),
        (b"sku,delta\n" + b"x" * 200_000 + b",1\n", "malformed_csv"),
        (b"sku,delta\n", "no_rows"),
        (b"", "missing_column"),
        (b"sku,delta\nA b,1\n", "string_pattern_mismatch"),
        (b"sku,delta,reason\nA,1,theft\n", "literal_error"),
        (b"sku,delta,location\nA,1,Berlin!\n", "string_pattern_mismatch"),
        (b"sku,delta,reason\nA,1,write_off\n", "value_error"),
        (b"sku,delta,available,expected_available\nA,1,2,3\n", "value_error"),
    ],
    ids=str,
)
def test_what_cannot_be_read(content: bytes, code: str) -> None:
    assert code in {found for _, _, found in faults(content)}


def test_each_bad_row_is_told_with_its_line() -> None:
    with pytest.raises(BulkRefused) as refusal:
        from_csv(b"sku,delta\nA,1\nB,x\n\nC,1\nD,=2\n")
    assert [(fault["row"], fault["line"], fault["code"]) for fault in refusal.value.facts["errors"]] == [
        (2, 3, "bad_number"),
        (4, 6, "bad_number"),
    ]
    assert (refusal.value.facts["rows"], refusal.value.facts["rows_refused"]) == (4, 2)


def test_ten_thousand_rows_and_not_one_more() -> None:
    rows = [f"SKU-{number},1" for number in range(MOST_ROWS)]
    assert len(from_csv("\n".join(["sku,delta", *rows]).encode()).rows) == MOST_ROWS
    assert faults("\n".join(["sku,delta", *rows, "ONE-MORE,1"])) == [(MOST_ROWS + 1, f"/rows/{MOST_ROWS}", "too_many_rows")]


def test_it_is_read_as_a_stream_and_not_beyond_its_end() -> None:
    """A million rows cost no more than ten: the reader stops, and keeps nothing."""
    content = b"sku,delta\n" + b"A,1\n" * 1_000_000
    tracemalloc.start()
    found = sum(isinstance(row, ReadRow) for row in spreadsheet.read(content, 10))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == 10
    assert most < 1024 * 1024 + len(content)  # the text's own copy at worst


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for head in (b"", b"sku,delta\n", b"sku,available,expected_available,note\n"):
        for found in spreadsheet.read(head + content, 5):
            assert isinstance(found, Fault | ReadRow)
        with contextlib.suppress(BulkRefused):
            assert from_csv(head + content).rows


def test_the_order_of_reading_is_the_order_of_the_file() -> None:
    buffer = io.StringIO("sku,delta\n" + "".join(f"S{n},{n}\n" for n in range(1, 50)))
    rows = [row for row in spreadsheet.read(buffer.getvalue().encode(), 100) if isinstance(row, ReadRow)]
    assert [row.row for row in rows] == list(range(1, 50))
