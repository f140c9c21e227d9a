"""The shops' connectors to payment providers, made at first need.

A connector is imported when it is asked for: a function that needs no provider does not pay for one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field, model_validator

from holdfast.kernel.time import Clock
from holdfast.payments.errors import UnknownProvider
from holdfast.platform.breaker import SharedBreaker
from holdfast.platform.calling import Partner
from holdfast.platform.dynamo import Table
from holdfast.platform.sealing import KmsSealer
from holdfast.platform.settings import SandboxSettings

if TYPE_CHECKING:
    from holdfast.payments.accounts import Account, Credentials, Sealer
    from holdfast.payments.ports import Accounts, Provider

SANDBOX = "sandbox"
REAL = ("stripe", "razorpay", "paypal", "paypro")
"""Folders of `payments/providers`."""
SEEN_FOR = timedelta(seconds=10)
"""How old an account may be: after a change of its secrets both are good anyway."""
READ_AGAIN = timedelta(seconds=3)
"""An account is read anew for an unknown secret no sooner than so long after it was read before."""
SECONDS_IN_A_REQUEST, SECONDS_IN_A_QUEUE = 3.5, 8.0


class ProviderSettings(SandboxSettings):
    """What a function needs that asks payment providers. `provider_reroute`: where it sends all that it would send to them, so that
    no test reaches a real one; refused in production.
    """

    payments_table: str
    tenants_table: str
    operations_table: str
    sealing_key_arn: str
    provider_reroute: str = Field(default="", pattern=r"^(http://127\.0\.0\.1:\d{1,5}(/[a-z0-9/-]*)?)?$")

    @model_validator(mode="after")
    def _never_rerouted_in_production(self) -> "ProviderSettings":
        if self.provider_reroute and self.environment == "prod":
            raise ValueError("payment providers must not be rerouted in prod")
        return self


class Kind(NamedTuple):
    """A connector's parts: how it is made, what its credentials look like, the hosts that it may call, and the types of events that it
    wants to be told of.
    """

    make: Callable[..., "Provider"]
    credentials: "type[Credentials]"
    hosts: frozenset[str]
    events: tuple[str, ...]


def kind_of(name: str) -> Kind:
    """UnknownProvider."""
    if name not in REAL:
        raise UnknownProvider
    module = import_module(f"holdfast.payments.providers.{name}")
    return Kind(module.CONNECTOR, module.CREDENTIALS, module.HOSTS, module.EVENTS)


@dataclass(frozen=True)
class Wire:
    """How partners are called: for how long at most, and where to instead."""

    breaker: Any
    seconds: float
    reroute: str = ""

    def to(self, name: str, hosts: frozenset[str]) -> Partner:
        return Partner(name, hosts, breaker=self.breaker, seconds=self.seconds, reroute=self.reroute)


class _Seen(NamedTuple):
    until: float
    account: "Account | None"


Edition = tuple[str, tuple[datetime, ...]]


@dataclass
class Providers:
    """A shop's connector by the provider's name. UnknownProvider where the shop has no account there, or takes real money only and this
    is none. `sandbox` makes play money's, where the deployment allows it.
    """

    accounts: "Accounts"
    sealer: "Sealer"
    wire: Wire
    clock: Clock
    live_only: Callable[[str], bool]
    sandbox: "Callable[[], Provider] | None" = None
    seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    made: "dict[tuple[str, str], tuple[Edition, Provider]]" = field(default_factory=dict)

    def __call__(self, shop: str, name: str) -> "Provider":
        """Also of an account that is switched off: what is under way with it goes on. AccountUnreadable."""
        connector = self._play() if name == SANDBOX else self.of(self._known(shop, name))
        if not connector.live and self.live_only(shop):
            raise UnknownProvider
        return connector

    def offered(self, shop: str, name: str) -> "Provider":
        """For a payment that is yet to be made: UnknownProvider also where the shop has switched the account off."""
        if name != SANDBOX and not self._known(shop, name).enabled:
            raise UnknownProvider
        return self(shop, name)

    def of(self, account: "Account") -> "Provider":
        """Its connector, whatever the shop takes now. AccountUnreadable."""
        kind, now, place = kind_of(account.provider), self.clock(), (account.shop, account.provider)
        edition = account.sealed, tuple(former.until for former in account.alive(now))
        known = self.made.get(place)
        if known is None or known[0] != edition:
            from holdfast.payments.accounts import opened

            keys = opened(account, kind.credentials, sealer=self.sealer, now=now)
            known = self.made[place] = edition, kind.make(keys, self.wire.to(account.provider, kind.hosts))
        return known[1]

    def fresh(self, shop: str, name: str) -> "Provider | None":
        """The connector of the account as it stands now, for an event that fits none of the secrets: they may have been changed a moment
        ago. None when they were not; and within moments of the last reading, because anybody can send what fits none.
        """
        place = shop, name
        seen, before = self.seen.get(place), self.made.get(place)
        if seen is None or before is None or time.monotonic() < seen.until - (SEEN_FOR - READ_AGAIN).total_seconds():
            return None
        del self.seen[place]
        connector = self(shop, name)
        return None if connector is before[1] else connector

    def _play(self) -> "Provider":
        if self.sandbox is None:
            raise UnknownProvider
        return self.sandbox()

    def _known(self, shop: str, name: str) -> "Account":
        if name not in REAL:
            raise UnknownProvider
        seen = self.seen.get((shop, name))
        if seen is None or seen.until <= time.monotonic():
            found = self.accounts.account(shop, name)
            seen = self.seen[shop, name] = _Seen(time.monotonic() + SEEN_FOR.total_seconds(), found)
        if seen.account is None:
            raise UnknownProvider
        return seen.account


def providers_of(
    settings: ProviderSettings,
    *,
    tenants: Table,
    payments: Table,
    live_only: Callable[[str], bool],
    clock: Clock,
    seconds: float = SECONDS_IN_A_REQUEST,
    pay_url: str = "",
    secret: Callable[[], str] | None = None,
) -> Providers:
    """As the functions have them. Without `secret` the sandbox can neither sign nor verify."""
    from holdfast.payments.account_store import DynamoAccounts

    return Providers(
        accounts=DynamoAccounts(tenants),
        sealer=KmsSealer(settings.sealing_key_arn),
        wire=Wire(SharedBreaker(settings.operations_table), seconds, settings.provider_reroute),
        clock=clock,
        live_only=live_only,
        sandbox=partial(sandbox, payments, pay_url=pay_url, secret=secret) if settings.sandbox_enabled else None,
    )


def sandbox(table: Table, *, pay_url: str = "", secret: Callable[[], str] | None = None) -> "Provider":
    """The sandbox provider over our own table."""
    from holdfast.payments.providers.sandbox import Sandbox
    from holdfast.payments.providers.sandbox.proxy import SandboxBook
    from holdfast.payments.providers.sandbox.settings import SandboxConfig

    return Sandbox(SandboxBook(table), SandboxConfig(pay_url=pay_url, secret=secret or _no_secret))


def _no_secret() -> str:
    raise TypeError("this function neither signs nor verifies webhooks")
