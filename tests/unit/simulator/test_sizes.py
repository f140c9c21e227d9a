"""Sizes and units against the examples of DynamoDB's documentation."""

from typing import Any

import pytest

from infra.simulator.sizes import attribute_size, item_size, read_units, transaction_units, write_units


def test_names_and_values_of_texts_count_in_utf8() -> None:
    assert item_size({"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}) == 23
    assert item_size({"ß": {"S": "Ω€"}}) == 2 + 5
    assert item_size({}) == 0


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("27", 2),
        ("-27", 3),
        ("461", 3),
        ("1000", 2),
        ("0.001", 2),
        ("12.5", 3),
        ("-12.50", 4),
        ("1E3", 2),
        ("1767323045678", 8),
        ("9" * 38, 20),
        ("-" + "9" * 38, 21),
    ],
)
def test_a_number_is_a_byte_per_two_significant_digits_and_one(number: str, size: int) -> None:
    assert attribute_size({"N": number}) == size


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"NULL": True}, 1),
        ({"BOOL": False}, 1),
        ({"B": b"123"}, 3),
        ({"B": "MTIz"}, 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"N": "1"}, {"S": "ab"}]}, 3 + (1 + 2) + (1 + 2)),
        ({"M": {"k": {"L": [{"BOOL": True}]}}}, 3 + 1 + 1 + (3 + 1 + 1)),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "22"]}, 4),
    ],
)
def test_each_type(attribute: dict[str, Any], size: int) -> None:
    assert attribute_size(attribute) == size


def test_a_type_that_is_none() -> None:
    with pytest.raises(ValueError, match="X"):
        attribute_size({"X": 1})


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (512, 1), (1024, 1), (1025, 2), (1536, 2), (3072, 3), (400 * 1024, 400)])
def test_a_write_unit_is_a_kilobyte(size: int, units: int) -> None:
    assert write_units(size) == units


def test_the_larger_image_counts() -> None:
    assert write_units(100, 5000) == write_units(5000, 100) == 5
    assert write_units() == 1


@pytest.mark.parametrize(
    ("size", "consistent", "eventually"), [(0, 1, 0.5), (4096, 1, 0.5), (4097, 2, 1), (8192, 2, 1), (10 * 1024, 3, 1.5)]
)
def test_a_read_unit_is_four_kilobytes(size: int, consistent: float, eventually: float) -> None:
    assert read_units(size, consistent=True) == consistent
    assert read_units(size, consistent=False) == eventually


def test_a_transaction_writes_everything_twice() -> None:
    assert transaction_units([500, 500, 500]) == 6  # three items of 500 bytes, of the guide's example
    assert transaction_units([]) == 0
