"""Taking events in: what is kept, what is passed on, and secrets that were changed a moment ago."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.payments.errors import SignatureInvalid
from holdfast.payments.model import EventState, News, ProviderEvent, ProviderFact, Told
from holdfast.payments.receiving import ANOTHER_SHOP, ANOTHER_WORLD, NOT_OURS, receive
from holdfast.wiring import providers as wiring
from holdfast.wiring.providers import READ_AGAIN, SEEN_FOR, Providers, Wire
from tests.memory.bank import Bank
from tests.memory.engine import Memory
from tests.memory.payments import MemoryInbox
from tests.memory.samples import NOW

FACT = ProviderFact(shop="demo", order="ord_1", payment="pay_1", news=News.SUCCEEDED, amount=1999, currency="EUR")
TOLD = Told("evt_1", "paid", live=True, payment="pay_1", fact=FACT)


class Signed(Bank):
    """A bank that knows one secret, sent as it is."""

    def __init__(self, secret: str, told: Told = TOLD, live: bool = True) -> None:
        super().__init__(name="bank", live=live)
        self.secret, self.told = secret, told

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        self.asked.append("verify")
        if headers.get("secret") != self.secret:
            raise SignatureInvalid("no")
        return self.told


def taken(memory: Memory, provider: Any, raw: bytes = b"{}", secret: str = "now", **how: Any) -> tuple[ProviderEvent, list[ProviderEvent]]:
    passed_on: list[ProviderEvent] = []
    inbox = MemoryInbox(memory)
    event = receive("demo", {"secret": secret}, raw, provider=provider, inbox=inbox, pass_on=passed_on.append, now=NOW, **how)
    return event, passed_on


@pytest.mark.parametrize(
    ("told", "live", "reason"),
    [
        (Told("evt_1", "paid", False, "pay_1", FACT), True, ANOTHER_WORLD),
        (TOLD, False, ANOTHER_WORLD),
        (Told("evt_1", "paid", True, "pay_1", FACT.model_copy(update={"shop": "other"})), True, ANOTHER_SHOP),
        (Told("evt_1", "payout.paid", True), True, NOT_OURS),
    ],
)
def test_what_was_signed_and_is_none_of_our_business_is_kept_as_evidence(told: Told, live: bool, reason: str) -> None:
    memory = Memory()
    event, passed_on = taken(memory, Signed("now", told, live), b'{"evidence": 1}')
    assert (event.state, event.reason, event.raw, passed_on) == (EventState.IGNORED, reason, '{"evidence": 1}', [])
    assert taken(memory, Signed("now", told, live)) == (event, [])


def test_bytes_that_are_no_text_are_kept_to_the_byte() -> None:
    raw = bytes(range(256))
    event, _ = taken(Memory(), Signed("now"), raw)
    assert (event.encoded, base64.b64decode(event.raw)) == (True, raw)


@pytest.mark.parametrize("state", [state for state in EventState if state is not EventState.RECEIVED])
def test_only_what_nobody_worked_at_is_passed_on_again(state: EventState) -> None:
    memory = Memory()
    event, _ = taken(memory, Signed("now"))
    MemoryInbox(memory).save(event.model_copy(update={"state": state, "version": 2}))
    again, passed_on = taken(memory, Signed("now"))
    assert (again.state, passed_on) == (state, [])


def test_the_first_body_of_an_event_stands() -> None:
    memory = Memory()
    first, _ = taken(memory, Signed("now"), b"first")
    assert taken(memory, Signed("now"), b"second")[0] == first


# Secrets that were changed a moment ago.


def test_a_secret_that_is_new_is_known_at_once() -> None:
    fresh = Signed("new")
    event, passed_on = taken(Memory(), Signed("old"), secret="new", fresh=lambda: fresh)
    assert passed_on == [event]


@pytest.mark.parametrize("fresh", [None, Signed("new")])
def test_a_forged_event_stays_forged(fresh: Signed | None) -> None:
    memory = Memory()
    with pytest.raises(SignatureInvalid):
        taken(memory, Signed("old"), secret="forged", fresh=lambda: fresh)
    assert memory.rows == {}


class Book:
    """The shops' accounts, as far as `Providers` reads them: it counts."""

    def __init__(self) -> None:
        self.reads, self.account_now = 0, account("old")

    def account(self, shop: str, provider: str) -> Any:
        self.reads += 1
        return self.account_now


def account(secret: str) -> Any:
    return SimpleNamespace(shop="demo", provider="stripe", sealed=secret)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    ticks = [1000.0]
    monkeypatch.setattr(wiring, "time", SimpleNamespace(monotonic=lambda: ticks[0]))
    monkeypatch.setattr(wiring.Providers, "of", _made)
    return ticks


def _made(providers: Any, found: Any) -> Any:
    known = providers.made.get((found.shop, found.provider))
    if known is None or known[0] != found.sealed:
        known = providers.made[found.shop, found.provider] = found.sealed, Signed(found.sealed)
    return known[1]


def shops(book: Book) -> Providers:
    sealer: Any = None
    return Providers(book, sealer, Wire(None, 1.0), lambda: NOW, lambda _: False)  # type: ignore[arg-type]


def test_an_account_is_read_anew_for_an_unknown_secret_and_not_for_every_forged_event(clock: list[float]) -> None:
    book = Book()
    providers = shops(book)
    old = providers("demo", "stripe")
    assert (providers.fresh("demo", "stripe"), book.reads) == (None, 1)  # it was read a moment ago
    clock[0] += READ_AGAIN.total_seconds()
    for _ in range(100):
        assert providers.fresh("demo", "stripe") is None
    assert book.reads == 2
    book.account_now = account("new")
    clock[0] += READ_AGAIN.total_seconds()
    fresh = providers.fresh("demo", "stripe")
    assert (fresh is not None, fresh is not old, book.reads) == (True, True, 3)
    assert providers("demo", "stripe") is fresh
    clock[0] += (SEEN_FOR - timedelta(seconds=1)).total_seconds()
    assert (providers("demo", "stripe"), book.reads) == (fresh, 3)


def test_of_a_provider_that_was_never_asked_for_nothing_is_read(clock: list[float]) -> None:
    book = Book()
    assert (shops(book).fresh("demo", "stripe"), shops(book).fresh("demo", "sandbox"), book.reads) == (None, None, 0)


def test_an_event_of_before_it_was_noted_whose_money_it_is() -> None:
    """Rows that an older version wrote: play money, a fact, and nothing of what is told of events today."""
    old = {"id": "evt_1", "shop": "demo", "provider": "sandbox", "type": "payment.succeeded", "raw": "{}"}
    row = json.dumps({**old, "received_at": "2026-11-21T12:00:00Z", "fact": FACT.model_dump(mode="json"), "state": "received"})
    event = ProviderEvent.model_validate_json(row)
    assert (event.live, event.payment, event.order, event.attempts, event.version) == (False, None, None, 0, 1)
