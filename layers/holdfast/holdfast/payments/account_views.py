"""How payment accounts look over HTTP. No secret is in any answer: of a long one its last four characters, of a short one nothing."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.payments.accounts import Account


class AccountStatus(StrEnum):
    NOT_CONNECTED = "not_connected"
    READY = "ready"
    DISABLED = "disabled"
    """Switched off: no new payments; what is under way goes on."""
    REFUSED_IN_LIVE_SHOP = "refused_in_live_shop"
    """A test account, and the shop takes real money only: nothing is done with it, and its webhooks are refused."""


class ProviderAccountView(Model):
    """A provider, and the shop's account there. `webhook_path` (behind the API's base) and `webhook_events` are what the provider is to
    be told; `shown` are the account's fields that are no secret, `secrets` those that are, each with its end if it is long enough.
    `former_secrets_until`: until when former ones may still have signed. `version` is 0 without an account.
    """

    provider: str
    status: AccountStatus
    live: bool | None
    enabled: bool
    shown: dict[str, Any]
    secrets: dict[str, str]
    former_secrets_until: Instant | None
    webhook_path: str
    webhook_events: list[str]
    created_at: Instant | None
    updated_at: Instant | None
    version: int


class ProviderAccountList(Model):
    items: list[ProviderAccountView]
    next: str | None


class ProviderAccountChecked(Model):
    """The provider knows these credentials."""

    provider: str
    live: bool
    checked_at: Instant


def account_view(
    shop: str, provider: str, account: Account | None, *, events: Iterable[str], live_shop: bool, now: datetime
) -> ProviderAccountView:
    return ProviderAccountView(
        provider=provider,
        status=_status(account, live_shop),
        live=account.live if account else None,
        enabled=bool(account and account.enabled),
        shown=dict(account.shown) if account else {},
        secrets={name: f"…{end}" for name, end in sorted(account.ends.items())} if account else {},
        former_secrets_until=max((former.until for former in account.alive(now)), default=None) if account else None,
        webhook_path=f"/shops/{shop}/webhooks/payments/{provider}",
        webhook_events=list(events),
        created_at=account.created_at if account else None,
        updated_at=account.updated_at if account else None,
        version=account.version if account else 0,
    )


def _status(account: Account | None, live_shop: bool) -> AccountStatus:
    if account is None:
        return AccountStatus.NOT_CONNECTED
    if live_shop and not account.live:
        return AccountStatus.REFUSED_IN_LIVE_SHOP
    return AccountStatus.READY if account.enabled else AccountStatus.DISABLED
