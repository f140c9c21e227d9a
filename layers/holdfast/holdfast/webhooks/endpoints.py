"""A shop's webhook endpoints: added, changed, switched off, given a new secret."""

import secrets
from datetime import datetime

from pydantic import Field

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.webhooks import signature, targets
from holdfast.webhooks.errors import StaleEndpoint, TooManyEndpoints, UnknownEndpoint, UnknownEventTypes
from holdfast.webhooks.model import EVERYTHING, Disabled, DisabledBecause, Endpoint, FormerSecret
from holdfast.webhooks.ports import Endpoints, EventTypes, Sealer, WebhookStore
from holdfast.webhooks.rules import MOST_ENDPOINTS, MOST_FORMER_SECRETS, ROTATION

TRIES = 4
"""Somebody else may change the same endpoint at the same moment; a fifth time is no coincidence."""


class AddEndpoint(Model):
    shop: str
    url: str
    events: tuple[str, ...]
    description: str = ""


class ChangeEndpoint(Model):
    """What is None stays. `over`: the version that the caller has seen (None: any)."""

    shop: str
    endpoint: str
    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None
    over: int | None = None


class WithSecret(Model):
    """The one moment at which the secret is known to anybody but the endpoint's owner."""

    endpoint: Endpoint
    secret: str = Field(repr=False)


def add(command: AddEndpoint, *, store: Endpoints, sealer: Sealer, types: EventTypes, doors: targets.Doors, now: datetime) -> WithSecret:
    """UrlRefused, UnknownEventTypes; TooManyEndpoints when every place is taken."""
    _demand(command.url, command.events, types, doors)
    identity, secret = new_id("whe", now), _new_secret()
    made = Endpoint(
        id=identity,
        shop=command.shop,
        place=0,
        url=command.url,
        events=_once(command.events),
        description=command.description,
        secret=sealer.seal(secret, context(command.shop, identity)),
        created_at=now,
        updated_at=now,
    )
    taken = {endpoint.place for endpoint in store.endpoints(command.shop)}
    for place in range(MOST_ENDPOINTS):
        placed = made.model_copy(update={"place": place})
        if place not in taken and store.add_endpoint(placed):
            return WithSecret(endpoint=placed, secret=secret)
    raise TooManyEndpoints(f"A shop has {MOST_ENDPOINTS} webhook endpoints at most.", limit=MOST_ENDPOINTS)


def read(shop: str, endpoint: str, *, store: Endpoints) -> Endpoint:
    """UnknownEndpoint."""
    found = find(shop, endpoint, store=store)
    if found is None:
        raise UnknownEndpoint
    return found


def find(shop: str, endpoint: str, *, store: Endpoints) -> Endpoint | None:
    return next((one for one in store.endpoints(shop) if one.id == endpoint), None)


def change(command: ChangeEndpoint, *, store: WebhookStore, types: EventTypes, doors: targets.Doors, now: datetime) -> Endpoint:
    """Switched on again, an endpoint begins with a clean record. UnknownEndpoint, UrlRefused, UnknownEventTypes, StaleEndpoint."""
    standing = read(command.shop, command.endpoint, store=store)
    if command.over not in {None, standing.version}:
        raise StaleEndpoint("The endpoint was changed since you read it.", version=standing.version)
    _demand(command.url, command.events or (), types, doors)
    changes: dict[str, object] = {
        name: value for name, value in (("url", command.url), ("description", command.description)) if value is not None
    }
    if command.events is not None:
        changes["events"] = _once(command.events)
    if command.enabled is not None and command.enabled is not standing.enabled:
        changes["disabled"] = None if command.enabled else Disabled(reason=DisabledBecause.STAFF, at=now)
    changed = standing.changed(now, **changes)
    if not store.save_endpoint(changed):
        raise VersionConflict("Somebody changed the endpoint at the same moment. Read it again.")
    if command.enabled:
        store.well(command.shop, command.endpoint)
    return changed


def remove(shop: str, endpoint: str, *, store: Endpoints) -> None:
    """What is still on its way to it is skipped. UnknownEndpoint."""
    store.remove_endpoint(read(shop, endpoint, store=store))


def rotate(shop: str, endpoint: str, *, keep_former: bool, store: Endpoints, sealer: Sealer, now: datetime) -> WithSecret:
    """A new secret. The former one signs along for a day, unless it is known to somebody who must not know it."""
    standing, secret = read(shop, endpoint, store=store), _new_secret()
    alive = tuple(former for former in standing.former if now < former.until)
    former = (FormerSecret(sealed=standing.secret, until=now + ROTATION), *alive)[:MOST_FORMER_SECRETS] if keep_former else ()
    rotated = standing.changed(now, secret=sealer.seal(secret, context(shop, endpoint)), former=former)
    if not store.save_endpoint(rotated):
        raise VersionConflict("Somebody changed the endpoint at the same moment. Read it again.")
    return WithSecret(endpoint=rotated, secret=secret)


def disable(shop: str, endpoint: str, because: DisabledBecause, *, store: Endpoints, now: datetime) -> bool:
    """Whether it was this call that switched it off."""
    for _ in range(TRIES):
        standing = find(shop, endpoint, store=store)
        if standing is None or not standing.enabled:
            return False
        if store.save_endpoint(standing.changed(now, disabled=Disabled(reason=because, at=now))):
            return True
    return False


def context(shop: str, endpoint: str) -> dict[str, str]:
    """What a secret is sealed for: another endpoint's cannot be put in its place."""
    return {"shop": shop, "endpoint": endpoint}


def _demand(url: str | None, events: tuple[str, ...], types: EventTypes, doors: targets.Doors) -> None:
    if url is not None:
        targets.target_of(url, doors)
    unknown = sorted(set(events) - types.all - {EVERYTHING})
    if unknown:
        raise UnknownEventTypes("No event is called that.", unknown=unknown)


def _once(events: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(events)))


def _new_secret() -> str:
    return signature.secret_of(secrets.token_bytes(signature.SECRET_BYTES))
