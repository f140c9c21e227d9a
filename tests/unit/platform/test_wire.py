"""Items to DynamoDB and back: as boto3 writes them, for all that we keep."""

from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.platform.dynamo import from_wire, to_wire

scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=20)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4))


class Colour(StrEnum):
    RED = "red"


@settings(deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_written_as_boto3_writes_and_read_as_it_was(item: dict[str, Any]) -> None:
    boto3 = TypeSerializer()
    assert to_wire(item) == {name: boto3.serialize(value) for name, value in item.items()}
    assert from_wire(to_wire(item)) == item


def test_truth_is_no_number_and_an_enum_is_its_text() -> None:
    assert to_wire({"a": True, "b": 1, "c": Colour.RED, "d": (1, [])}) == {
        "a": {"BOOL": True},
        "b": {"N": "1"},
        "c": {"S": "red"},
        "d": {"L": [{"N": "1"}, {"L": []}]},
    }
    assert type(to_wire({"c": Colour.RED})["c"]["S"]) is str


@pytest.mark.parametrize("value", [1.0, b"bytes", {1}, object()])
def test_what_is_none_of_ours_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        to_wire({"a": [value]})


@pytest.mark.parametrize("attribute", [{"SS": ["a"]}, {"B": b"a"}, {"N": "0.5"}, {}, {"S": "a", "N": "1"}])
def test_what_is_none_of_ours_is_not_read(attribute: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        from_wire({"a": attribute})
