"""Which connector a shop gets for a provider's name: when it is made anew, and when there is none."""

import base64
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.payments import enrolling
from holdfast.payments.accounts import Account
from holdfast.payments.enrolling import Connect
from holdfast.payments.errors import AccountUnreadable, SignatureInvalid, UnknownProvider
from holdfast.platform.calling import unguarded
from holdfast.platform.problems import ValidationFailed
from holdfast.platform.sealing import KmsSealer
from holdfast.wiring.accounts import connect_of
from holdfast.wiring.payments import PaymentsForOrders
from holdfast.wiring.providers import READ_AGAIN, REAL, SEEN_FOR, Providers, Wire, kind_of
from tests.memory.accounts import MarkingSealer, MemoryAccounts, till
from tests.memory.engine import Memory
from tests.memory.payments import MemoryInbox, MemoryProvider
from tests.memory.pretended import Till, pretended
from tests.memory.samples import NOW
from tests.unit.functions import world as worlds

HOUR = timedelta(hours=1)


class House:
    """A shop with its accounts, a clock for what is signed and one for what is remembered."""

    def __init__(self, loaded: list[str]) -> None:
        self.loaded, self.now, self.seconds, self.live, self.reads = loaded, NOW, 0.0, False, 0
        self.sealer: Any = MarkingSealer()
        self.accounts = MemoryAccounts(Memory())
        read = self.accounts.account

        def counted(shop: str, provider: str) -> Account | None:
            self.reads += 1
            return read(shop, provider)

        self.accounts.account = counted  # type: ignore[method-assign]
        self.providers = Providers(
            accounts=self.accounts,
            sealer=self.sealer,
            wire=Wire(unguarded, 2, "http://127.0.0.1:9/fakes"),
            clock=lambda: self.now,
            live_only=lambda _: self.live,
            sandbox=lambda: MemoryProvider(Memory()),
        )

    def connect(self, number: int = 1, overlap: timedelta = HOUR, **changes: Any) -> Account:
        command = Connect("demo", "till", till(number, **changes), overlap)
        return enrolling.connect(command, accounts=self.accounts, sealer=self.sealer, now=self.now)

    def switch(self, enabled: bool) -> None:
        enrolling.switch("demo", "till", enabled=enabled, accounts=self.accounts, now=self.now)

    def later(self, by: timedelta) -> None:
        self.now += by
        self.seconds += by.total_seconds()

    def connector(self) -> Till:
        found: Any = self.providers("demo", "till")
        assert isinstance(found, Till)
        return found

    def verifies(self, number: int) -> bool:
        try:
            self.connector().verify({"x-till": till(number).signing_secret}, b"", self.now)
        except SignatureInvalid:
            return False
        return True


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with pretended() as loaded:
        made = House(loaded)
        monkeypatch.setattr(time, "monotonic", lambda: made.seconds)
        yield made


# Who is there.


@pytest.mark.parametrize("name", ["", "till2", "../till", "os", "holdfast", "sandbox.proxy", "TILL", "purse"])
def test_a_name_that_is_no_provider_loads_nothing_and_reads_nothing(house: House, name: str) -> None:
    for ask in (house.providers, house.providers.offered):
        with pytest.raises(UnknownProvider):
            ask("demo", name)
    with pytest.raises(UnknownProvider):
        kind_of(name)
    with pytest.raises(UnknownProvider):
        connect_of("demo", name, {})
    assert (house.loaded, house.reads) == ([], 0)


def test_a_shop_without_an_account_has_no_connector_and_none_is_loaded(house: House) -> None:
    with pytest.raises(UnknownProvider):
        house.connector()
    assert house.loaded == []


def test_an_account_is_its_shops_alone(house: House) -> None:
    house.connect()
    assert house.connector().keys.current == till()
    with pytest.raises(UnknownProvider):
        house.providers("other", "till")


def test_a_connector_may_call_its_own_hosts_and_is_led_elsewhere_outside_production(house: House) -> None:
    house.connect()
    partner = house.connector().partner
    assert partner._address("https://api.till.example/v1/x") == "http://127.0.0.1:9/fakes/api.till.example/v1/x"
    with pytest.raises(ValueError, match="not a host of till"):
        partner.call("GET", "https://api.stripe.com/v1/x", {})


def test_play_money_is_there_where_the_deployment_has_it(house: House) -> None:
    assert house.providers("demo", "sandbox").name == house.providers.offered("demo", "sandbox").name == "sandbox"
    house.providers.sandbox = None
    with pytest.raises(UnknownProvider):
        house.providers("demo", "sandbox")


# What is remembered.


def test_a_connector_is_made_once_and_its_account_read_every_few_seconds(house: House) -> None:
    house.connect()
    house.reads = 0
    first = house.connector()
    for _ in range(5):
        assert house.connector() is first
    assert (house.reads, house.sealer.opened) == (1, 1)
    house.later(SEEN_FOR)
    assert house.connector() is first
    assert (house.reads, house.sealer.opened) == (2, 1)


def test_that_there_is_none_is_remembered_as_long(house: House) -> None:
    for _ in range(5):
        with pytest.raises(UnknownProvider):
            house.connector()
    assert house.reads == 1
    house.connect()
    with pytest.raises(UnknownProvider):
        house.connector()
    house.later(SEEN_FOR)
    assert house.connector().keys.current == till()


def test_a_change_is_seen_after_those_seconds(house: House) -> None:
    house.connect(1)
    house.connector()
    house.connect(2)
    assert house.connector().keys.current == till(1)
    house.later(SEEN_FOR)
    assert house.connector().keys.current == till(2)


def test_or_earlier_for_who_asks_for_what_is_fresh(house: House) -> None:
    """Once in a few seconds: anybody can send what fits no secret."""
    house.connect(1)
    house.connector()
    house.connect(2)
    house.reads = 0
    assert house.providers.fresh("demo", "till") is None
    assert house.reads == 0
    house.later(READ_AGAIN)
    fresh: Any = house.providers.fresh("demo", "till")
    assert fresh.keys.current == till(2)
    assert house.connector() is fresh
    house.later(READ_AGAIN)
    assert house.providers.fresh("demo", "till") is None  # nothing has changed
    assert house.providers.fresh("other", "till") is None


def test_another_account_in_the_same_place_is_another_connector(house: House) -> None:
    """Its version begins at one again."""
    assert house.connect(1).version == 1
    house.connector()
    enrolling.disconnect("demo", "till", accounts=house.accounts)
    assert house.connect(2).version == 1
    house.later(SEEN_FOR)
    assert house.connector().keys.current == till(2)


def test_former_secrets_run_out_in_a_worker_that_reads_nothing_meanwhile(house: House) -> None:
    house.connect(1)
    house.connect(2, overlap=timedelta(seconds=5))
    assert (house.verifies(1), house.verifies(2)) == (True, True)
    house.reads = 0
    house.now += timedelta(seconds=5)
    assert (house.verifies(1), house.verifies(2)) == (False, True)
    assert house.reads == 0


def test_former_secrets_that_were_cut_off_are_gone_within_seconds(house: House) -> None:
    house.connect(1)
    house.connect(2)
    assert house.verifies(1)
    house.connect(2, overlap=timedelta())
    house.later(SEEN_FOR)
    assert (house.verifies(1), house.verifies(2)) == (False, True)


# What is switched off.


def test_a_switched_off_account_takes_no_new_payment_and_ends_what_is_under_way(house: House) -> None:
    house.connect()
    house.switch(False)
    with pytest.raises(UnknownProvider):
        house.providers.offered("demo", "till")
    assert house.verifies(1)
    house.switch(True)
    house.later(SEEN_FOR)
    assert house.providers.offered("demo", "till") is house.connector()


def test_orders_are_told_that_it_is_not_offered(house: House) -> None:
    from holdfast.payments.errors import ProviderNotOffered

    payments = PaymentsForOrders(MemoryInbox(Memory()), house.providers, house.providers.offered)
    house.connect()
    payments.require("demo", "till")
    house.switch(False)
    house.later(SEEN_FOR)
    for name in ("till", "purse"):
        with pytest.raises(ProviderNotOffered):
            payments.require("demo", name)


# Real money only.


def test_a_live_shop_takes_neither_play_money_nor_test_accounts(house: House) -> None:
    house.connect()
    house.connector()
    house.live = True
    for ask in (house.providers, house.providers.offered):
        for name in ("till", "sandbox"):
            with pytest.raises(UnknownProvider):
                ask("demo", name)


def test_a_live_account_is_taken_in_every_shop(house: House) -> None:
    house.connect(mode="live")
    assert house.connector().live
    house.live = True
    assert house.connector().live
    assert house.providers.offered("demo", "till").live


def test_any_account_can_be_tried_out_whatever_the_shop_takes(house: House) -> None:
    house.live = True
    house.connect()
    house.switch(False)
    account = enrolling.read("demo", "till", accounts=house.accounts)
    assert not house.providers.of(account).live


# What cannot be opened.


def test_an_account_that_does_not_fit_any_more_is_a_typed_error(house: House) -> None:
    account = house.connect()
    house.accounts.save(account.model_copy(update={"shown": {"mode": "never"}, "version": 2}))
    for ask in (house.providers, house.providers.offered):
        with pytest.raises(AccountUnreadable):
            ask("demo", "till")


def test_an_account_in_the_place_of_another_stays_shut(house: House) -> None:
    with worlds.empty():
        house.sealer = house.providers.sealer = KmsSealer(worlds.GIVEN["SEALING_KEY_ARN"])
        mine = house.connect()
        assert base64.b64decode(mine.sealed)
        assert till().api_key not in base64.b64decode(mine.sealed).decode("latin-1")
        assert house.connector().keys.current == till()
        house.accounts.save(mine.model_copy(update={"shop": "other"}))
        with pytest.raises(UnavailableError):
            house.providers("other", "till")
        assert not isinstance(_raised(house, "other"), AccountUnreadable)


def _raised(house: House, shop: str) -> Exception | None:
    try:
        house.providers(shop, "till")
    except UnavailableError as error:
        return error
    return None


# What owners send.


GIVEN = {"merchant": "m-1", "api_key": "key-1-0123456789abcdef", "signing_secret": "sign-1-0123456789abcdef"}


def test_what_is_sent_becomes_credentials_and_how_long_the_former_are_good(house: House) -> None:
    assert connect_of("demo", "till", GIVEN, 3) == Connect("demo", "till", till(), 48 * HOUR, 3)
    assert connect_of("demo", "till", {**GIVEN, "overlap_hours": 0}).overlap == timedelta()
    assert connect_of("demo", "till", {**GIVEN, "overlap_hours": 336, "mode": "live"}).credentials == till(mode="live")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"overlap_hours": -1}, "/overlap_hours", "greater_than_equal"),
        ({"overlap_hours": 337}, "/overlap_hours", "less_than_equal"),
        ({"overlap_hours": True}, "/overlap_hours", "int_type"),
        ({"overlap_hours": "48"}, "/overlap_hours", "int_type"),
        ({"api_key": "MARKER"}, "/api_key", "string_too_short"),
        ({"api_key": "MARKER 12345"}, "/api_key", "string_pattern_mismatch"),
        ({"api_key": "MARKER-" * 100}, "/api_key", "string_too_long"),
        ({"api_key": ["MARKER"]}, "/api_key", "string_type"),
        ({"mode": "MARKER"}, "/mode", "literal_error"),
        ({"return_url": "javascript:MARKER"}, "/return_url", "string_pattern_mismatch"),
        ({"secret_kye": "MARKER"}, "/secret_kye", "extra_forbidden"),
        ({"sk_live_MARKER123": "x"}, "", "extra_forbidden"),
        ({"/~MARKER": "x"}, "", "extra_forbidden"),
    ],
)
def test_what_is_wrong_is_pointed_at_and_never_repeated(house: House, changes: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        connect_of("demo", "till", {**GIVEN, **changes})
    assert [(error["pointer"], error["code"]) for error in refused.value.facts["errors"]] == [(pointer, code)]
    assert "MARKER" not in f"{refused.value.detail} {refused.value.facts} {refused.value.__cause__}"
    assert "api_key" in refused.value.detail  # it says which fields there are


def test_what_is_missing_is_pointed_at(house: House) -> None:
    with pytest.raises(ValidationFailed) as refused:
        connect_of("demo", "till", {})
    assert {error["pointer"] for error in refused.value.facts["errors"]} == {"/merchant", "/api_key", "/signing_secret"}


def test_the_four_providers_are_named_in_one_place() -> None:
    assert REAL == ("stripe", "razorpay", "paypal", "paypro")
