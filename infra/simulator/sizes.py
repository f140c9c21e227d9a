"""How big an item is, and what reading and writing it costs: DynamoDB's documented rules, for items as they go over the wire.

Emulators report other figures, so tests that assert capacity count with these. Sizes are bytes, of 1,024 to the KB.
Rules: "DynamoDB item sizes and formats" and "Read and write operations" in the developer guide.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

Attribute = Mapping[str, Any]
"""`{"S": "text"}`, `{"N": "1"}`, ..."""
WireItem = Mapping[str, Attribute]

WRITE_UNIT = 1024
READ_UNIT = 4096
LARGEST_ITEM = 400 * 1024
CONTAINER = 3
"""Overhead of a list or a map, empty ones too."""
ELEMENT = 1
"""Overhead of each thing in a list or a map."""
LARGEST_NUMBER = 21


def item_size(item: WireItem) -> int:
    """Bytes of all names and values."""
    return sum(len(name.encode()) + attribute_size(value) for name, value in item.items())


def attribute_size(attribute: Attribute) -> int:  # noqa: PLR0911  one rule per type
    """Bytes of a value, without its name."""
    ((kind, content),) = attribute.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            return CONTAINER + sum(ELEMENT + len(name.encode()) + attribute_size(value) for name, value in content.items())
        case "L":
            return CONTAINER + sum(ELEMENT + attribute_size(value) for value in content)
        case "B":
            return _binary_size(content)
        case "SS" | "NS" | "BS":
            return sum(attribute_size({kind[0]: value}) for value in content)
    raise ValueError(f"there is no attribute type {kind}")


def write_units(*sizes: int) -> int:
    """Units of writing an item whose size before and after is given: the larger counts, and at least one unit."""
    return max(1, -(-max(sizes, default=0) // WRITE_UNIT))


def read_units(size: int, *, consistent: bool) -> float:
    """Units of reading so many bytes at once. Half of it when the read may be stale; what does not exist costs as the smallest does."""
    units = max(1, -(-size // READ_UNIT))
    return units if consistent else units / 2


def transaction_units(sizes: Iterable[int]) -> int:
    """Write units of a transaction over items of these sizes: each is written twice, to prepare and to commit."""
    return sum(2 * write_units(size) for size in sizes)


def _number_size(text: str) -> int:
    """One byte per two significant digits, and one more; a minus sign is another one. DynamoDB calls it approximate."""
    mantissa = text.lower().partition("e")[0]
    digits = mantissa.lstrip("+-").replace(".", "").strip("0")
    if not digits:
        return 1
    return min(LARGEST_NUMBER, (len(digits) + 1) // 2 + 1 + mantissa.startswith("-"))


def _binary_size(content: bytes | str) -> int:
    """Clients hand bytes over; in JSON it is base64, of which the raw bytes count."""
    return len(content if isinstance(content, bytes) else base64.b64decode(content))
