"""What listeners may rely on: events.schema.json, the page events.md, and events.promised.txt, which only grows.

Every member of every event is a line of events.promised.txt. A change that would take one away is told of, and nothing is written over
the file: give the event another version. (Where nobody was told of it yet, take the line out by hand.)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from holdfast.kernel.model import Model
from holdfast.orders import events, schemas

Schema = dict[str, Any]
DEFINITIONS = "#/$defs/"
ENVELOPE = "Envelope"
AT_THAT_MOMENT = {
    events.LATE_PAYMENT: (0, 0),
    events.COMPLETED: (2, 0),
    events.PARTIALLY_FULFILLED: (1, 1),
    events.AWAITING_STOCK: (0, 2),
    events.PROCESSING: (0, 0),
    events.KEYS_ADDED: (2, 0),
    events.STOCK_ALLOCATED: (0, 0),
}
"""Of two units, how many were handed over and are owed, in the examples."""
DESCRIPTION = (
    "The detail of each entry that orders_stream puts on the bus with source holdfast.orders. Open: members and values of lists of "
    "words may come without another version, so pass over what you do not know. What is promised here goes only with another version."
)


@cache
def document() -> Schema:
    """JSON Schema 2020-12 of everything that travels. The same code gives the same document."""
    models: list[type[Model]] = sorted({schemas.Envelope, *schemas.DATA.values()}, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=DEFINITIONS + "{model}")
    definitions = {name: _open(schema) for name, schema in found["$defs"].items()}
    definitions |= {type_: _travels(type_, model, definitions) for type_, model in schemas.DATA.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:holdfast:order-events",
        "title": "Events of an order",
        "description": DESCRIPTION,
        "oneOf": [{"$ref": DEFINITIONS + type_} for type_ in events.ALL],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def promises(schema: Schema | None = None) -> list[str]:
    """One line for each thing that a listener may build on."""
    told = schema or document()
    lines = [f"*{line}" for line in _promised(told, told["$defs"][ENVELOPE], "")]
    for type_ in [name for name in told["$defs"] if name.startswith("order.")]:
        lines += [f"{type_}", *(f"{type_}{line}" for line in _promised(told, told["$defs"][type_]["properties"]["data"], " data"))]
    return sorted(lines)


def promised(kept: str, schema: Schema | None = None) -> str:
    """What is promised from now on. ValueError, with the lines, when something that was promised before is not there any more."""
    now = promises(schema)
    if broken := sorted({line for line in kept.splitlines() if line} - set(now)):
        raise ValueError("promised to listeners, and gone: " + "; ".join(broken))
    return "\n".join(now) + "\n"


def example(type_: str) -> Schema:
    """An entry's detail, as the schema's examples make it: its own data, in an envelope that is the same for all."""
    data = made(document(), document()["$defs"][type_]["properties"]["data"])
    if type_ in AT_THAT_MOMENT:
        data["lines"] = [data["lines"][0] | dict(zip(("fulfilled", "owed"), AT_THAT_MOMENT[type_], strict=True))]
    staff = {"kind": "staff", "id": "key_01KAJVKP004M6Y9J6ZB8TQ0E3R"}
    envelope = made(document(), document()["$defs"][ENVELOPE])
    short = {name: value for name, value in envelope.items() if name not in {"reason", "request_id"}}
    return {**short, "type": type_, "actor": staff if type_ in events.STAFF_ONLY else envelope["actor"], "data": data}


def made(told: Schema, schema: Schema) -> Any:
    """A value that fits: the schema's own example, or one made of its members' examples."""
    if schema.get("examples"):
        return schema["examples"][0]
    schema = _resolved(told, schema)
    if schema.get("type") == "array":
        return [made(told, schema["items"])]
    return {name: made(told, member) for name, member in schema.get("properties", {}).items()}


def members(type_: str | None = None) -> list[Sequence[str]]:
    """Name, type and meaning of the data's members, those of its lines after them; of the envelope without a type."""
    definitions = document()["$defs"]
    return list(_rows(definitions[type_]["properties"]["data"] if type_ else definitions[ENVELOPE], ""))


def _rows(schema: Schema, above: str) -> Iterator[Sequence[str]]:
    schema = _resolved(document(), schema)
    needed = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        there = "" if name in needed else ", may be left out"
        meaning = member.get("description", "")
        words = _resolved(document(), member).get("enum")
        yield f"`{above}{name}`", _kind(member) + there, meaning + (f" One of {', '.join(f'`{word}`' for word in words)}." if words else "")
        if member.get("type") == "array" and "$ref" in member["items"]:
            yield from _rows(member["items"], f"{above}{name}[].")


def _kind(member: Schema) -> str:
    found = _resolved(document(), member)
    if found.get("type") == "array":
        return f"list of {_kind(found['items'])}"
    if "patternProperties" in found:
        return "units per SKU"
    if set(found.get("properties", ())) == {"amount", "currency"}:
        return "money"
    return {"date-time": "instant"}.get(found.get("format", ""), str(found.get("type", "any")))


def _travels(type_: str, model: type[Model], definitions: Mapping[str, Schema]) -> Schema:
    """The envelope, with that type and its data. What stays at home is not in it."""
    name = model.__name__
    data = definitions[name]
    at_home = events.AT_HOME.get(type_, frozenset())
    stated = {member: schema for member, schema in data.get("properties", {}).items() if member not in at_home}
    sent = {**data, "properties": stated} if at_home else {"$ref": DEFINITIONS + name}
    return {"allOf": [{"$ref": DEFINITIONS + ENVELOPE}], "properties": {"type": {"const": type_}, "data": sent}}


def _open(schema: Any) -> Any:
    """Without what holds for us only: that nothing unknown is in it, that null stands for what is left out, titles."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: part for name, part in schema.items() if name not in {"additionalProperties", "default"}}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    parts = [part for part in kept.pop("anyOf", []) if part != {"type": "null"}]
    if parts:
        (only,) = parts
        kept = {**only, **kept}
    return {name: part if name == "examples" else _open(part) for name, part in kept.items()}


def _resolved(told: Schema, schema: Schema) -> Schema:
    if "$ref" in schema:
        found: Schema = told["$defs"][schema["$ref"].removeprefix(DEFINITIONS)]
        return {**found, **{name: part for name, part in schema.items() if name != "$ref"}}
    return schema


def _promised(told: Schema, schema: Schema, path: str) -> Iterator[str]:
    schema = _resolved(told, schema)
    if path:
        yield f"{path}: {schema.get('type', 'anything')}"
    for word in schema.get("enum", []):
        yield f"{path} may be {word}"
    for name, member in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else f" {name}"
        if name in schema.get("required", []):
            yield f"{below} is always there"
        yield from _promised(told, member, below)
    for member in schema.get("patternProperties", {}).values():
        yield from _promised(told, member, f"{path}{{}}")
    if "items" in schema:
        yield from _promised(told, schema["items"], f"{path}[]")
