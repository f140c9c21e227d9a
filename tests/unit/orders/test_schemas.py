"""What listeners are promised of each event, and that every event keeps it."""

import contextlib
import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from holdfast.kernel.events import Event
from holdfast.orders import events, schemas
from holdfast.orders.model import Order
from infra import catalogue, event_schemas, openapi
from tests.memory import chronicle
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory
from tests.unit.functions.world import load

Schema = dict[str, Any]


@pytest.fixture(scope="module")
def lives() -> list[Order]:
    return chronicle.every_event()


@pytest.fixture(scope="module")
def published(lives: list[Order]) -> list[dict[str, Any]]:
    """What the stream puts on the bus of these lives."""
    detail_of = load("orders_stream").detail_of
    return [json.loads(json.dumps(detail_of(order, event))) for order in lives for event in order.events]


@pytest.fixture
def validator() -> Draft202012Validator:
    return Draft202012Validator(event_schemas.document(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def event(type_: str, data: dict[str, Any]) -> Event:
    return Event.model_validate({**event_schemas.example(type_), "type": type_, "data": data}, extra="ignore")


def test_each_event_has_a_schema_and_happens(lives: list[Order]) -> None:
    """A schema of something that never happens proves nothing."""
    assert tuple(schemas.DATA) == events.ALL
    assert {told.type for order in lives for told in order.events} == set(events.ALL)


def test_all_that_happens_fits_its_schema(lives: list[Order]) -> None:
    for told in [told for order in lives for told in order.events]:
        schemas.data_of(told)


def test_an_audit_notices_an_event_that_does_not_fit() -> None:
    memory = Memory()
    house = House(in_memory(memory))
    house.product("BOX", 1)
    order = house.buy(("BOX", 1))
    house.browser_returns(order)
    audit(memory)
    order = house.order(order)
    paid = order.events[-1]
    memory.put(("order", "demo", order.id), order.model_copy(update={"events": (order.events[0], told_more(paid))}))
    with pytest.raises(ValidationError, match="surprise"):
        audit(memory)


def told_more(told: Event) -> Event:
    return told.model_copy(update={"data": {**told.data, "surprise": 1}})


@pytest.mark.parametrize("type_", events.ALL)
def test_an_unknown_member_is_refused(type_: str) -> None:
    data = event_schemas.example(type_)["data"]
    schemas.data_of(event(type_, data))
    with pytest.raises(ValidationError):
        schemas.data_of(event(type_, {**data, "surprise": 1}))


@pytest.mark.parametrize(
    ("type_", "change"),
    [
        (events.PAID, {"amount": "3998"}),
        (events.PAID, {"amount": 39.98}),
        (events.PAID, {"amount": True}),
        (events.PAID, {"currency": "euro"}),
        (events.CANCELLED, {"replaced": "yes"}),
        (events.LATE_PAYMENT, {"outcome": "lost"}),
        (events.KEYS_ADDED, {"quantity": 0}),
        (events.SHIPPED, {"shipped": {"box": -1}}),
        (events.COMPLETED, {"lines": []}),
    ],
)
def test_what_is_of_another_kind_is_refused(type_: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schemas.data_of(event(type_, {**event_schemas.example(type_)["data"], **change}))


@pytest.mark.parametrize("type_", events.ALL)
def test_what_is_always_there_may_not_be_missing(type_: str) -> None:
    data = event_schemas.example(type_)["data"]
    needed = {field.alias or name for name, field in schemas.DATA[type_].model_fields.items() if field.is_required()}
    for name in needed:
        with pytest.raises(ValidationError):
            schemas.data_of(event(type_, {other: value for other, value in data.items() if other != name}))


def test_what_travels_fits_both_the_models_and_the_document(published: list[dict[str, Any]], validator: Draft202012Validator) -> None:
    assert {detail["type"] for detail in published} == set(events.ALL)
    for detail in published:
        envelope, _ = schemas.read(json.dumps(detail))
        assert (envelope.id, envelope.seq) == (detail["id"], detail["seq"])
        assert list(validator.iter_errors(detail)) == [], detail


def test_nothing_personal_travels(published: list[dict[str, Any]], lives: list[Order]) -> None:
    at_home = " ".join(order.model_dump_json() for order in lives)
    travelling = json.dumps(published)
    assert [text for text in chronicle.PERSONAL if text not in at_home] == []
    assert [text for text in chronicle.PERSONAL if text in travelling] == []


def test_a_stream_that_tells_values_would_be_noticed(lives: list[Order]) -> None:
    told = json.dumps([told.model_dump(mode="json") for order in lives for told in order.events])
    assert [text for text in chronicle.PERSONAL if text not in told] == []


def test_the_document_is_a_schema_and_its_examples_fit_it(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(event_schemas.document())
    for type_ in events.ALL:
        detail = event_schemas.example(type_)
        assert list(validator.iter_errors(detail)) == [], type_
        assert schemas.read(json.dumps(detail))[0].type == type_


@pytest.mark.parametrize("wrong", [{"type": "order.unknown.v1"}, {"data": {}}, {"seq": 0}, {"status": "lost"}])
def test_the_document_refuses_what_is_not_an_event(wrong: Schema, validator: Draft202012Validator) -> None:
    assert not validator.is_valid({**event_schemas.example(events.PAID), **wrong})


def test_the_document_is_open_for_members_to_come(validator: Draft202012Validator) -> None:
    detail = event_schemas.example(events.PAID)
    assert validator.is_valid({**detail, "new": 1, "data": {**detail["data"], "new": 1}})


def samples_off_the_bus() -> list[tuple[str, dict[str, Any]]]:
    """Details of our own events in the samples of the functions that hear them."""
    found = []
    for path in sorted(openapi.EVENTS.glob("*/*.json")):
        for record in json.loads(path.read_text("utf-8")).get("Records", []):
            with contextlib.suppress(ValueError):  # some bodies are broken on purpose
                message = json.loads(record.get("body", ""))
                if message.get("source") == "holdfast.orders":
                    found.append((f"{path.parent.name}/{path.stem}", message["detail"]))
    return found


def test_samples_are_such_as_travel() -> None:
    found = samples_off_the_bus()
    assert len(found) > 10
    for name, detail in found:
        envelope, _ = schemas.read(json.dumps(detail))
        assert envelope.order.startswith("ord_"), name


# What was promised.


def kept() -> str:
    return (catalogue.FOLDER / catalogue.PROMISED).read_text("utf-8")


def test_what_was_promised_is_kept_and_what_is_new_is_promised() -> None:
    assert catalogue.promised() == kept(), "a new member? python3 infra/dev.py openapi writes it down"


def changed(path: str, change: Any) -> Schema:
    """The document with `change` made to the data's schema of that type."""
    document = copy.deepcopy(event_schemas.document())
    change(document["$defs"][path])
    return document


def renamed(schema: Schema) -> None:
    schema["properties"]["total"] = schema["properties"].pop("amount")
    schema["required"] = ["total" if name == "amount" else name for name in schema["required"]]


BREAKS = {
    "a member gone": ("MoneyCame", lambda schema: schema["properties"].pop("payment")),
    "a member renamed": ("MoneyCame", renamed),
    "another type": ("MoneyCame", lambda schema: schema["properties"]["amount"].update(type="string")),
    "not always there": ("MoneyCame", lambda schema: schema["required"].remove("amount")),
    "a word gone": ("LateOutcome", lambda schema: schema["enum"].remove("owed")),
    "a state gone": ("Status", lambda schema: schema["enum"].remove("packed")),
    "a member of a line gone": ("LineThen", lambda schema: schema["properties"].pop("owed")),
    "a member of the envelope gone": ("Envelope", lambda schema: schema["properties"].pop("number")),
    "units become text": ("Shipped", lambda schema: schema["properties"]["shipped"].pop("patternProperties")),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_change_without_another_version_is_caught(name: str) -> None:
    with pytest.raises(ValueError, match="promised to listeners, and gone"):
        event_schemas.promised(kept(), changed(*BREAKS[name]))


def test_a_type_that_goes_is_caught() -> None:
    document = copy.deepcopy(event_schemas.document())
    del document["$defs"][events.PICKING]
    with pytest.raises(ValueError, match=r"gone: order\.picking\.v1"):
        event_schemas.promised(kept(), document)


ADDITIONS = {
    "a member": ("MoneyCame", lambda schema: schema["properties"].update(fee={"type": "integer"})),
    "a word": ("Status", lambda schema: schema["enum"].append("lost")),
    "always there from now on": ("Shipped", lambda schema: schema["required"].append("carrier")),
    "another sentence": ("MoneyCame", lambda schema: schema["properties"]["amount"].update(description="Other words.")),
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_comes_to_it_is_allowed(name: str) -> None:
    assert set(kept().splitlines()) <= set(event_schemas.promised(kept(), changed(*ADDITIONS[name])).splitlines())


def test_a_new_version_is_allowed() -> None:
    document = copy.deepcopy(event_schemas.document())
    document["$defs"]["order.paid.v2"] = document["$defs"][events.PAID]
    assert "order.paid.v2 data.amount: integer" in event_schemas.promised(kept(), document).splitlines()
