"""A shop's account at a payment provider: what it may show, what is sealed, and which former secrets are still good."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from pydantic import Field, StringConstraints

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Input, Record
from holdfast.kernel.time import Instant
from holdfast.payments.errors import AccountUnreadable

USUAL_OVERLAP, LONGEST_OVERLAP = timedelta(hours=48), timedelta(days=14)
MOST_FORMER = 3
SHORTEST_WITH_END, LENGTH_OF_END = 20, 4
"""Of secrets that are long enough the last characters are shown, so that a person can tell which one is here."""

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
    """Credentials that are good for verifying until then: what was signed belongs to what was shown beside it at that time."""

    shown: Mapping[str, Any]
    sealed: str = Field(repr=False)
    until: Instant


class Account(Record):
    """`shown`: the fields that are no secret. `sealed`: the secret ones, as JSON, sealed for this shop and provider. `ends`: of each
    secret field the last characters, or nothing.
    """

    shop: ShopId
    provider: str
    live: bool
    enabled: bool = True
    shown: Mapping[str, Any]
    sealed: str = Field(repr=False)
    ends: Mapping[str, str]
    former: tuple[Former, ...] = ()
    created_at: Instant
    updated_at: Instant
    version: int = 1

    @property
    def context(self) -> dict[str, str]:
        return context(self.shop, self.provider)

    def alive(self, now: datetime) -> tuple[Former, ...]:
        return tuple(former for former in self.former if former.until > now)


class Sealer(Protocol):
    """Secrets at rest. `context` names what the secret belongs to: opened under another, it stays shut."""

    def seal(self, text: str, context: Mapping[str, str]) -> str: ...
    def open(self, sealed: str, context: Mapping[str, str]) -> str: ...


def context(shop: str, provider: str) -> dict[str, str]:
    return {"shop": shop, "provider": provider, "purpose": "payments"}


def account_of(shop: str, provider: str, credentials: Credentials, *, sealer: Sealer, now: datetime) -> Account:
    """The account with its secrets sealed."""
    secrets = credentials.model_dump(include=set(credentials.SECRETS), exclude_none=True)
    return Account(
        shop=shop,
        provider=provider,
        live=credentials.live,
        shown=credentials.model_dump(mode="json", exclude=set(credentials.SECRETS), exclude_none=True),
        sealed=sealer.seal(json.dumps(secrets), context(shop, provider)),
        ends={name: text[-LENGTH_OF_END:] if len(text) >= SHORTEST_WITH_END else "" for name, text in secrets.items()},
        created_at=now,
        updated_at=now,
    )


def rotated(account: Account, credentials: Credentials, *, overlap: timedelta, sealer: Sealer, now: datetime) -> Account:
    """The account with other credentials. What signed until now is good for verifying for `overlap` longer; without an overlap nothing
    former is good any more. Nor is it after a change between test and live money: what one world signs says nothing in the other.
    """
    fresh = account_of(account.shop, account.provider, credentials, sealer=sealer, now=now)
    leaving = Former(shown=account.shown, sealed=account.sealed, until=now + overlap)
    kept = (leaving, *account.alive(now))[:MOST_FORMER] if overlap and fresh.live is account.live else ()
    return fresh.model_copy(
        update={"former": kept, "enabled": account.enabled, "created_at": account.created_at, "version": account.version + 1}
    )


def opened(account: Account, kind: type[AnyCredentials], *, sealer: Sealer, now: datetime) -> Keyring[AnyCredentials]:
    """The credentials as a connector needs them. UnavailableError when the key service does not answer, AccountUnreadable when what is
    stored is not what the connector takes; former ones of which that is true are passed over, because they only verify.
    """

    def unsealed(shown: Mapping[str, Any], sealed: str) -> AnyCredentials | None:
        text = sealer.open(sealed, account.context)
        try:
            return kind.model_validate_json(json.dumps({**shown, **json.loads(text)}))
        except (ValueError, TypeError):
            return None

    current = unsealed(account.shown, account.sealed)
    if current is None:
        raise AccountUnreadable("What is stored of this account does not fit any more. Connect it again.", provider=account.provider)
    former = (unsealed(former.shown, former.sealed) for former in account.alive(now))
    return Keyring(current, tuple(keys for keys in former if keys is not None))
