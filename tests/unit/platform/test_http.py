"""The typed layer over Chalice, with an Api of its own: what comes in is checked, what goes out is always of one form."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import Field

from holdfast.kernel.errors import Conflict, HoldfastError, NotFound, UnavailableError
from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.model import Input, Model
from holdfast.platform.http import ANONYMOUS, Answer, Api, Request, _key_of
from holdfast.platform.idempotency import IdempotencyKey, Replay
from holdfast.platform.log import logger
from holdfast.platform.pages import PageQuery
from tests.unit.functions.api_gateway import REQUEST_ID, request
from tests.unit.functions.contract import ALWAYS, problem

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORIGIN = "https://shop.example"
JSON = {"Content-Type": "application/json"}
THINGS = "/shops/{shop}/things"


class ThingBody(Input):
    name: str = Field(min_length=1, max_length=20)
    size: int = Field(default=1, ge=1, le=10)
    inside: "ThingBody | None" = None


class Thing(Model):
    id: str
    name: str
    version: int = 7


class Broken(Conflict):
    """Facts: status, lines."""

    code = "broken"


class Kept:
    """Replays in memory, as simple as can be; the real ones have tests of their own."""

    def __init__(self) -> None:
        self.answers: dict[str, Replay] = {}

    def begin(self, key: IdempotencyKey, now: datetime) -> Replay | None:
        return self.answers.get(key.identity)

    def finish(self, key: IdempotencyKey, answer: Replay, now: datetime) -> None:
        self.answers[key.identity] = answer

    def abandon(self, key: IdempotencyKey) -> None:
        self.answers.pop(key.identity, None)


class Shop:
    """An Api with one route of each kind, and what its views saw."""

    def __init__(self) -> None:
        self.seen: list[Request[Any]] = []
        self.raises: Exception | None = None
        self.origins_raise: Exception | None = None
        self.api = Api("things", clock=lambda: NOW, shop_origins=self._origins, replays=lambda: self.kept)
        self.kept = Kept()
        self.api.get(THINGS, returns=Thing, query=PageQuery)(self.list_things)
        self.api.post(THINGS, returns=Thing, body=ThingBody, status=201, idempotent=True)(self.add_thing)
        self.api.get(THINGS + "/{thing}", returns=Thing)(self.show_thing)
        self.api.delete(THINGS + "/{thing}", returns=None, status=204, guard=self._guard)(self.drop_thing)
        self.api.get(THINGS + "/{thing}/text", returns=None, writes=("text/plain",))(self.tell_thing)
        self.api.post(THINGS + "/{thing}/raw", returns=Thing, raw=True, max_body=1000)(self.take_raw)

    def _origins(self, shop: str) -> tuple[str, ...]:
        if self.origins_raise and self.seen:
            raise self.origins_raise
        if shop != "demo":
            raise NotFound
        return (ORIGIN,)

    def _guard(self, raw: Any, path: Mapping[str, str]) -> Actor:
        if raw.headers.get("x-secret-token") != "hush":
            raise NotFound
        return Actor(kind=ActorKind.STAFF, id="key_1")

    def _view(self, request: Request[Any]) -> Thing:
        self.seen.append(request)
        if self.raises:
            raise self.raises
        return Thing(id="thg_1", name=request.body.name if request.body else "thing")

    def list_things(self, request: Request[Any]) -> Thing:
        """Things."""
        return self._view(request)

    def add_thing(self, request: Request[Any]) -> Thing:
        """Add a thing."""
        return self._view(request)

    def show_thing(self, request: Request[Any]) -> Answer:
        """A thing."""
        return Answer(self._view(request), headers={"Retry-After": "3"})

    def drop_thing(self, request: Request[Any]) -> None:
        """Drop a thing."""
        self._view(request)

    def tell_thing(self, request: Request[Any]) -> Answer:
        """A thing, in words."""
        return Answer(text=f"{self._view(request).name} ü", headers={"Content-Type": "text/plain; charset=utf-8", "X-More": "no"})

    def take_raw(self, request: Request[Any]) -> Thing:
        """Bytes as they come."""
        return self._view(request)

    def call(self, method: str, resource: str = THINGS, shop: str = "demo", **options: Any) -> dict[str, Any]:
        path = {"shop": shop, **options.pop("path", {})}
        answer: dict[str, Any] = self.api.app(request(method, resource, path, **options), None)
        assert answer["headers"].keys() >= ALWAYS
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
        assert answer["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert answer["headers"]["Cache-Control"] == "no-store"
        if answer["statusCode"] >= 400:
            problem(answer)
        return answer

    def add(self, body: Any, key: str | None = "k-1", **headers: str) -> dict[str, Any]:
        return self.call("POST", body=body, headers={**JSON, **({"Idempotency-Key": key} if key is not None else {}), **headers})


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """What was logged, as it would be written."""
    records: list[logging.LogRecord] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            record.text = logger.registered_formatter.format(record)
            records.append(record)

    ear = Ear()
    logger.addHandler(ear)
    yield records
    logger._logger.removeHandler(ear)


def code(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["statusCode"], json.loads(answer["body"])["code"]


def errors(answer: dict[str, Any]) -> list[tuple[str, str]]:
    assert code(answer) == (422, "validation_failed")
    return [(error["pointer"], error["code"]) for error in json.loads(answer["body"])["errors"]]


def test_a_view_gets_everything_checked(shop: Shop) -> None:
    answer = shop.add({"name": "lamp", "size": 2}, **{"X-Request-Id": "mine-1"})
    assert (answer["statusCode"], json.loads(answer["body"])) == (201, {"id": "thg_1", "name": "lamp", "version": 7})
    assert (answer["headers"]["ETag"], answer["headers"]["X-Request-Id"]) == ('"7"', "mine-1")
    (seen,) = shop.seen
    assert (seen.shop, seen.body, seen.request_id, seen.now) == ("demo", ThingBody(name="lamp", size=2), "mine-1", NOW)
    assert seen.key.value == "k-1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'name': 1}",
        '{"name": NaN}',
        '{"name": -Infinity}',
        '{"name": "lamp"} x',
        "[" * 100_000,
        '{"inside":' * 20_000,
        '{"size": ' + "9" * 5000 + "}",
        "\ud800",
        b"\xff\xfe\xfa",
        b"",
        "null x",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_json_is_a_400(shop: Shop, text: Any) -> None:
    assert code(shop.add(text)) == (400, "malformed_json")
    assert shop.seen == []


@pytest.mark.parametrize("depth", [*range(190, 210), *range(900, 1000, 7), 5000])
def test_no_depth_is_a_500(shop: Shop, depth: int) -> None:
    """The readers on the way have limits of their own; each ends in an answer."""
    body = '{"name":"a","inside":' * depth + "null" + "}" * depth
    assert shop.add(body)["statusCode"] in {201, 400, 422}


def test_base64_that_is_none_is_a_400(shop: Shop) -> None:
    event = request("POST", THINGS, {"shop": "demo"}, body=b"{}", headers={**JSON, "Idempotency-Key": "k"})
    for text in ("a", "\u20ac"):
        answer = shop.api.app({**event, "body": text}, None)
        assert code(answer) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], [("", "model_type")]),
        (None, []),
        ({}, [("/name", "missing")]),
        ({"name": 1}, [("/name", "string_type")]),
        ({"name": ""}, [("/name", "string_too_short")]),
        ({"name": "a", "size": True}, [("/size", "int_type")]),
        ({"name": "a", "size": "5"}, [("/size", "int_type")]),
        ({"name": "a", "size": 0.5}, [("/size", "int_type")]),
        ({"name": "a", "size": 0}, [("/size", "greater_than_equal")]),
        ({"name": "a", "size": -1}, [("/size", "greater_than_equal")]),
        ({"name": "a", "size": 10**40}, [("/size", "less_than_equal")]),
        ({"name": "a", "price": 1}, [("/price", "extra_forbidden")]),
        ({"name": "a", "a/b~c": 1}, [("/a~1b~0c", "extra_forbidden")]),
        ({"name": "a", "x" * 100_000: 1}, [("/" + "x" * 64, "extra_forbidden")]),
        ({"inside": {"name": 1}, "name": "a"}, [("/inside/name", "string_type")]),
    ],
    ids=str,
)
def test_what_is_json_but_not_ours_is_a_422_with_pointers(shop: Shop, body: Any, expected: list[tuple[str, str]]) -> None:
    found = errors(shop.add(json.dumps(body)))
    assert found == expected or (body is None and len(found) == 1)
    assert shop.seen == []


@pytest.mark.parametrize("text", ['{"name": "\\ud800"}', '{"name": 1e400}', '{"name": "a", "size": 1e30}', '{"name": "a", "size": -0.0}'])
def test_numbers_and_text_that_only_python_can_hold(shop: Shop, text: str) -> None:
    assert shop.add(text)["statusCode"] == 422


def test_at_most_twenty_errors_are_told(shop: Shop) -> None:
    assert len(errors(shop.add({f"n{i}": 1 for i in range(10_000)}))) == 20


def test_what_was_sent_is_not_repeated(shop: Shop) -> None:
    assert "hunter2" not in shop.add({"name": "hunter2" * 10, "size": "hunter2"})["body"]


def test_bodies_have_an_end(shop: Shop) -> None:
    assert code(shop.add({"name": "x" * 1024 * 1024})) == (413, "body_too_large")
    assert code(shop.call("POST", THINGS + "/{thing}/raw", path={"thing": "t"}, body=b"x" * 1001)) == (413, "body_too_large")


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "json", ";"])
def test_another_content_type_is_a_415(shop: Shop, sent: str) -> None:
    assert code(shop.call("POST", body='{"name": "a"}', headers={"Content-Type": sent, "Idempotency-Key": "k"})) == (
        415,
        "unsupported_media_type",
    )


@pytest.mark.parametrize("sent", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"])
def test_json_by_any_spelling(shop: Shop, sent: str) -> None:
    assert shop.call("POST", body='{"name": "a"}', headers={"content-TYPE": sent, "IDEMPOTENCY-key": "k"})["statusCode"] == 201


def test_base64_bodies_are_read(shop: Shop) -> None:
    assert shop.call("POST", body='{"name": "é"}'.encode(), headers={**JSON, "Idempotency-Key": "k"})["statusCode"] == 201
    shop.call("POST", THINGS + "/{thing}/raw", path={"thing": "t"}, body=b"\x00\xff")
    assert [seen.raw for seen in shop.seen] == ['{"name": "é"}'.encode(), b"\x00\xff"]


def test_an_idempotency_key_is_needed(shop: Shop) -> None:
    assert code(shop.add({"name": "a"}, key=None)) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "tab\t", "line\n", "\x7f", "\ud800"])
def test_an_idempotency_key_is_visible_ascii(shop: Shop, key: str) -> None:
    assert code(shop.add({"name": "a"}, key=key)) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize("key", ["!", "~" * 255])
def test_any_visible_ascii_is_a_key(shop: Shop, key: str) -> None:
    assert shop.add({"name": "a"}, key=key)["statusCode"] == 201


def test_a_replay_is_the_first_answer(shop: Shop) -> None:
    first, again = shop.add({"name": "a", "size": 2}), shop.add('{ "size":2,  "name":"a" }')
    assert (again["statusCode"], again["body"], again["headers"]["Idempotent-Replayed"]) == (201, first["body"], "true")
    assert "Idempotent-Replayed" not in first["headers"]
    assert (len(shop.seen), again["headers"]["ETag"]) == (1, first["headers"]["ETag"])


def test_a_key_is_of_one_shop_caller_and_path(shop: Shop) -> None:
    route = next(route for route in shop.api.routes if route.idempotent)
    callers = [Actor(kind=ActorKind.STAFF, id="key_1"), Actor(kind=ActorKind.STAFF, id="key_2"), ANONYMOUS]
    asked = [(name, caller, {"shop": name, "thing": thing}) for name in ("demo", "other") for caller in callers for thing in ("a", "b")]
    keys = [_key_of(route, {"idempotency-key": "k"}, name, caller, path, b"{}") for name, caller, path in asked]
    assert len({key.identity for key in keys}) == len(asked)


def test_a_refusal_is_not_kept(shop: Shop) -> None:
    shop.raises = Broken("It broke.")
    assert code(shop.add({"name": "a"})) == (409, "broken")
    shop.raises = None
    assert shop.add({"name": "a"})["statusCode"] == 201


def test_a_wrong_method_is_told_the_right_ones(shop: Shop) -> None:
    for method in ("PUT", "PATCH", "HEAD", "TRACE", "DELETE"):
        answer = shop.call(method)
        assert (code(answer), answer["headers"]["Allow"]) == ((405, "method_not_allowed"), "GET, POST")


def test_a_path_that_is_not_ours_is_a_404(shop: Shop) -> None:
    assert code(shop.call("GET", "/shops/{shop}/nothing")) == (404, "not_found")


@pytest.mark.parametrize("path", [None, {}, {"thing": "t"}, {"shop": "demo"}])
def test_missing_path_parameters_are_a_404(shop: Shop, path: dict[str, str] | None) -> None:
    event = {**request("GET", THINGS + "/{thing}", {"shop": "demo", "thing": "t"}), "pathParameters": path}
    assert code(shop.api.app(event, None)) == (404, "not_found")


@pytest.mark.parametrize(
    "name", ["other", "demo\n", "Demo", "d", "-demo", "demo-", "x" * 41, "de mo", "de/mo", "dämo", "demo%0a", "\ud800", ""]
)
def test_unknown_and_impossible_shops_get_the_same_answer(shop: Shop, name: str) -> None:
    answers = [shop.call("GET", shop=given) for given in (name, "unknown")]
    assert [code(answer) for answer in answers] == [(404, "not_found")] * 2
    assert answers[0]["body"] == answers[1]["body"]


@pytest.mark.parametrize("thing", ["t#x", "a b", "t\n", "x" * 129, "é", "a/b", "a:b", ""])
def test_impossible_ids_are_a_404(shop: Shop, thing: str) -> None:
    assert code(shop.call("GET", THINGS + "/{thing}", path={"thing": thing})) == (404, "not_found")
    assert shop.seen == []


@pytest.mark.parametrize("evil", ["", "a b", "x" * 129, "a\r\nSet-Cookie: b", "line\n", "{evil}", "é", "\ud800"])
def test_a_request_id_that_could_do_harm_is_not_taken(shop: Shop, evil: str) -> None:
    assert shop.call("GET", headers={"X-Request-Id": evil})["headers"]["X-Request-Id"] == REQUEST_ID


@pytest.mark.parametrize("card", ["4111111111111111", "4111-1111-1111-1111", "req-4242.4242.4242.4242:12/29", "+4111111111111111"])
def test_a_request_id_that_holds_a_card_is_not_taken(shop: Shop, logged: list[logging.LogRecord], card: str) -> None:
    assert shop.call("GET", headers={"X-Request-Id": card})["headers"]["X-Request-Id"] == REQUEST_ID
    assert [seen.request_id for seen in shop.seen] == [REQUEST_ID]
    shop.call("PUT", headers={"X-Request-Id": card})
    assert logged
    assert not [record for record in logged if card in record.text]


def test_a_request_id_is_echoed_in_problems(shop: Shop) -> None:
    answer = shop.call("GET", shop="other", headers={"x-request-id": "Root=1-6920:a/b+c.d_e"})
    assert json.loads(answer["body"])["request_id"] == "Root=1-6920:a/b+c.d_e"


def test_preflight_of_the_shops_own_origin(shop: Shop) -> None:
    answer = shop.call("OPTIONS", headers={"Origin": ORIGIN})
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert answer["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    assert answer["headers"]["Access-Control-Allow-Methods"] == "GET, POST"
    assert answer["headers"]["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("origin", "name"), [("https://evil.example", "demo"), ("null", "demo"), (ORIGIN + ".evil", "demo"), (ORIGIN, "other")]
)
def test_preflight_of_a_foreign_origin(shop: Shop, origin: str, name: str) -> None:
    answer = shop.call("OPTIONS", shop=name, headers={"Origin": origin})
    assert not [header for header in answer["headers"] if header.startswith("Access-Control")]


def test_problems_may_be_read_by_the_shops_own_origin(shop: Shop) -> None:
    shop.raises = Broken("It broke.")
    assert shop.call("GET", headers={"ORIGIN": ORIGIN})["headers"]["Access-Control-Allow-Origin"] == ORIGIN


def test_facts_become_members_and_never_the_standards_own(shop: Shop) -> None:
    shop.raises = Broken("It broke.", status="in pieces", code="x", lines=[1])
    body = json.loads(shop.call("GET")["body"])
    assert (body["status"], body["code"], body["lines"]) == (409, "broken", [1])


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [(UnavailableError("Busy.", retry_after=4), "4"), (Broken("Wait.", retry_after=1), "1"), (Broken("No."), None)],
)
def test_retry_after(shop: Shop, error: HoldfastError, retry_after: str | None) -> None:
    shop.raises = error
    assert shop.call("GET")["headers"].get("Retry-After") == retry_after


def test_an_unexpected_error_is_a_500_without_a_word_of_it(shop: Shop, logged: list[logging.LogRecord]) -> None:
    shop.raises = RuntimeError("pool exhausted at 10.0.0.7")
    answer = shop.call("POST", body={"name": "private-name"}, headers={**JSON, "Idempotency-Key": "k", "X-Secret-Token": "hush-hush"})
    assert code(answer) == (500, "internal_error")
    assert "10.0.0.7" not in answer["body"]
    assert [record.levelname for record in logged].count("ERROR") == 1
    written = "".join(record.text for record in logged)
    assert "RuntimeError" in written
    assert "private-name" not in written
    assert "hush-hush" not in written


def test_the_answer_survives_an_unreadable_allow_list(shop: Shop) -> None:
    shop.origins_raise = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetItem")
    assert shop.call("GET", headers={"Origin": ORIGIN})["statusCode"] == 200
    assert shop.call("PUT", headers={"Origin": ORIGIN})["statusCode"] == 405


def test_each_line_of_the_log_names_its_own_request(shop: Shop, logged: list[logging.LogRecord]) -> None:
    shop.call("GET", headers={"X-Request-Id": "first"})
    shop.call("PUT", shop="other", headers={"X-Request-Id": "second"})
    lines = [json.loads(record.text) for record in logged]
    assert [(line["request_id"], line["shop"]) for line in lines] == [("first", "demo"), ("second", "other")]


def test_a_guard_stands_before_the_body_is_read(shop: Shop) -> None:
    dropped = {"resource": THINGS + "/{thing}", "path": {"thing": "t"}}
    assert code(shop.call("DELETE", **dropped)) == (404, "not_found")
    answer = shop.call("DELETE", **dropped, headers={"X-SECRET-TOKEN": "hush"})
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert shop.seen[0].caller == Actor(kind=ActorKind.STAFF, id="key_1")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [({"limit": "0"}, "/limit"), ({"limit": "101"}, "/limit"), ({"limit": "x"}, "/limit"), ({"cursor": "c" * 6001}, "/cursor")],
)
def test_queries_are_checked(shop: Shop, query: dict[str, str], pointer: str) -> None:
    assert [error[0] for error in errors(shop.call("GET", query=query))] == [pointer]


def test_of_a_parameter_that_comes_twice_no_value_is_passed_over(shop: Shop) -> None:
    event = request("GET", THINGS, {"shop": "demo"}, query={"limit": "3"})
    for values, found in (["3"], [200, 3]), (["3", "4"], [422, None]):
        event["multiValueQueryStringParameters"] = {"limit": values}
        shop.seen.clear()
        answer = shop.api.app(event, None)
        assert [answer["statusCode"], shop.seen[0].query.limit if shop.seen else None] == found


def test_an_answer_may_be_text(shop: Shop) -> None:
    answer = shop.call("GET", THINGS + "/{thing}/text", path={"thing": "t"})
    assert (answer["statusCode"], answer["body"]) == (200, "thing ü")
    assert (answer["headers"]["Content-Type"], answer["headers"]["X-More"]) == ("text/plain; charset=utf-8", "no")


def test_headers_may_be_absent_altogether(shop: Shop) -> None:
    event = {**request("GET", THINGS, {"shop": "demo"}), "headers": None, "multiValueHeaders": None}
    assert shop.api.app(event, None)["statusCode"] == 200


def test_a_view_without_a_key_cannot_ask_for_it(shop: Shop) -> None:
    shop.call("GET")
    with pytest.raises(TypeError):
        assert shop.seen[0].key
