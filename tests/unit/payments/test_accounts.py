"""A shop's accounts at payment providers: sealed, shown without their secrets, rotated with the former ones alive for a while."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from holdfast.kernel.errors import HoldfastError, UnavailableError, VersionConflict
from holdfast.payments import enrolling
from holdfast.payments.account_views import account_view
from holdfast.payments.accounts import LONGEST_OVERLAP, MOST_FORMER, USUAL_OVERLAP, Account, Keyring, context, opened
from holdfast.payments.enrolling import Connect
from holdfast.payments.errors import AccountUnreadable, StaleAccount, UnknownAccount
from tests.memory.accounts import MarkingSealer, MemoryAccounts, TillCredentials, till
from tests.memory.engine import Memory
from tests.memory.samples import NOW
from tests.memory.threads import just_before

HOUR = timedelta(hours=1)


class Desk:
    def __init__(self) -> None:
        self.accounts, self.sealer, self.now = MemoryAccounts(Memory()), MarkingSealer(), NOW

    def connect(self, credentials: TillCredentials, overlap: timedelta = USUAL_OVERLAP, over: int | None = None) -> Account:
        command = Connect("demo", "till", credentials, overlap, over)
        return enrolling.connect(command, accounts=self.accounts, sealer=self.sealer, now=self.now)

    def switch(self, enabled: bool, over: int | None = None) -> Account:
        return enrolling.switch("demo", "till", enabled=enabled, over=over, accounts=self.accounts, now=self.now)

    def disconnect(self, over: int | None = None) -> None:
        enrolling.disconnect("demo", "till", over=over, accounts=self.accounts)

    @property
    def account(self) -> Account:
        return enrolling.read("demo", "till", accounts=self.accounts)

    @property
    def keys(self) -> Keyring[TillCredentials]:
        return opened(self.account, TillCredentials, sealer=self.sealer, now=self.now)

    @property
    def verifying(self) -> list[str]:
        """Whose signatures are good now, the newest first."""
        return [keys.signing_secret.split("-")[1] for keys in self.keys.all]


@pytest.fixture
def desk() -> Desk:
    return Desk()


# What is kept.


def test_an_account_keeps_its_secrets_sealed_and_shows_the_rest(desk: Desk) -> None:
    account = desk.connect(till(1, return_url="https://shop.example/{order}"))
    assert account.shown == {"mode": "test", "merchant": "m-1", "return_url": "https://shop.example/{order}"}
    assert json.loads(account.sealed)["for"] == {"shop": "demo", "provider": "till", "purpose": "payments"}
    assert desk.keys == Keyring(till(1, return_url="https://shop.example/{order}"))
    assert (account.live, account.enabled, account.version, account.former) == (False, True, 1, ())
    assert desk.account == account


def test_of_a_long_secret_the_end_is_kept_and_of_a_short_one_nothing(desk: Desk) -> None:
    account = desk.connect(till(1, api_key="x" * 15 + "wxyz1", signing_secret="x" * 14 + "wxyz1"))
    assert account.ends == {"api_key": "xyz1", "signing_secret": ""}


def test_no_text_of_an_account_has_a_secret(desk: Desk) -> None:
    credentials = till(1, api_key="MARKER-one-0123456789", signing_secret="MARKER-two-0123456789")
    desk.connect(credentials)
    account = desk.connect(till(2))
    command = Connect("demo", "till", credentials)
    assert "MARKER" in account.former[0].sealed  # this sealer hides nothing
    for text in (repr(account), str(account), repr(command), repr(credentials), str(credentials), repr(Keyring(credentials))):
        assert "MARKER" not in text


@pytest.mark.parametrize(("shop", "provider"), [("other", "till"), ("demo", "purse")])
def test_what_was_sealed_for_one_opens_for_no_other(desk: Desk, shop: str, provider: str) -> None:
    stolen = desk.connect(till()).model_copy(update={"shop": shop, "provider": provider})
    with pytest.raises(UnavailableError):
        opened(stolen, TillCredentials, sealer=desk.sealer, now=NOW)
    assert context(shop, provider) != context("demo", "till")


# Connecting again.


def test_the_same_again_changes_nothing(desk: Desk) -> None:
    first = desk.connect(till())
    desk.now += HOUR
    assert desk.connect(till()) == first == desk.account
    assert desk.connect(till(), overlap=LONGEST_OVERLAP, over=1) == first


def test_any_other_field_is_a_change(desk: Desk) -> None:
    desk.connect(till())
    for version, changed in enumerate([till(merchant="m-2"), till(2, merchant="m-2"), till(2)], start=2):
        assert desk.connect(changed).version == version
        assert desk.keys.current == changed


def test_former_secrets_verify_until_their_time_and_not_a_moment_longer(desk: Desk) -> None:
    desk.connect(till(1))
    desk.now += HOUR
    second = desk.connect(till(2), overlap=6 * HOUR)
    assert (second.version, second.created_at, second.updated_at) == (2, NOW, desk.now)
    assert desk.verifying == ["2", "1"]
    desk.now += 6 * HOUR - timedelta(milliseconds=1)
    assert desk.verifying == ["2", "1"]
    desk.now += timedelta(milliseconds=1)
    assert desk.verifying == ["2"]


def test_each_former_has_its_own_time(desk: Desk) -> None:
    desk.connect(till(1))
    desk.connect(till(2), overlap=10 * HOUR)
    desk.connect(till(3), overlap=2 * HOUR)
    assert desk.verifying == ["3", "2", "1"]
    desk.now += 3 * HOUR
    assert desk.verifying == ["3", "1"]
    desk.connect(till(4), overlap=HOUR)
    assert desk.verifying == ["4", "3", "1"]
    assert len(desk.account.former) == 2  # what ran out was cleared away


def test_a_few_former_ones_are_remembered(desk: Desk) -> None:
    for number in range(MOST_FORMER + 3):
        desk.connect(till(number))
    assert desk.verifying == ["5", "4", "3", "2"]


def test_without_an_overlap_nothing_former_is_good(desk: Desk) -> None:
    desk.connect(till(1))
    desk.connect(till(2))
    assert desk.connect(till(3), overlap=timedelta()).former == ()
    assert desk.verifying == ["3"]


def test_the_same_again_without_an_overlap_ends_former_ones(desk: Desk) -> None:
    """Somebody found out after the rotation that the former secret had leaked."""
    desk.connect(till(1))
    desk.connect(till(2))
    ended = desk.connect(till(2), overlap=timedelta())
    assert (ended.version, ended.former, desk.verifying) == (3, (), ["2"])
    assert desk.connect(till(2), overlap=timedelta()) == ended


def test_a_former_secret_belongs_to_what_was_shown_beside_it(desk: Desk) -> None:
    desk.connect(till(1, merchant="old"))
    desk.connect(till(2, merchant="new"))
    assert [(keys.merchant, keys.signing_secret) for keys in desk.keys.all] == [
        ("new", till(2).signing_secret),
        ("old", till(1).signing_secret),
    ]


@pytest.mark.parametrize(("was", "becomes"), [("test", "live"), ("live", "test")])
def test_between_test_and_live_nothing_former_stays_good(
    desk: Desk, was: Literal["test", "live"], becomes: Literal["test", "live"]
) -> None:
    """Else what a test account signed would be believed of real money."""
    desk.connect(till(1, mode=was))
    desk.connect(till(2, mode=was))
    moved = desk.connect(till(3, mode=becomes))
    assert (moved.live, moved.former, desk.verifying) == (becomes == "live", (), ["3"])


def test_a_switched_off_account_stays_off_when_it_is_given_other_secrets(desk: Desk) -> None:
    desk.connect(till(1))
    desk.switch(False)
    assert desk.connect(till(2)).enabled is False
    assert desk.connect(till(2)).enabled is False


# Switching, taking away.


def test_off_and_on(desk: Desk) -> None:
    first = desk.connect(till())
    desk.now += HOUR
    off = desk.switch(False)
    assert (off.enabled, off.version, off.updated_at, off.sealed) == (False, 2, desk.now, first.sealed)
    assert desk.switch(False) == off == desk.account
    on = desk.switch(True, over=2)
    assert on == first.model_copy(update={"version": 3, "updated_at": desk.now})


def test_what_is_taken_away_is_gone(desk: Desk) -> None:
    desk.connect(till())
    desk.disconnect()
    for act in (desk.disconnect, lambda: desk.switch(False), lambda: desk.account):
        with pytest.raises(UnknownAccount):
            act()
    assert desk.connect(till(2)).version == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.connect(till(2), over=1),
        lambda desk: desk.connect(till(1), over=0),
        lambda desk: desk.switch(True, over=1),
        lambda desk: desk.disconnect(over=3),
    ],
)
def test_over_another_version_nothing_is_done(desk: Desk, act: Callable[[Desk], Any]) -> None:
    desk.connect(till(1))
    standing = desk.switch(False)
    with pytest.raises(StaleAccount) as refused:
        act(desk)
    assert refused.value.facts == {"version": 2}
    assert desk.account == standing


def test_connecting_what_must_not_be_there_yet(desk: Desk) -> None:
    with pytest.raises(StaleAccount):
        desk.connect(till(), over=1)
    assert desk.connect(till(), over=0).version == 1


def test_who_comes_second_builds_on_the_first(desk: Desk) -> None:
    desk.connect(till(1))
    just_before(desk.accounts, "save", lambda: desk.connect(till(2)))
    assert desk.connect(till(3)).version == 3
    assert desk.verifying == ["3", "2", "1"]
    just_before(desk.accounts, "remove", lambda: desk.switch(False))
    desk.disconnect()
    assert desk.accounts.account("demo", "till") is None


@pytest.mark.parametrize(
    ("method", "act"),
    [("save", lambda desk: desk.connect(till(2))), ("save", lambda desk: desk.switch(False)), ("remove", lambda desk: desk.disconnect())],
)
def test_who_never_gets_a_turn_is_told(desk: Desk, method: str, act: Callable[[Desk], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.connect(till(1))
    monkeypatch.setattr(desk.accounts, method, lambda account: False)
    with pytest.raises(VersionConflict):
        act(desk)


# What cannot be opened.


def spoilt(desk: Desk, **changes: Any) -> None:
    account = desk.account
    desk.accounts.save(account.model_copy(update={**changes, "version": account.version + 1}))


@pytest.mark.parametrize(
    "changes",
    [
        {"shown": {"mode": "test"}},
        {"shown": {"mode": "test", "merchant": "m-1", "return_url": "https://shop.example/", "gone": "since"}},
        {"sealed": MarkingSealer().seal("{", context("demo", "till"))},
        {"sealed": MarkingSealer().seal("[1]", context("demo", "till"))},
        {"sealed": MarkingSealer().seal('{"api_key": "MARKER-0123456789"}', context("demo", "till"))},
    ],
    ids=["lacks", "has too much", "not JSON", "no object", "a secret is missing"],
)
def test_an_account_that_does_not_fit_any_more_says_so_and_is_mended_by_connecting(desk: Desk, changes: dict[str, Any]) -> None:
    desk.connect(till(1))
    spoilt(desk, **changes)
    with pytest.raises(AccountUnreadable) as told:
        _ = desk.keys
    assert told.value.facts == {"provider": "till"}
    assert "MARKER" not in f"{told.value} {told.value.__cause__} {told.value.__context__}"
    assert desk.connect(till(1)).former == ()
    assert desk.keys == Keyring(till(1))


def test_a_former_one_that_does_not_fit_any_more_does_not_stand_in_the_way(desk: Desk) -> None:
    desk.connect(till(1))
    account = desk.connect(till(2))
    spoilt(desk, former=(account.former[0].model_copy(update={"shown": {}}),))
    assert desk.verifying == ["2"]


def test_while_the_key_service_is_silent_nothing_is_lost(desk: Desk) -> None:
    desk.connect(till(1))
    desk.sealer.down = True
    for act in (lambda: desk.connect(till(2)), lambda: desk.connect(till(1)), lambda: desk.keys):
        with pytest.raises(UnavailableError):
            act()
    desk.sealer.down = False
    assert desk.verifying == ["1"]


def test_what_stays_shut_is_replaced_when_nothing_of_it_has_to_stay_good(desk: Desk) -> None:
    desk.connect(till(1))
    spoilt(desk, sealed=MarkingSealer().seal("{}", context("other", "till")))
    with pytest.raises(UnavailableError):
        desk.connect(till(2))
    desk.connect(till(2), overlap=timedelta())
    assert desk.verifying == ["2"]


# What is told of it.


def view(account: Account | None, now: datetime = NOW, *, live_shop: bool = False) -> dict[str, Any]:
    return account_view("demo", "till", account, events=("paid", "lost"), live_shop=live_shop, now=now).model_dump()


def test_a_provider_without_an_account_tells_how_to_connect_it() -> None:
    told = view(None)
    assert (told["status"], told["version"], told["enabled"], told["live"]) == ("not_connected", 0, False, None)
    assert (told["webhook_path"], told["webhook_events"]) == ("/shops/demo/webhooks/payments/till", ["paid", "lost"])


def test_an_account_is_told_without_its_secrets(desk: Desk) -> None:
    desk.connect(till(1))
    account = desk.connect(till(2, signing_secret="MARKER-0123"), overlap=3 * HOUR)
    told = view(account)
    assert told["shown"] == account.shown
    assert told["secrets"] == {"api_key": "…cdef", "signing_secret": "…"}
    assert told["former_secrets_until"] == NOW + 3 * HOUR
    assert view(account, NOW + 3 * HOUR)["former_secrets_until"] is None
    assert "MARKER" not in json.dumps(told, default=str)
    assert account.sealed not in json.dumps(told, default=str)


@pytest.mark.parametrize(
    ("mode", "enabled", "live_shop", "status"),
    [
        ("test", True, False, "ready"),
        ("live", True, False, "ready"),
        ("live", True, True, "ready"),
        ("test", True, True, "refused_in_live_shop"),
        ("test", False, True, "refused_in_live_shop"),
        ("live", False, True, "disabled"),
        ("test", False, False, "disabled"),
    ],
)
def test_what_may_be_done_with_it(desk: Desk, mode: str, enabled: bool, live_shop: bool, status: str) -> None:
    desk.connect(till(1, mode=mode))
    assert view(desk.switch(enabled), live_shop=live_shop)["status"] == status


def test_each_refusal_has_its_own_words() -> None:
    refusals: list[type[HoldfastError]] = [AccountUnreadable, StaleAccount, UnknownAccount]
    assert [(kind.code, kind.status) for kind in refusals] == [
        ("provider_account_unreadable", 503),
        ("precondition_failed", 412),
        ("not_found", 404),
    ]
