"""The simulator judges conditions and updates as Amazon's own DynamoDB Local does: chosen cases, and many drawn ones.

What it said to the chosen ones is kept in `agreed.json`, so that they are asked without a JDK, too.
"""

import copy
import json
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.memory import dynamo_local
from tests.memory.stores import Stores

Json = dict[str, Any]
LOCAL = dynamo_local.home() is not None
SEEDS = range(12)
_numbers = count()

ITEM: Json = {
    "n": {"N": "5"},
    "d": {"N": "1.5"},
    "t": {"S": "abc"},
    "truth": {"BOOL": True},
    "none": {"NULL": True},
    "l": {"L": [{"N": "1"}, {"S": "x"}, {"L": [{"N": "7"}]}]},
    "m": {"M": {"a": {"N": "1"}, "b": {"M": {"c": {"S": "deep"}}}, "e": {"L": [{"N": "2"}, {"N": "30"}]}}},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "22"]},
}
NAMES = {f"#{name}": name for name in (*ITEM, "a", "b", "c", "e", "gone", "pk", "sk")}
VALUES: Json = {
    ":one": {"N": "1"},
    ":five": {"N": "5"},
    ":minus": {"N": "-2.25"},
    ":abc": {"S": "abc"},
    ":ab": {"S": "ab"},
    ":x": {"S": "x"},
    ":true": {"BOOL": True},
    ":null": {"NULL": True},
    ":list": {"L": [{"N": "2"}, {"N": "30"}]},
    ":map": {"M": {"c": {"S": "deep"}}},
    ":set": {"SS": ["y", "x"]},
    ":some": {"SS": ["y", "z"]},
    ":ns": {"NS": ["22", "3"]},
    ":S": {"S": "S"},
}
PATHS = ("#n", "#d", "#t", "#truth", "#none", "#l", "#m", "#ss", "#ns", "#gone", "#l[0]", "#l[2][0]", "#l[9]", "#m.#a", "#m.#b", "#m.#b.#c")
PATHS = (*PATHS, "#m.#e[1]", "#m.#gone", "#gone.#a", "#n.#a", "#t[0]")

CONDITIONS = [
    "#n = :five",
    "#d < :five AND #d > :one",
    "#gone <> :one",
    "#gone = :one",
    "NOT #gone = :one",
    "#t <> :one",
    "#n < :abc",
    "#ss = :set",
    "#m.#e = :list",
    "#m.#b = :map",
    "#m.#e[1] > :five",
    "attribute_not_exists(#m.#gone) AND attribute_exists(#m.#a)",
    "attribute_exists(#none)",
    "begins_with(#t, :ab)",
    "contains(#t, :ab) AND contains(#l, :x) AND contains(#ss, :x)",
    "contains(#n, :one)",
    "size(#m) = :five OR size(#l) > :one",
    "size(#t) BETWEEN :one AND :five",
    "#n BETWEEN :one AND :five",
    "#t IN (:ab, :abc, :one)",
    "attribute_type(#t, :S)",
    "#n = :one OR #n = :five AND #t = :x",
    "(#n = :one OR #n = :five) AND #t = :abc",
]
UPDATES = [
    "SET #n = #n + :one",
    "SET #n = #n - :minus, #d = #d + :five",
    "SET #n = :one, #d = #n + :one",
    "SET #m.#gone = :abc REMOVE #m.#a",
    "SET #gone.#a = :one",
    "SET #n.#a = :one",
    "SET #gone = #gone + :one",
    "SET #t = #t + :one",
    "SET #l[1] = :one, #l[9] = :abc",
    "SET #l[7] = :x, #l[5] = :one",
    "REMOVE #l[0], #l[2]",
    "REMOVE #gone",
    "REMOVE #m.#gone",
    "REMOVE #gone.#a",
    "REMOVE #m.#e[9]",
    "SET #m.#e[0] = :abc REMOVE #m.#b.#c",
    "SET #m = :map, #m.#a = :one",
    "SET #m.#a = :one REMOVE #m.#a",
    "SET #l[0] = :one REMOVE #l[0]",
    "SET #n = if_not_exists(#gone, :one), #gone = if_not_exists(#n, :abc)",
    "SET #l = list_append(#l, :list)",
    "ADD #n :minus, #gone :one",
    "ADD #ss :some DELETE #ns :ns",
    "DELETE #ss :set",
    "ADD #t :one",
    "ADD #l :one",
    "SET #pk = :abc",
    "SET #m.#e = #l, #l = #m.#e",
]


AGREED: Json = json.loads(Path(__file__).with_name("agreed.json").read_text("utf-8"))
ENGINES = ["simulated", *(["amazons"] if LOCAL else [])]


def table_of(stores: Stores) -> Any:
    return stores.stock.levels._table  # type: ignore[attr-defined]


def used(*texts: str) -> Json:
    """The names and values that the expressions use, as a request carries them."""
    tokens = {token for text in texts for token in _words(text)}
    names = {alias: name for alias, name in NAMES.items() if alias in tokens}
    values = {placeholder: value for placeholder, value in VALUES.items() if placeholder in tokens}
    return {
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in f"{text} ":
        if letter.isalnum() or letter in "#:_":
            word += letter
        elif word:
            yield word
            word = ""


def outcome(table: Any, update: str | None, condition: str | None) -> Any:
    """What an update with this condition changes in the item (None: goes), or the code of its refusal."""
    key = {"pk": {"S": f"agree-{next(_numbers)}"}, "sk": {"S": "x"}}
    table.client.put_item(TableName=table.name, Item={**key, **copy.deepcopy(ITEM)})
    request: Json = {"TableName": table.name, "Key": key, **used(update or "", condition or "")}
    if update:
        request["UpdateExpression"] = update
    if condition:
        request["ConditionExpression"] = condition
    try:
        table.client.update_item(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]
    item = _sorted(table.client.get_item(TableName=table.name, Key=key, ConsistentRead=True)["Item"])
    before = {**key, **_sorted(ITEM)}
    return {name: item.get(name) for name in sorted(item.keys() | before.keys()) if item.get(name) != before.get(name)}


def _sorted(value: Any) -> Any:
    match value:
        case {"SS": content} | {"NS": content}:
            return sorted(content)
        case dict():
            return {name: _sorted(part) for name, part in value.items()}
        case list():
            return [_sorted(part) for part in value]
    return value


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", [*CONDITIONS, *UPDATES])
def test_chosen_expressions(request: pytest.FixtureRequest, engine: str, text: str) -> None:
    table = table_of(request.getfixturevalue(engine))
    assert outcome(table, *((None, text) if text in CONDITIONS else (text, None))) == AGREED[text]


if LOCAL:

    @pytest.mark.parametrize("seed", SEEDS)
    def test_drawn_expressions(amazons: Stores, simulated: Stores, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            update, condition = drawn_update(chance), drawn_condition(chance, 2) if chance.random() < 0.7 else None
            ours, theirs = outcome(table_of(simulated), update, condition), outcome(table_of(amazons), update, condition)
            assert (update, condition, ours) == (update, condition, theirs)


def drawn_condition(chance: random.Random, depth: int) -> str:
    if depth and chance.random() < 0.6:
        joined = f" {chance.choice(('AND', 'OR'))} ".join(drawn_condition(chance, depth - 1) for _ in range(2))
        return chance.choice((f"({joined})", f"NOT ({joined})"))
    path, value = chance.choice(PATHS), chance.choice(sorted(VALUES.keys() - {":S"}))
    kind = chance.random()
    if kind < 0.5:
        return f"{path} {chance.choice(('=', '<>', '<', '<=', '>', '>='))} {value}"
    if kind < 0.7:
        return f"attribute_{chance.choice(('', 'not_'))}exists({path})"
    if kind < 0.8:
        return f"contains({path}, {value})"
    if kind < 0.9:
        return f"size({path}) {chance.choice('<>=')} :one"
    return f"{path} IN ({value}, :five)"


def drawn_update(chance: random.Random) -> str:
    sets, removes = [], []
    for _ in range(chance.randrange(1, 4)):
        path, value = chance.choice(PATHS), chance.choice(sorted(VALUES.keys() - {":S"}))
        kind = chance.random()
        if kind < 0.3:
            removes.append(path)
        elif kind < 0.6:
            sets.append(f"{path} = {value}")
        elif kind < 0.8:
            sets.append(f"{path} = {chance.choice(PATHS)} {chance.choice('+-')} :one")
        else:
            sets.append(f"{path} = if_not_exists({chance.choice(PATHS)}, {value})")
    return " ".join([*([f"SET {', '.join(sets)}"] if sets else []), *([f"REMOVE {', '.join(removes)}"] if removes else [])])


def test_the_chosen_ones_are_told_apart() -> None:
    """Else an engine that always says the same would pass."""
    assert set(AGREED) == {*CONDITIONS, *UPDATES}
    assert len({repr(AGREED[text]) for text in UPDATES}) > len(UPDATES) / 2
    assert {AGREED[text] != "ConditionalCheckFailedException" for text in CONDITIONS} == {True, False}
