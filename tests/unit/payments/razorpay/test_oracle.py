"""Razorpay's own library is pointed at the fake: what it asks is what we ask, and what it reads is what we read."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
import razorpay as library
from razorpay.errors import BadRequestError

from holdfast.payments.model import News
from tests.unit.payments.razorpay.samples import INR, KEYS, NOW, ORDER, World, wish
from tests.unit.payments.stand_in import called


class Response:
    def __init__(self, status: int, body: bytes) -> None:
        self.status_code, self._body = status, body

    def json(self) -> Any:
        return json.loads(self._body)


class ToTheFake:
    """The library's session."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bodies: list[Any] = []

    def get(self, url: str, *, auth: tuple[str, str], verify: str, params: Any = None, headers: Any = None) -> Response:
        return self._send("GET", f"{url}?{urlencode(params)}" if params else url, auth, headers or {}, None)

    def post(self, url: str, *, auth: tuple[str, str], verify: str, data: Any = None, headers: Any = None) -> Response:
        self.bodies.append(json.loads(data))
        return self._send("POST", url, auth, {"Content-type": "application/json", **(headers or {})}, data.encode())

    def _send(self, method: str, url: str, auth: tuple[str, str], headers: Any, body: bytes | None) -> Response:
        basic = base64.b64encode(":".join(auth).encode()).decode()
        answer = self._world.fake.answer(called(method, url, {**headers, "Authorization": f"Basic {basic}"}, body))
        return Response(answer.status, answer.body)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def session(world: World) -> ToTheFake:
    return ToTheFake(world)


@pytest.fixture
def client(session: ToTheFake) -> Any:
    return library.Client(session=session, auth=(KEYS.key_id, KEYS.key_secret))


ASKED = {"amount": 199_900, "currency": "INR", "receipt": ORDER, "notes": {"shop": "demo", "order": ORDER, "number": "A-1042"}}


def test_the_library_asks_for_an_order_in_the_same_words(world: World, session: ToTheFake, client: Any) -> None:
    made = client.order.create(ASKED)
    assert world.razorpay.create(wish(), NOW).id == made["id"]  # it is found by its receipt
    elsewhere = World()
    elsewhere.razorpay.create(wish(), NOW)
    assert session.bodies[-1] == json.loads(elsewhere.line.calls[-1].body)


def test_the_library_reads_what_we_read(world: World, client: Any) -> None:
    payment = world.paid()
    given = world.razorpay.refund(payment, INR, "ord#r1")
    fact = world.razorpay.status(payment)
    (paid,) = client.order.payments(payment)["items"]
    assert (paid["id"], paid["amount"], paid["amount_refunded"], fact.news) == (fact.charge, 199_900, fact.refunded, News.REFUNDED)
    assert client.order.fetch(payment)["status"] == "paid"
    assert [one["id"] for one in client.payment.fetch_multiple_refund(fact.charge)["items"]] == [given.ref]
    assert client.payment.fetch(fact.charge)["order_id"] == payment


def test_an_order_of_the_library_is_ours_when_it_says_so(world: World, client: Any) -> None:
    payment = client.order.create(ASKED)["id"]
    world.fake.act(payment, "authorize")
    client.payment.capture(world.razorpay.status(payment).charge, 199_900, {"currency": "INR"})
    assert world.razorpay.status(payment).news is News.SUCCEEDED


def test_the_library_sees_the_same_disputes_and_lists(world: World, client: Any) -> None:
    payments = [world.paid(order=f"ord_{number}") for number in range(3)]
    world.fake.act(payments[1], "dispute")
    (dispute,) = client.dispute.all()["items"]
    assert [one.id for one in world.razorpay.status(payments[1]).disputes] == [dispute["id"]]
    assert [order["id"] for order in client.order.all({"count": 2, "skip": 1})["items"]] == [payments[1], payments[0]]


def test_the_library_is_refused_what_we_are_refused(world: World, session: ToTheFake, client: Any) -> None:
    payment = world.made()
    stranger = library.Client(session=session, auth=(KEYS.key_id, "another"))
    for ask in (
        lambda: stranger.order.fetch(payment),
        lambda: client.order.fetch("order_00000000000000"),
        lambda: client.order.create({**ASKED, "amount": 99}),
        lambda: client.order.create({**ASKED, "amount": 199.0}),
        lambda: client.order.create({**ASKED, "receipt": "x" * 41}),
        lambda: client.order.create({**ASKED, "invented": 1}),
        lambda: client.order.create({**ASKED, "notes": {str(number): "x" for number in range(16)}}),
        lambda: client.order.all({"count": 101}),
    ):
        with pytest.raises(BadRequestError):
            ask()


def test_a_key_of_a_refund_that_razorpay_does_not_take(world: World, client: Any) -> None:
    """The rules that our keys are hashed for."""
    charge = world.razorpay.status(world.paid()).charge
    for key in ("short", "ord_01#due#1", "é" * 12):
        with pytest.raises(BadRequestError):
            client.payment.refund(charge, {"amount": 100}, headers={"X-Refund-Idempotency": key})
    for _ in range(2):
        client.payment.refund(charge, {"amount": 100}, headers={"X-Refund-Idempotency": "0123456789"})
    assert client.payment.fetch(charge)["amount_refunded"] == 100
    with pytest.raises(BadRequestError):
        client.payment.refund(charge, {"amount": 200}, headers={"X-Refund-Idempotency": "0123456789"})
