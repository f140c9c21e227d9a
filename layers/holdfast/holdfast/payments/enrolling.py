"""A shop's accounts at payment providers: connected, given other secrets, switched off and on, taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.kernel.errors import UnavailableError, VersionConflict
from holdfast.payments.accounts import USUAL_OVERLAP, Account, Credentials, Sealer, account_of, opened, rotated
from holdfast.payments.errors import AccountUnreadable, StaleAccount, UnknownAccount
from holdfast.payments.ports import Accounts

TRIES = 4
"""Somebody else may change the same account at the same moment; a fifth time is no coincidence."""


@dataclass(frozen=True)
class Connect:
    """`overlap`: how long what signed until now may still have signed; zero when somebody knows it who must not. `over`: the version
    that the caller has seen (None: any; 0: no account).
    """

    shop: str
    provider: str
    credentials: Credentials
    overlap: timedelta = USUAL_OVERLAP
    over: int | None = None


def connect(command: Connect, *, accounts: Accounts, sealer: Sealer, now: datetime) -> Account:
    """The account with these credentials. The same ones again change nothing, but that without an overlap former secrets end now.
    StaleAccount, VersionConflict.
    """
    for _ in range(TRIES):
        standing = accounts.account(command.shop, command.provider)
        _demand(standing, command.over)
        wanted = _wanted(command, standing, sealer, now)
        if wanted == standing or accounts.save(wanted):
            return wanted
    raise _contended()


def switch(shop: str, provider: str, *, enabled: bool, over: int | None = None, accounts: Accounts, now: datetime) -> Account:
    """Off: no new payment is made with it; what is under way goes on. UnknownAccount, StaleAccount, VersionConflict."""

    def switched(standing: Account) -> Account:
        if standing.enabled is enabled:
            return standing
        return standing.model_copy(update={"enabled": enabled, "updated_at": now, "version": standing.version + 1})

    return _changed(shop, provider, over, switched, accounts)


def disconnect(shop: str, provider: str, *, over: int | None = None, accounts: Accounts) -> None:
    """Secrets and all: its webhooks are refused from then on, and nothing can be asked or given back. UnknownAccount, StaleAccount,
    VersionConflict.
    """
    for _ in range(TRIES):
        if accounts.remove(read(shop, provider, over=over, accounts=accounts)):
            return
    raise _contended()


def read(shop: str, provider: str, *, over: int | None = None, accounts: Accounts) -> Account:
    """UnknownAccount, StaleAccount."""
    found = accounts.account(shop, provider)
    if found is None:
        raise UnknownAccount
    _demand(found, over)
    return found


def _changed(shop: str, provider: str, over: int | None, change: Callable[[Account], Account], accounts: Accounts) -> Account:
    for _ in range(TRIES):
        standing = read(shop, provider, over=over, accounts=accounts)
        changed = change(standing)
        if changed == standing or accounts.save(changed):
            return changed
    raise _contended()


def _wanted(command: Connect, standing: Account | None, sealer: Sealer, now: datetime) -> Account:
    given, overlap = command.credentials, command.overlap
    if standing is None:
        return account_of(command.shop, command.provider, given, sealer=sealer, now=now)
    try:
        same = opened(standing, type(given), sealer=sealer, now=now).current == given
    except AccountUnreadable:
        same, overlap = False, timedelta()  # what does not fit any more verifies nothing
    except UnavailableError:
        if overlap:
            raise  # what cannot be opened now may have to verify tomorrow
        same = False
    if not same:
        return rotated(standing, given, overlap=overlap, sealer=sealer, now=now)
    if overlap or not standing.former:
        return standing
    return standing.model_copy(update={"former": (), "updated_at": now, "version": standing.version + 1})


def _demand(standing: Account | None, over: int | None) -> None:
    version = standing.version if standing else 0
    if over not in {None, version}:
        raise StaleAccount("The account was changed since you read it.", version=version)


def _contended() -> VersionConflict:
    return VersionConflict("Somebody changed the account at the same moment. Read it again.")
