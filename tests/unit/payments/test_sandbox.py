"""The sandbox provider: signatures against a fixed vector and against garbage, and its words in ours."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.payments import working
from holdfast.payments.errors import SignatureInvalid, WebhookUnreadable
from holdfast.payments.model import EventState, News, ProviderEvent
from holdfast.payments.providers.sandbox import Sandbox, mapper, signature
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.settings import SandboxConfig
from holdfast.payments.receiving import ANOTHER_SHOP, receive
from tests.memory.engine import Memory
from tests.memory.payments import MemoryInbox
from tests.memory.samples import NOW

SECRET = "whsec-for-tests"
BODY = b'{"id":"evt_1"}'
VECTOR = "t=1767323045,v1=0063a553e894326d7ea77e1021d88dcff66bd9bf7eee73c6509e95b3862de3de"
STAMP = 1767323045


def test_the_signature_of_a_known_body() -> None:
    assert signature.sign(SECRET, BODY, NOW) == VECTOR
    signature.verify(SECRET, VECTOR, BODY, NOW)
    signature.verify(SECRET, ", ".join(reversed(VECTOR.split(","))), BODY, NOW)


@pytest.mark.parametrize("off", [-300, 300])
def test_five_minutes_either_way(off: int) -> None:
    signature.verify(SECRET, VECTOR, BODY, NOW + timedelta(seconds=off))
    with pytest.raises(SignatureInvalid):
        signature.verify(SECRET, VECTOR, BODY, NOW + timedelta(seconds=off + (1 if off > 0 else -1)))


DIGEST = VECTOR.partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ",",
        "=",
        "t=,v1=",
        f"t={STAMP}",
        f"v1={DIGEST}",
        f"t={STAMP},v1=",
        f"t={STAMP},v1={DIGEST[:-1]}",
        f"t={STAMP},v1={DIGEST[:-1]}é",
        f"t={STAMP},v1={DIGEST.upper()}",
        f"t={STAMP},v0={DIGEST}",
        f"t={STAMP + 1},v1={DIGEST}",
        f"t=-{STAMP},v1={DIGEST}",
        f"t={STAMP}.0,v1={DIGEST}",
        f"t=0{'9' * 40},v1={DIGEST}",
        f"t=١٧٦٧٣٢٣٠٤٥,v1={DIGEST}",
        f"t={STAMP},v1={DIGEST},v1=0",
        f"t={STAMP};v1={DIGEST}",
        "\x00\ud800",
    ],
)
def test_garbage_is_refused_in_the_same_words(header: str | None) -> None:
    with pytest.raises(SignatureInvalid, match="missing, too old, or not of this body"):
        signature.verify(SECRET, header, BODY, NOW)


@given(st.text(max_size=80))
def test_any_header_is_answered(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        signature.verify(SECRET, header, BODY, NOW)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    forged = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    with pytest.raises(SignatureInvalid):
        signature.verify(SECRET, VECTOR, forged, NOW)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(SignatureInvalid):
        signature.verify("another", VECTOR, BODY, NOW)


BOOK = Book(id="pay_1", shop="demo", order_id="ord_1", amount=1999, currency="EUR", status=News.SUCCEEDED, changed_at=NOW)


@pytest.mark.parametrize("news", [News.SUCCEEDED, News.FAILED, News.EXPIRED, News.REFUNDED])
def test_the_webhook_and_the_book_say_the_same(news: News) -> None:
    book = BOOK.model_copy(update={"status": news})
    raw = json.dumps(mapper.webhook_of(book)).encode()
    fact = mapper.fact_of_webhook(mapper.read_webhook(raw))
    assert fact == mapper.fact_of_book(book)
    assert (fact.news, fact.amount, fact.currency, fact.order, fact.payment) == (news, 1999, "EUR", "ord_1", "pay_1")
    assert mapper.webhook_of(book) == mapper.webhook_of(book)


def changed(**data: Any) -> bytes:
    webhook = mapper.webhook_of(BOOK)
    return json.dumps({**webhook, "data": {**webhook["data"], **data}}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"id": "evt"}',
        changed(amount=19.99),
        changed(amount="1999"),
        changed(amount=True),
        changed(amount=-1),
        changed(currency="eur"),
        changed(payment_id=None),
        json.dumps({**mapper.webhook_of(BOOK), "type": "payment.invented"}).encode(),
        json.dumps({**mapper.webhook_of(BOOK), "id": ""}).encode(),
        json.dumps({**mapper.webhook_of(BOOK), "id": "x" * 256}).encode(),
    ],
)
def test_what_is_no_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(WebhookUnreadable) as unreadable:
        mapper.read_webhook(raw)
    assert unreadable.value.__cause__ is None  # the body's content goes into no log


def sandbox() -> Sandbox:
    return Sandbox(None, SandboxConfig(secret=lambda: SECRET))  # type: ignore[arg-type]


def delivered(memory: Memory, raw: bytes, shop: str = "demo") -> tuple[ProviderEvent, list[ProviderEvent]]:
    passed_on: list[ProviderEvent] = []
    headers = {"x-sandbox-signature": signature.sign(SECRET, raw, NOW)}
    event = receive(shop, headers, raw, provider=sandbox(), inbox=MemoryInbox(memory), pass_on=passed_on.append, now=NOW)
    return event, passed_on


def test_an_event_is_stored_once_and_passed_on_until_it_was_worked_at() -> None:
    memory, raw = Memory(), json.dumps(mapper.webhook_of(BOOK)).encode()
    event, passed_on = delivered(memory, raw)
    assert passed_on == [event]
    assert event.raw.encode() == raw
    assert delivered(memory, raw) == (event, [event])
    working.ended(event, EventState.IGNORED, "known already", inbox=MemoryInbox(memory), now=NOW)
    again, passed_on = delivered(memory, raw)
    assert (again.state, passed_on) == (EventState.IGNORED, [])


def test_an_event_of_another_shop_is_kept_and_not_worked_at() -> None:
    event, passed_on = delivered(Memory(), json.dumps(mapper.webhook_of(BOOK)).encode(), shop="other")
    assert (event.state, event.reason, passed_on) == (EventState.IGNORED, ANOTHER_SHOP, [])


def test_a_forged_event_is_not_stored() -> None:
    memory, raw = Memory(), json.dumps(mapper.webhook_of(BOOK)).encode()
    headers = {"x-sandbox-signature": signature.sign("forged", raw, NOW)}
    with pytest.raises(SignatureInvalid):
        receive("demo", headers, raw, provider=sandbox(), inbox=MemoryInbox(memory), pass_on=lambda _: None, now=NOW)
    assert memory.rows == {}
