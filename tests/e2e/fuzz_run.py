"""One run of the contract's fuzz: how it sends, what it holds the answers against, how it gets through all routes in time."""

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import Case, Response
from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as standard

from infra.local.client import Json
from infra.local.story import World, eventually
from tests.e2e.fuzzing import Shelf, linked, names_in

ANSWER_SECONDS = 60.0
LEAST = 5
"""Drawn requests of a route, on a slow machine as well; one where no time is left."""
ENOUGH = 10
"""Wrong answers of one route, and no more are asked for."""
FRESH_SECONDS = 6.0
"""Shorter than a hold."""
UNSETTLED = ("pending_payment", "paid")


def refuses_what_the_contract_refuses(_: CheckContext, answer: Response, case: Case) -> None:
    """A body that breaks its documented schema has no success."""
    if not 200 <= answer.status_code < 300 or case.body is NOT_SET or case.media_type != "application/json":
        return
    if "requestBody" not in case.operation.definition.raw:
        return
    schema = case.operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
    broken = list(
        Draft202012Validator({**schema, "components": case.operation.schema.raw_schema["components"]}).iter_errors(read(case.body))
    )
    assert not broken, f"accepted, although the contract says: {broken[0].message}"


def read(body: Any) -> Any:
    """What is signed is bytes."""
    try:
        return json.loads(body) if isinstance(body, bytes) else body
    except ValueError:
        return None


CHECKS = [
    not_a_server_error,
    standard.status_code_conformance,
    standard.content_type_conformance,
    standard.response_headers_conformance,
    standard.response_schema_conformance,
    refuses_what_the_contract_refuses,
]


@dataclass(repr=False)
class Fuzz:
    """One run: what it knows, where it sends, what it saw. `wrong`: what the present test has found, each kind once."""

    shelf: Shelf
    world: World
    base_url: str
    seed: int
    session: requests.Session
    operations: dict[str, APIOperation]
    seen: dict[str, Counter[int]] = field(default_factory=dict)
    wrong: dict[str, FailureGroup] = field(default_factory=dict)
    faults: int = 0
    unsent: int = 0
    spent: float = 0.0
    bought: float = 0.0
    orders: int = 0
    newest: str = ""

    def send(self, case: Case) -> Response:
        answer = case.call(base_url=self.base_url, session=self.session, timeout=ANSWER_SECONDS)
        self.seen.setdefault(f"{case.method} {case.path}", Counter())[answer.status_code] += 1
        self.shelf.learn(case, answer)
        self.judge(case, answer)
        return answer

    def judge(self, case: Case, answer: Response) -> None:
        try:
            case.validate_response(answer, checks=CHECKS, transport_kwargs={"base_url": self.base_url, "session": self.session})
        except FailureGroup as found:
            self.faults += 1
            for failure in found.exceptions:
                self.wrong.setdefault(f"{failure.operation}: {failure.title}", found)

    def granted(self, route: str) -> bool:
        return any(200 <= status < 300 for status in self.seen.get(route, ()))

    @contextmanager
    def trial(self) -> Iterator[None]:
        """One test: what went wrong in it is told at its end, each kind once and with a curl line."""
        self.wrong, self.faults, began = {}, 0, time.monotonic()
        yield
        self.spent += time.monotonic() - began
        if self.wrong:
            pytest.fail("\n".join([*self.wrong, *map(str, self.wrong.values()), f"Repeat: --hypothesis-seed={self.seed}"]), pytrace=False)

    def draw(self, examples: int, seconds: float, make: Callable[[st.DataObject], list[Case]]) -> None:
        """Sends what `make` draws, one after the other, as long as there is time; each leads to the next by the contract's links.

        Nothing is drawn again to shrink it: what an answer was depends on what went before.
        """
        until, drawn_so_far = time.monotonic() + seconds, count()

        @hypothesis.settings(
            max_examples=examples, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @hypothesis.seed(self.seed)
        @given(st.data())
        def send_all(data: st.DataObject) -> None:
            cases, number = make(data), next(drawn_so_far)
            if self.faults < ENOUGH and (number < (LEAST if seconds else 1) or time.monotonic() < until):
                self.go(cases)
            else:
                self.unsent += 1

        send_all()

    def go(self, cases: Iterable[Case]) -> None:
        found: dict[str, dict[str, str]] = {}
        for case in cases:
            case.path_parameters |= found.get(case.operation.label, {})
            found |= linked(case, self.send(self.shelf.fill(case)))

    def knock(self, route: str, times: int) -> None:
        """As somebody would who knows what he wants: the contract's examples, and what exists."""
        operation, path = self.operations[route], route.partition(" ")[2]
        for self.shelf.sure in range(times if names_in(path) else 1):
            self.go([self.shelf.exemplify(operation.Case(path_parameters=dict.fromkeys(names_in(path), "x")))])
        self.shelf.sure = None

    def somebody_buys(self) -> None:
        """So that there is a hold that lives, an order that is delivered in part and owed in part, and one that waits for its parcel.

        Of what the fuzz does not know, and so does not change.
        """
        if time.monotonic() - self.bought < FRESH_SECONDS and self.shelf.parts["order"][-1]["order"] == self.newest:
            return
        self.bought, self.orders = time.monotonic(), self.orders + 1
        delivered, owed, parcel = self.world.skus[:3]
        paid = self._order({parcel: 1} if self.orders % 2 else {delivered: 1, owed: 1})
        if paid:
            self.world.api.pay(paid)
            eventually(lambda: self.world.api.read_order(paid), lambda seen: seen["status"] not in UNSETTLED, "a payment to be worked at")
        self._order({delivered: 1})
        self.shelf.learn_about(self.world.api.holds())

    def _order(self, lines: dict[str, int]) -> Json:
        """Empty if the shop has become one where nobody can buy; what was never granted for that is told at the end."""
        session = self.world.api.open_session(lines, "fuzz@example.com")
        order = self.world.api.place(session, accept_partial=True)
        if order.status != 201:
            return {}
        self.shelf.learn_about([session, order.json])
        self.newest = order.json["id"]
        return order.json


def loaded(document: dict[str, Any]) -> dict[str, APIOperation]:
    schema = schemathesis.openapi.from_dict(copy.deepcopy(document))
    schema.config.output.sanitization.update(enabled=False)  # a curl line that cannot be sent repeats nothing
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found}
