"""Update expressions: the item as it is after them. All of them look at the item as it was before."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from infra.simulator import syntax
from infra.simulator.expressions import Found, Invalid, Item, Terms, demand_kind, look_up, operand, parsed
from infra.simulator.syntax import Assignment, Path, Step
from infra.simulator.values import Attribute, added, kind_of


class Misfit(Invalid):
    """The update is sound, but not for the item that stands there."""


Way = tuple[Step, ...]
Worth = Callable[[Item, Terms], Attribute]
Change = tuple[str, Path, Worth | None]
SETS = {"SS", "NS", "BS"}
NO_SUCH_PATH = "The document path provided in the update expression is invalid for update"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"


def demand_sound(text: str, terms: Terms) -> None:
    """Invalid when the update makes no sense for any item; said before its condition is looked at."""
    demand_apart([terms.path(path.steps) for _, path, _ in parsed(_compiled, text)])
    for operator, placeholder, kind in parsed(_typed_values, text):
        demand_kind(operator, terms.value(placeholder), {kind})


def updated(text: str, item: Item, terms: Terms) -> tuple[dict[str, Attribute], frozenset[str]]:
    """A new item, which shares with the old one what did not change; and the names of the attributes that were addressed."""
    results = [(terms.path(path.steps), _result(clause, path, worth, item, terms)) for clause, path, worth in parsed(_compiled, text)]
    root: dict[str, Any] = dict(item)
    copied: set[int] = set()
    for way, value in sorted(((way, value) for way, value in results if value is not None), key=lambda result: _key(result[0])):
        _placed(root, way, value, copied)
    for way in sorted((way for way, value in results if value is None), key=_from_behind):
        _removed(root, way, copied)
    return root, frozenset(str(way[0]) for way, _ in results)


def _result(clause: str, path: Path, worth: Worth | None, item: Item, terms: Terms) -> Attribute | None:
    """None: it goes."""
    if worth is None:
        return None
    value = worth(item, terms)
    return value if clause == "SET" else _merged(clause, look_up(item, terms.path(path.steps)), value)


@cache
def _compiled(text: str) -> tuple[Change, ...]:
    return tuple((action.clause, action.path, _worth(action)) for action in syntax.update(text))


@cache
def _typed_values(text: str) -> tuple[tuple[str, str, str], ...]:
    """Placeholders that must be of a certain type, by what is done with them."""
    terms = [term for action in syntax.update(text) if action.operand for term in _terms(action.operand)]
    return tuple(
        (operator, side.name, kind)
        for term in terms
        for operator, kind, sides in (
            ("+", "N", (term.left, term.right)) if isinstance(term, syntax.Sum) else (term.function, "L", term.arguments),
        )
        for side in sides
        if isinstance(side, syntax.Value)
    )


def _terms(tree: syntax.Operand) -> Iterator[syntax.Sum | syntax.Call]:
    """Sums and joined lists, wherever they stand."""
    match tree:
        case syntax.Sum(left, right):
            yield tree
            yield from (*_terms(left), *_terms(right))
        case syntax.Call("list_append", arguments):
            yield tree
            for argument in arguments:
                yield from _terms(argument)
        case syntax.Call("if_not_exists", (_, otherwise)):
            yield from _terms(otherwise)


def _worth(action: Assignment) -> Worth | None:
    if action.operand is None:
        return None
    if action.clause in {"ADD", "DELETE"} and not isinstance(action.operand, syntax.Value):
        raise syntax.BadExpression(f"{action.clause} takes a value")
    return _present(_term(action.operand))


def _present(found: Found) -> Worth:
    def worth(item: Item, terms: Terms) -> Attribute:
        value = found(item, terms)
        if value is None:
            raise Misfit("The provided expression refers to an attribute that does not exist in the item")
        return value

    return worth


def _term(tree: syntax.Operand) -> Found:
    match tree:
        case syntax.Sum(left, right, minus):
            one, other = _present(_term(left)), _present(_term(right))
            return lambda item, terms: _sum(one(item, terms), other(item, terms), minus=minus)
        case syntax.Call("if_not_exists", (path, otherwise)):
            first, second = operand(path), _term(otherwise)
            return lambda item, terms: found if (found := first(item, terms)) is not None else second(item, terms)
        case syntax.Call("list_append", (left, right)):
            one, other = _present(_term(left)), _present(_term(right))
            return lambda item, terms: _joined(one(item, terms), other(item, terms))
        case syntax.Call():
            raise syntax.BadExpression("The function is not allowed in an update expression; function: size")
    return operand(tree)


def _sum(left: Attribute, right: Attribute, *, minus: bool) -> Attribute:
    if "N" not in left or "N" not in right:
        raise Misfit(WRONG_TYPE)
    return added(left, right, minus=minus)


def _joined(left: Attribute, right: Attribute) -> Attribute:
    if "L" not in left or "L" not in right:
        raise Misfit(WRONG_TYPE)
    return {"L": [*left["L"], *right["L"]]}


def _merged(clause: str, standing: Attribute | None, value: Attribute) -> Attribute | None:
    """ADD to a number or a set, DELETE from a set. None: nothing is left, or nothing was there to take from."""
    ((kind, content),) = value.items()
    if kind not in SETS and (clause, kind) != ("ADD", "N"):
        raise Invalid(f"Incorrect operand type for operator or function; operator: {clause}, operand type: {kind}")
    if standing is None:
        return value if clause == "ADD" else None
    if kind_of(standing) != kind:
        raise Misfit(WRONG_TYPE)
    if kind == "N":
        return added(standing, value, minus=False)
    united = {*standing[kind], *content} if clause == "ADD" else {*standing[kind]} - {*content}
    return {kind: sorted(united)} if united else None


def demand_apart(ways: list[Way]) -> None:
    """Two actions may not address the same thing, nor one a part of what the other addresses."""
    for one, other in pairwise(sorted(ways, key=_key)):
        if other[: len(one)] == one:
            text = "Two document paths overlap with each other; must remove or rewrite one of these paths"
            raise Invalid(f"Invalid UpdateExpression: {text}; path one: {_shown(one)}, path two: {_shown(other)}")
        for step, against in zip(one, other, strict=False):
            if isinstance(step, str) != isinstance(against, str):
                text = "Two document paths conflict with each other; must remove or rewrite one of these paths"
                raise Invalid(f"Invalid UpdateExpression: {text}; path one: {_shown(one)}, path two: {_shown(other)}")
            if step != against:
                break


def _key(way: Way) -> list[tuple[bool, str, int]]:
    return [(isinstance(step, str), str(step) if isinstance(step, str) else "", step if isinstance(step, int) else 0) for step in way]


def _from_behind(way: Way) -> list[tuple[bool, str, int]]:
    """Elements of a list go last first, so that the others keep their places."""
    return [(isinstance(step, str), str(step) if isinstance(step, str) else "", -step if isinstance(step, int) else 0) for step in way]


def _shown(way: Way) -> str:
    return f"[{', '.join(map(str, way))}]"


def _parent(root: dict[str, Any], way: Way, copied: set[int]) -> Any:
    """The map or list that holds the last step, made ours on the way to it. None: it is of the other kind."""
    holder: Any = root
    for step, following in pairwise(way):
        found = holder.get(step) if isinstance(step, str) else (holder[step] if step < len(holder) else None)
        kind = "M" if isinstance(following, str) else "L"
        if found is None or kind not in found:
            return None
        if id(found) not in copied:
            inner: Mapping[str, Any] | list[Any] = found[kind]
            found = {kind: dict(inner) if isinstance(inner, Mapping) else list(inner)}
            copied.add(id(found))
            holder[step] = found
        holder = found[kind]
    return holder


def _placed(root: dict[str, Any], way: Way, value: Attribute, copied: set[int]) -> None:
    holder, step = _parent(root, way, copied), way[-1]
    if holder is None:
        raise Misfit(NO_SUCH_PATH)
    if isinstance(step, int) and step >= len(holder):
        holder.append(value)
    else:
        holder[step] = value


def _removed(root: dict[str, Any], way: Way, copied: set[int]) -> None:
    """What is not there needs no removing; but what should hold it must be there."""
    holder, step = _parent(root, way, copied), way[-1]
    if holder is None:
        raise Misfit(NO_SUCH_PATH)
    if isinstance(step, str):
        holder.pop(step, None)
    elif step < len(holder):
        del holder[step]
