"""Values as they go over the wire: one spelling for each number, and how values compare and add up."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from typing import Any

Attribute = Mapping[str, Any]
Item = dict[str, Attribute]

ORDERED = frozenset({"S", "N", "B"})
"""Types that know less and more."""
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation, Overflow, Underflow])


class BadValue(Exception):
    """DynamoDB would refuse the value."""


def normal(attribute: Attribute) -> Attribute:
    """The value as it is kept: numbers in their shortest spelling, sets in order."""
    ((kind, content),) = attribute.items()
    match kind:
        case "N":
            return {"N": number_text(content)}
        case "M":
            return {"M": {name: normal(value) for name, value in content.items()}}
        case "L":
            return {"L": [normal(value) for value in content]}
        case "SS" | "BS":
            return {kind: sorted(set(content))}
        case "NS":
            return {"NS": sorted({number_text(text) for text in content}, key=Decimal)}
        case "S" | "B" | "BOOL" | "NULL":
            return attribute
    raise BadValue(f"Supplied AttributeValue has an unknown type: {kind}")


def number_text(text: str) -> str:
    if text.isascii() and text.isdecimal() and (text[0] != "0" or text == "0") and len(text) <= 38:
        return text
    try:
        return text_of(_EXACT.create_decimal(text))
    except (InvalidOperation, Inexact) as error:
        raise BadValue(f"The parameter cannot be converted to a numeric value: {text}") from error


def number(attribute: Attribute) -> int | Decimal:
    text = attribute["N"]
    return int(text) if text.lstrip("-").isdecimal() else Decimal(text)


def text_of(value: int | Decimal) -> str:
    if isinstance(value, int):
        return str(value)
    shortest = value.normalize(_EXACT)
    return format(shortest, "f") if shortest else "0"


def added(left: Attribute, right: Attribute, *, minus: bool) -> Attribute:
    one, other = number(left), number(right)
    if isinstance(one, int) and isinstance(other, int):
        return {"N": str(one - other if minus else one + other)}
    exact = _EXACT.subtract(Decimal(one), Decimal(other)) if minus else _EXACT.add(Decimal(one), Decimal(other))
    return {"N": text_of(exact)}


def kind_of(attribute: Attribute) -> str:
    return next(iter(attribute))


def rank(attribute: Attribute) -> Any:
    """What it is sorted by among its own type: text by its bytes (which is Python's order, too), numbers by what they are worth."""
    return number(attribute) if "N" in attribute else attribute.get("S", attribute.get("B"))


def ordered(operator: str, left: Attribute, right: Attribute) -> bool:
    """False when they are of different types, or of types without an order."""
    kind = kind_of(left)
    if kind != kind_of(right) or kind not in ORDERED:
        return False
    one, other = rank(left), rank(right)
    match operator:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
    return bool(one >= other)
