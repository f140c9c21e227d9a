"""ProjectionExpression: the parts of an item that a read was asked for. What is paid for is the whole item."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.simulator import syntax
from infra.simulator.expressions import Terms, look_up, parsed
from infra.simulator.syntax import Step
from infra.simulator.updates import Way, demand_apart
from infra.simulator.values import Attribute

Item = Mapping[str, Attribute]
Tree = dict[Step, Any]
"""Steps to the trees below them; an empty one is a whole value."""


def ways_of(text: str, terms: Terms) -> Sequence[Way]:
    """Invalid when one path is a part of another."""
    ways = [terms.path(path.steps) for path in parsed(syntax.projection, text)]
    demand_apart(ways)
    return ways


def projected(item: Item, ways: Sequence[Way]) -> dict[str, Attribute]:
    """Only what is there. Elements of lists close up, in their order."""
    tree: Tree = {}
    for way in ways:
        if look_up(item, way) is not None:
            _grow(tree, way)
    return {str(name): _cut(item[str(name)], below) for name, below in tree.items()}


def _grow(tree: Tree, way: Way) -> None:
    for step in way:
        tree = tree.setdefault(step, {})


def _cut(value: Attribute, tree: Tree) -> Attribute:
    if not tree:
        return value
    if "M" in value:
        return {"M": {str(name): _cut(value["M"][name], below) for name, below in tree.items()}}
    places = sorted(step for step in tree if isinstance(step, int))
    return {"L": [_cut(value["L"][place], tree[place]) for place in places]}
