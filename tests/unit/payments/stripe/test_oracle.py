"""Stripe's own library is pointed at the fake: what it asks is what we ask, and what it reads is what we read."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe

from holdfast.payments.accounts import Keyring
from holdfast.payments.model import News
from holdfast.payments.providers.stripe import Stripe
from holdfast.platform.calling import PartnerUnreadable
from tests.unit.payments.stand_in import called
from tests.unit.payments.stripe.samples import EUR, KEYS, NOW, ORDER, World, wish


class ToTheFake(stripe.HTTPClient):  # type: ignore[name-defined, misc]
    """The library's way to the net."""

    name = "fake"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.bodies: list[list[tuple[str, str]]] = []

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        body = (post_data or "").encode()
        self.bodies.append(sorted(parse_qsl(body.decode())))
        answer = self.world.fake.answer(called(method.upper(), url, headers or {}, body))
        return answer.body.decode(), answer.status, answer.headers

    def close(self) -> None: ...


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wire(world: World) -> ToTheFake:
    return ToTheFake(world)


@pytest.fixture
def library(wire: ToTheFake) -> stripe.StripeClient:
    return stripe.StripeClient(KEYS.secret_key, http_client=wire, max_network_retries=0)


ASKED: Any = {
    "mode": "payment",
    "client_reference_id": ORDER,
    "success_url": f"https://shop.example/thanks/{ORDER}",
    "cancel_url": "https://shop.example/cart",
    "line_items": [{"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 1999, "product_data": {"name": "A-1042"}}}],
    "adaptive_pricing": {"enabled": False},
    "metadata": {"shop": "demo", "order": ORDER},
    "payment_intent_data": {"metadata": {"shop": "demo", "order": ORDER}},
    "expires_at": int((NOW + timedelta(minutes=46)).timestamp()),
    "customer_email": "zoe@example.org",
}


def test_the_library_asks_for_a_page_in_the_same_words(world: World, wire: ToTheFake, library: stripe.StripeClient) -> None:
    made = library.v1.checkout.sessions.create(ASKED)
    world.stripe.create(wish(), NOW)
    assert wire.bodies[-1] == sorted(parse_qsl(world.line.calls[-1].body.decode()))
    assert (made.amount_total, made.currency, made.status, made.payment_status) == (1999, "eur", "open", "unpaid")


def test_the_library_pins_the_same_version() -> None:
    assert stripe.api_version == "2026-10-28.endive"


def test_the_library_reads_what_we_read(world: World, library: stripe.StripeClient) -> None:
    payment = world.paid()
    given = world.stripe.refund(payment, EUR, "ord#r1")
    fact = world.stripe.status(payment)
    session = library.v1.checkout.sessions.retrieve(payment, {"expand": ["payment_intent.latest_charge"]})
    intent: Any = session.payment_intent
    assert (session.payment_status, intent.status, intent.id) == ("paid", "succeeded", fact.charge)
    assert (intent.latest_charge.amount_refunded, fact.refunded, fact.news) == (1999, 1999, News.REFUNDED)
    assert [(one.id, one.metadata["key"]) for one in library.v1.refunds.list({"payment_intent": intent.id})] == [(given.ref, "ord#r1")]


def test_a_page_of_the_library_is_ours_when_it_says_so(world: World, library: stripe.StripeClient) -> None:
    session = library.v1.checkout.sessions.create(ASKED)
    world.fake.act(session.id, "pay")
    assert world.stripe.status(session.id).order == ORDER


def test_the_library_walks_the_same_list(world: World, library: stripe.StripeClient) -> None:
    made = [world.made(order=f"ord_{number}") for number in range(120)]
    listed = library.v1.checkout.sessions.list({"limit": 100, "created": {"gte": int(NOW.timestamp()), "lt": int(NOW.timestamp()) + 1}})
    assert [session.id for session in listed.auto_paging_iter()] == made[::-1]
    assert len(listed.data) == 100


def test_the_library_is_refused_what_we_are_refused(world: World, library: stripe.StripeClient) -> None:
    payment = world.made()
    stranger = stripe.StripeClient("sk_test_stranger", http_client=ToTheFake(world), max_network_retries=0)
    refused: list[tuple[type[Exception], Any]] = [
        (stripe.AuthenticationError, lambda: stranger.v1.checkout.sessions.retrieve(payment)),
        (stripe.InvalidRequestError, lambda: library.v1.checkout.sessions.retrieve("cs_test_nobody")),
        (stripe.InvalidRequestError, lambda: library.v1.refunds.create({"payment_intent": "pi_nobody"})),
        (stripe.InvalidRequestError, lambda: library.v1.checkout.sessions.create({**ASKED, "expires_at": 5})),
        (stripe.InvalidRequestError, lambda: library.v1.checkout.sessions.create({**ASKED, "invented": "x"})),
    ]
    for error, ask in refused:
        with pytest.raises(error):
            ask()


def test_a_key_that_is_used_for_something_else_is_refused(world: World, library: stripe.StripeClient) -> None:
    """The rule that a payment's key carries all its parameters for."""
    library.v1.checkout.sessions.create(ASKED, {"idempotency_key": "ord"})
    with pytest.raises(stripe.IdempotencyError):
        library.v1.checkout.sessions.create({**ASKED, "cancel_url": "https://x.example"}, {"idempotency_key": "ord"})
    world.pass_by(days=2)
    later = {**ASKED, "cancel_url": "https://x.example", "expires_at": int(world.now.timestamp()) + 3600}
    assert library.v1.checkout.sessions.create(later, {"idempotency_key": "ord"}).status == "open"


def test_a_version_that_is_none_is_refused(world: World) -> None:
    connector = Stripe(Keyring(KEYS), world.line)
    connector._api._headers = lambda: {"Authorization": f"Bearer {KEYS.secret_key}", "Stripe-Version": "latest"}  # type: ignore[method-assign]
    with pytest.raises(PartnerUnreadable):
        connector.create(wish(), NOW)
