"""A shop's account at a payment provider: what it may show, what is sealed, and which former secrets are still good."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from pydantic import Field, StringConstraints

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Input, Record
from holdfast.kernel.time import Instant

LONGEST_OVERLAP = timedelta(days=14)

Secret = Annotated[str, StringConstraints(min_length=8, max_length=400, pattern=r"^[!-~]+$"), Field(repr=False)]
"""A credential: never shown again, not in logs, not by a route."""
PageUrl = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[A-Za-z0-9.:-]{1,260}(/[!-~]*)?$")]
"""A page of the storefront; `{order}` in it stands for the order's id."""


class Credentials(Input):
    """What a provider gives its merchants. `SECRETS` names the fields that are sealed; all others may be shown."""

    SECRETS: ClassVar[frozenset[str]] = frozenset()

    @property
    def live(self) -> bool:
        """They move real money."""
        raise NotImplementedError


AnyCredentials = TypeVar("AnyCredentials", bound=Credentials)


class Keyring(NamedTuple, Generic[AnyCredentials]):
    """What signs and asks (`current`), and what may still have signed."""

    current: AnyCredentials
    former: tuple[AnyCredentials, ...] = ()

    @property
    def all(self) -> tuple[AnyCredentials, ...]:
        return (self.current, *self.former)


class Former(Record):
    """Sealed secrets that are good for verifying until then."""

    sealed: str = Field(repr=False)
    until: Instant


class Account(Record):
    """`shown`: the fields that are no secret. `sealed`: the secret ones, as JSON, sealed for this shop and provider."""

    shop: ShopId
    provider: str
    live: bool
    enabled: bool = True
    shown: Mapping[str, Any]
    sealed: str = Field(repr=False)
    former: tuple[Former, ...] = ()
    created_at: Instant
    updated_at: Instant
    version: int = 1

    @property
    def context(self) -> dict[str, str]:
        return context(self.shop, self.provider)


class Sealer(Protocol):
    """Secrets at rest. `context` names what the secret belongs to: opened under another, it stays shut."""

    def seal(self, text: str, context: Mapping[str, str]) -> str: ...
    def open(self, sealed: str, context: Mapping[str, str]) -> str: ...


def context(shop: str, provider: str) -> dict[str, str]:
    return {"shop": shop, "provider": provider, "purpose": "payments"}


def account_of(shop: str, provider: str, credentials: Credentials, *, sealer: Sealer, now: datetime) -> Account:
    """The account with its secrets sealed."""
    return Account(
        shop=shop,
        provider=provider,
        live=credentials.live,
        shown=credentials.model_dump(mode="json", exclude=set(credentials.SECRETS), exclude_none=True),
        sealed=_sealed(shop, provider, credentials, sealer),
        created_at=now,
        updated_at=now,
    )


def rotated(account: Account, credentials: Credentials, *, overlap: timedelta, sealer: Sealer, now: datetime) -> Account:
    """The account with other credentials. What signed until now is good for verifying for `overlap` longer."""
    alive = tuple(former for former in account.former if former.until > now)
    leaving = (Former(sealed=account.sealed, until=now + overlap),) if overlap else ()
    fresh = account_of(account.shop, account.provider, credentials, sealer=sealer, now=now)
    kept = {"former": (*leaving, *alive)[:3], "created_at": account.created_at, "version": account.version + 1}
    return fresh.model_copy(update={**kept, "enabled": account.enabled})


def opened(account: Account, kind: type[AnyCredentials], *, sealer: Sealer, now: datetime) -> Keyring[AnyCredentials]:
    """The credentials as a connector needs them. UnavailableError when the key service does not answer."""

    def unsealed(sealed: str) -> AnyCredentials:
        return kind.model_validate({**account.shown, **json.loads(sealer.open(sealed, account.context))})

    return Keyring(unsealed(account.sealed), tuple(unsealed(former.sealed) for former in account.former if former.until > now))


def _sealed(shop: str, provider: str, credentials: Credentials, sealer: Sealer) -> str:
    return sealer.seal(credentials.model_dump_json(include=set(credentials.SECRETS), exclude_none=True), context(shop, provider))
