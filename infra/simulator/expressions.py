"""Condition expressions compiled to functions, once per text; which sort keys a key condition asks for.

Updates are in `updates`. Errors are DynamoDB's: `Invalid` becomes a ValidationException.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from infra.simulator import syntax
from infra.simulator.sizes import attribute_size
from infra.simulator.syntax import BadExpression, Both, Path, Step
from infra.simulator.values import ORDERED, Attribute, kind_of, ordered, rank


class Invalid(Exception):
    """The request is none that DynamoDB would carry out."""


@dataclass(frozen=True)
class Terms:
    """What the aliases and placeholders of one request stand for."""

    names: Mapping[str, str]
    values: Mapping[str, Attribute]

    def value(self, placeholder: str) -> Attribute:
        return self.values[placeholder]

    def path(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(self.names[step] if isinstance(step, str) else step for step in steps)


Tree = TypeVar("Tree")
Item = Mapping[str, Attribute]
Truth = Callable[[Item, Terms], bool]
Found = Callable[[Item, Terms], Attribute | None]


def parsed(parse: Callable[[str], Tree], text: str) -> Tree:
    try:
        return parse(text)
    except BadExpression as error:
        raise Invalid(f"Invalid expression: {error}") from error


def demand_matched(terms: Terms, *texts: str) -> None:
    """DynamoDB refuses names and values that no expression uses, as well as those that one uses and nobody gave."""
    used = {reference for text in texts for reference in parsed(syntax.references, text)}
    for reference in sorted(used - terms.names.keys() - terms.values.keys()):
        what = "value used in expression" if reference.startswith(":") else "name used in the document path"
        raise Invalid(f"An expression attribute {what} is not defined; attribute {what.split(maxsplit=1)[0]}: {reference}")
    for what, given in (("Names", terms.names), ("Values", terms.values)):
        if unused := given.keys() - used:
            raise Invalid(f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{', '.join(sorted(unused))}}}")


def holds(text: str, item: Item, terms: Terms) -> bool:
    """Whether the condition is true of the item (an empty one: there is none). Invalid when it is senseless for any item."""
    for operator, placeholder, kinds in parsed(_typed_values, text):
        demand_kind(operator, terms.value(placeholder), kinds)
    return parsed(_compiled, text)(item, terms)


def demand_kind(operator: str, value: Attribute, kinds: Iterable[str]) -> None:
    if kind_of(value) not in kinds:
        message = f"operator or function: {operator}, operand type: {kind_of(value)}"
        raise Invalid(f"Incorrect operand type for operator or function; {message}")


@cache
def _typed_values(text: str) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Placeholders that must be of certain types, by the operators that they stand beside."""
    return tuple(_typed(syntax.condition(text)))


def _typed(tree: syntax.Condition) -> Iterator[tuple[str, str, frozenset[str]]]:
    match tree:
        case Both(parts) | syntax.Either(parts):
            for part in parts:
                yield from _typed(part)
        case syntax.Negation(inner):
            yield from _typed(inner)
        case syntax.Comparison(operator, left, right) if operator not in {"=", "<>"}:
            yield from ((operator, side.name, ORDERED) for side in (left, right) if isinstance(side, syntax.Value))
        case syntax.Between(middle, low, high):
            yield from (("BETWEEN", side.name, ORDERED) for side in (middle, low, high) if isinstance(side, syntax.Value))
        case syntax.Call("begins_with" as function, (_, syntax.Value(name))):
            yield function, name, frozenset({"S", "B"})
        case syntax.Call("attribute_type" as function, (_, syntax.Value(name))):
            yield function, name, frozenset({"S"})


@cache
def _compiled(text: str) -> Truth:
    return _truth(syntax.condition(text))


def _truth(tree: syntax.Condition) -> Truth:  # noqa: PLR0911  one for each kind of tree
    match tree:
        case Both(parts):
            truths = [_truth(part) for part in parts]
            return lambda item, terms: all(truth(item, terms) for truth in truths)
        case syntax.Either(parts):
            truths = [_truth(part) for part in parts]
            return lambda item, terms: any(truth(item, terms) for truth in truths)
        case syntax.Negation(condition):
            inner = _truth(condition)
            return lambda item, terms: not inner(item, terms)
        case syntax.Comparison(operator, left, right):
            return _comparison(operator, operand(left), operand(right))
        case syntax.Between(middle, low, high):
            return _between(operand(middle), operand(low), operand(high))
        case syntax.OneOf(one, choices):
            wanted, others = operand(one), [operand(choice) for choice in choices]
            return lambda item, terms: (found := wanted(item, terms)) is not None and any(found == other(item, terms) for other in others)
        case syntax.Call(function, arguments):
            return _function(function, arguments)


def _comparison(operator: str, left: Found, right: Found) -> Truth:
    """What is not there is equal to nothing, and unequal to everything."""
    if operator == "=":
        return lambda item, terms: (found := left(item, terms)) is not None and found == right(item, terms)
    if operator == "<>":
        return lambda item, terms: (found := left(item, terms)) is None or found != right(item, terms)

    def compare(item: Item, terms: Terms) -> bool:
        one, other = left(item, terms), right(item, terms)
        return one is not None and other is not None and ordered(operator, one, other)

    return compare


def _between(middle: Found, low: Found, high: Found) -> Truth:
    def within(item: Item, terms: Terms) -> bool:
        found, least, most = middle(item, terms), low(item, terms), high(item, terms)
        if found is None or least is None or most is None:
            return False
        return ordered("<=", least, found) and ordered("<=", found, most)

    return within


def _function(function: str, arguments: tuple[syntax.Operand, ...]) -> Truth:
    subject = operand(arguments[0])
    match function:
        case "attribute_exists":
            return lambda item, terms: subject(item, terms) is not None
        case "attribute_not_exists":
            return lambda item, terms: subject(item, terms) is None
    other = operand(arguments[1])
    test = {"begins_with": _begins_with, "contains": _contains, "attribute_type": _is_of_type}[function]

    def ask(item: Item, terms: Terms) -> bool:
        found, wanted = subject(item, terms), other(item, terms)
        return found is not None and wanted is not None and test(found, wanted)

    return ask


def _begins_with(found: Attribute, wanted: Attribute) -> bool:
    return kind_of(found) == kind_of(wanted) and kind_of(found) in {"S", "B"} and rank(found).startswith(rank(wanted))


def _contains(found: Attribute, wanted: Attribute) -> bool:
    ((kind, content),) = found.items()
    if kind == "L":
        return wanted in content
    if kind in {"SS", "NS", "BS"}:
        return kind_of(wanted) == kind[0] and wanted[kind[0]] in content
    return kind in {"S", "B"} and kind_of(wanted) == kind and wanted[kind] in content


def _is_of_type(found: Attribute, wanted: Attribute) -> bool:
    return kind_of(found) == wanted.get("S")


def operand(tree: syntax.Operand) -> Found:
    """What it comes to for an item; None when it is not there."""
    match tree:
        case syntax.Value(name):
            return lambda _, terms: terms.value(name)
        case Path(steps):
            return lambda item, terms: look_up(item, terms.path(steps))
        case syntax.Call("size", (argument,)):
            return _size(operand(argument))
    raise BadExpression("Incorrect operand type for operator or function")


def look_up(item: Item, path: tuple[Step, ...]) -> Attribute | None:
    found: Any = item.get(str(path[0]))
    for step in path[1:]:
        if found is None:
            return None
        if isinstance(step, str):
            found = found.get("M", {}).get(step)
        else:
            entries = found.get("L", [])
            found = entries[step] if step < len(entries) else None
    return found  # type: ignore[no-any-return]


def _size(argument: Found) -> Found:
    """Bytes of a text, number of things in anything else."""

    def measured(item: Item, terms: Terms) -> Attribute | None:
        found = argument(item, terms)
        if found is None:
            return None
        ((kind, content),) = found.items()
        if kind in {"N", "BOOL", "NULL"}:
            return None
        return {"N": str(attribute_size(found) if kind in {"S", "B"} else len(content))}

    return measured


@dataclass(frozen=True)
class KeyRange:
    """The items of one partition whose sort key lies so. Bounds are sort keys; `prefix` is one that they begin with."""

    hash_value: Attribute
    low: Attribute | None = None
    high: Attribute | None = None
    low_open: bool = False
    high_open: bool = False
    prefix: Attribute | None = None


def key_range(text: str, terms: Terms, hash_name: str, range_name: str) -> KeyRange:
    tree = parsed(syntax.condition, text)
    parts = list(tree.parts) if isinstance(tree, Both) else [tree]
    equal = [
        part for part in parts if isinstance(part, syntax.Comparison) and part.operator == "=" and _names(part.left, terms) == hash_name
    ]
    rest = [part for part in parts if part not in equal]
    if len(equal) != 1 or len(rest) > 1:
        raise Invalid("Query condition missed key schema element, or has more than the key's")
    hash_value = _placed(equal[0].right, terms)
    return _bounds(rest[0], hash_value, terms, range_name) if rest else KeyRange(hash_value)


def _bounds(part: syntax.Condition, hash_value: Attribute, terms: Terms, range_name: str) -> KeyRange:
    match part:
        case syntax.Between(path, low, high) if _names(path, terms) == range_name:
            least, most = _placed(low, terms), _placed(high, terms)
            if kind_of(least) != kind_of(most) or not ordered("<=", least, most):
                raise Invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
            return KeyRange(hash_value, low=least, high=most)
        case syntax.Call("begins_with", (path, start)) if _names(path, terms) == range_name:
            return KeyRange(hash_value, low=_placed(start, terms), prefix=_placed(start, terms))
        case syntax.Comparison(operator, path, other) if _names(path, terms) == range_name and operator != "<>":
            value = _placed(other, terms)
            above, below = operator in {"=", ">", ">="}, operator in {"=", "<", "<="}
            return KeyRange(hash_value, value if above else None, value if below else None, operator == ">", operator == "<")
    raise Invalid("Invalid operator used in KeyConditionExpression")


def _names(tree: syntax.Operand, terms: Terms) -> str | None:
    return str(terms.path(tree.steps)[0]) if isinstance(tree, Path) and len(tree.steps) == 1 else None


def _placed(tree: syntax.Operand, terms: Terms) -> Attribute:
    if not isinstance(tree, syntax.Value):
        raise Invalid("Invalid condition in KeyConditionExpression: key conditions compare with values")
    found = terms.value(tree.name)
    if kind_of(found) not in ORDERED:
        raise Invalid("One or more parameter values were invalid: condition parameter type does not match schema type")
    return found
