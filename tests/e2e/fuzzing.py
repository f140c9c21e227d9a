"""What makes a drawn request one that somebody could send: ids that exist, the tokens that open them, bodies signed by the provider.

Drawn alone, a request meets a 404 or a 401 and says nothing of what is behind. So most get good values, and the rest stay as drawn.
What exists is learned from the API's own answers, and good bodies are the contract's examples: a new route needs no line here.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from schemathesis import Case, Response
from schemathesis.core import NOT_SET
from schemathesis.schemas import APIOperation

from holdfast.kernel.time import utc_now
from holdfast.notifications import guards
from holdfast.payments.providers.sandbox import signature
from holdfast.platform.tokens import Tokens

T = TypeVar("T")
OF_KIND = {"ord": "order", "cks": "session", "lck": "lock", "pay": "payment"}
OUR_ID = re.compile(r"(ord|cks|lck|pay)_[0-9A-Z]{26}")
TOKENS = {"X-Checkout-Token": "checkout_token", "X-CSRF-Token": "csrf_token", "X-Order-Token": "order_token"}
IN_LINKS = "token"
MOSTLY, SELDOM = 0.95, 0.05
GOOD: Mapping[str, Sequence[Any]] = {
    "provider": ["sandbox"],
    "currency": ["EUR"],
    "country": ["DE"],
    "quantity": [1, 2, 3],
    "enabled": [True],
}
FACTS = ("_token", "_id")
LATEST = 8
"""Of what exists the youngest are asked for: the oldest have been cancelled and used up."""


@dataclass(repr=False)
class Shelf:
    """What exists by now. `parts`: for the last parameter of a path, the values that belong together. `facts`: of a thing, by its id."""

    shop: str
    foreign_shop: str
    api_keys: Mapping[str, str]
    foreign_key: str
    secret: str
    tokens: Tokens
    skus: Sequence[str]
    paths: Sequence[str]
    random: Random
    parts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    webhooks: list[Any] = field(default_factory=list)
    keys_given: int = 0
    sure: int | None = None
    """Good values everywhere, and those that came so many before the last; None: as chance will have it."""

    # learning

    def learn(self, case: Case, answer: Response) -> None:
        """From a success: which ids there are now, and what opens them."""
        if "etag" in answer.headers:
            self.etags[case.formatted_path] = answer.headers["etag"][0]
        if not (200 <= answer.status_code < 300 and answer.content.startswith(b"{")):
            return
        body = answer.json()
        if body.get("next"):
            self.cursors[case.formatted_path] = body["next"]
        for thing in [body, *(body.get("items") or [])]:
            self._learn_children(case, thing)
        self.learn_about(body)

    def learn_about(self, thing: Any) -> None:
        """Whatever stands in it, at any depth."""
        for value in inside(thing):
            self._learn_value(value)

    def _learn_children(self, case: Case, thing: Mapping[str, Any]) -> None:
        """What a collection answers are values for the parameter behind it."""
        for path in self.paths:
            name = re.match(re.escape(case.path) + r"/\{(\w+)\}", path)
            value = name and (thing.get(name[1]) or thing.get("id"))
            if name and isinstance(value, str):
                self._keep(name[1], {**case.path_parameters, name[1]: value})

    def _learn_value(self, value: Any) -> None:
        if isinstance(value, str) and (found := OUR_ID.fullmatch(value)):
            self._keep(OF_KIND[found[1]], {OF_KIND[found[1]]: value})
        if isinstance(value, dict):
            self._learn_facts(value, str(value.get("id") or value.get("job")))
            if isinstance(value.get("webhook"), dict):
                self.webhooks.append(json.loads(value["webhook"]["body"]))

    def _learn_facts(self, thing: Mapping[str, Any], name: str) -> None:
        """Its tokens, and the ids of what belongs to it."""
        known = self.facts.setdefault(name, {})
        known |= {member: value for member, value in thing.items() if member.endswith(FACTS) and isinstance(value, str)}
        known |= {f"{member}_id": value["id"] for member, value in thing.items() if isinstance(value, dict) and "id" in value}

    def _keep(self, name: str, values: dict[str, str]) -> None:
        known, values = self.parts.setdefault(name, []), {key: value for key, value in values.items() if key != "shop"}
        if values not in known:
            known.append(values)

    # filling

    def chance(self, share: float) -> bool:
        return self.random.random() < share if self.sure is None else share >= 0.5

    def choice(self, values: Sequence[T]) -> T:
        return self.random.choice(values) if self.sure is None else values[-1 - self.sure % len(values)]

    def fill(self, case: Case) -> Case:
        """The drawn request with good values in most places."""
        case.path_parameters = self._path(case.path_parameters)
        for header in caller_headers(case.operation):
            if header == IN_LINKS:
                case.query |= {IN_LINKS: token} if (token := self._link_token(case)) is not None else {}
            else:
                self._put_header(case, header, self._token(header, case.path_parameters))
        for parameter in parameters_of(case.operation):
            self._put_parameter(case, parameter)
        if "providerSignature" in schemes_of(case.operation):
            self._sign(case)
        elif case.body is not NOT_SET:
            known = {fact: value for part in case.path_parameters.values() for fact, value in self.facts.get(str(part), {}).items()}
            case.body = self._bettered(case.body, known)
            if f"{case.path}/{{sku}}" in self.paths and isinstance(case.body, dict) and self.chance(MOSTLY):
                case.body["sku"] = f"NEW-{self.random.getrandbits(32):x}"
        return case

    def exemplify(self, case: Case) -> Case:
        """With a body that the contract shows, where it shows one."""
        shown = list(examples_of(case.operation))
        if shown:
            case.body, case.media_type = copy.deepcopy(self.choice(shown)), "application/json"
        return case

    def _path(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        filled = dict(drawn)
        for name, value in drawn.items():
            known = self.parts.get(name, [])
            good: Sequence[Mapping[str, str]] = [values for values in known if values[name] == value] or known[-LATEST:]
            if name == "shop":
                good = [{"shop": self.foreign_shop if self.chance(SELDOM) else self.shop}]
            elif name == "provider":
                good = [{"provider": "sandbox"}]
            elif name == "sku":
                good = [{"sku": sku} for sku in self.skus]
            if good and self.chance(MOSTLY):
                filled |= self.choice(good)
        return {name: filled[name] for name in drawn}

    def _token(self, header: str, path: Mapping[str, Any]) -> str | None:
        """The one that opens what the path names; seldom another one, or none."""
        if self.chance(SELDOM):
            return self.choice([None, "", "nonsense", self.foreign_key])
        if header == "X-Api-Key":
            return self.api_keys["admin"] if self.chance(MOSTLY) else self.choice(sorted(self.api_keys.values()))
        known = [self.facts.get(str(value), {}).get(TOKENS[header]) for value in path.values()]
        return next(filter(None, known), None)

    def _link_token(self, case: Case) -> str | None:
        """As it stands in the links of a customer's mails; seldom another one, or none."""
        if self.chance(SELDOM):
            return self.choice([None, "", "nonsense"])
        purpose = guards.UNSUBSCRIBE if case.path.endswith("/unsubscribe") else guards.PREFERENCES
        return self.tokens.mint(purpose, str(case.path_parameters["shop"]), str(case.path_parameters["customer"]))

    def _put_header(self, case: Case, header: str, value: str | None) -> None:
        if value is None:
            case.headers.pop(header, None)
        else:
            case.headers[header] = value

    def _put_parameter(self, case: Case, name: str) -> None:
        if not self.chance(MOSTLY):
            return
        if name == "Idempotency-Key":
            self.keys_given += 1
            case.headers[name] = f"fuzz-{self.keys_given}"
        elif name == "If-Match":
            self._put_header(case, name, self.choice([None, self.etags.get(case.formatted_path)]))
        elif name == "cursor":
            case.query.pop(name, None)
            if case.formatted_path in self.cursors and self.chance(0.5):
                case.query[name] = self.cursors[case.formatted_path]

    def _bettered(self, body: Any, known: Mapping[str, str], name: str = "") -> Any:
        """SKUs that are sold, a provider that is there, quantities that may be had, tokens that open."""
        if isinstance(body, dict):
            return {name: self._bettered(value, known, name) for name, value in body.items()}
        if isinstance(body, list):
            better = [self._bettered(item, known, name.removesuffix("s")) for item in body]
            return self._apart(better) if all_of_skus(better) else better
        good = [known[name]] if name in known else GOOD.get(name, self.skus if name == "sku" else ())
        if good and isinstance(body, type(good[0])) and self.chance(MOSTLY):
            return self.choice(good)
        # 3.0 is an integer to JSON Schema; we take 3.
        return int(body) if isinstance(body, float) and body.is_integer() and self.chance(MOSTLY) else body

    def _apart(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Lines, rows: a SKU twice is refused, or is one line."""
        mine = self.random.sample(self.skus, len(self.skus))
        return [row | {"sku": mine.pop()} if mine and row["sku"] in self.skus else row for row in rows]

    def _sign(self, case: Case) -> None:
        """A true event most of the time; what was drawn is signed as well, so that what is behind the signature has to cope."""
        if self.webhooks and self.chance(0.5):
            case.body, case.media_type = copy.deepcopy(self.choice(self.webhooks[-LATEST:])), "application/json"
        if self.chance(MOSTLY) and case.body is not NOT_SET:
            raw = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
            case.body = raw
            case.headers[signature.HEADER] = signature.sign(self.secret, raw, utc_now())


def inside(thing: Any) -> Iterator[Any]:
    yield thing
    if isinstance(thing, dict | list):
        for inner in thing.values() if isinstance(thing, dict) else thing:
            yield from inside(inner)


def all_of_skus(items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) and isinstance(item.get("sku"), str) for item in items)


def links_of(operation: APIOperation) -> dict[str, dict[str, str]]:
    """Route -> where its path parameters stand in what this operation answers: JSON pointers."""
    labels = {
        other["operationId"]: f"{method.upper()} {path}"
        for path, methods in operation.schema.raw_schema["paths"].items()
        for method, other in methods.items()
    }
    return {
        labels[link["operationId"]]: {
            name: where.removeprefix("$response.body#/")
            for name, where in link["parameters"].items()
            if where.startswith("$response") and not name.startswith("header.")
        }
        for response in operation.definition.raw["responses"].values()
        for link in response.get("links", {}).values()
    }


def linked(case: Case, answer: Response) -> dict[str, dict[str, str]]:
    """Route -> path parameters, of what a success leads to."""
    if not 200 <= answer.status_code < 300:
        return {}
    return {
        route: {name: at(answer.json(), pointer) for name, pointer in places.items()} for route, places in links_of(case.operation).items()
    }


def at(body: Any, pointer: str) -> Any:
    for name in pointer.split("/"):
        body = body[name]
    return body


def names_in(path: str) -> list[str]:
    return [part.strip("{}") for part in path.split("/") if part.startswith("{")]


def schemes_of(operation: APIOperation) -> list[str]:
    return [scheme for alternative in operation.definition.raw.get("security", []) for scheme in alternative]


def caller_headers(operation: APIOperation) -> list[str]:
    """By which its caller is known; the provider signs instead."""
    schemes = operation.schema.raw_schema["components"]["securitySchemes"]
    named = [schemes[name]["name"] for name in schemes_of(operation) if name != "providerSignature"]
    return [*named, *(["X-CSRF-Token"] if "X-Checkout-Token" in named else [])]


def parameters_of(operation: APIOperation) -> list[str]:
    shared = operation.schema.raw_schema["components"]["parameters"]
    return [(shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one)["name"] for one in operation.definition.raw["parameters"]]


def examples_of(operation: APIOperation) -> Iterator[Any]:
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in content.get("examples", {}).values():
        yield example["value"]
