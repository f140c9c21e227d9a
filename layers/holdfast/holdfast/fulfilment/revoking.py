"""Keys that are no good: kept out of what is sold, taken back from who has them, replaced; and those that are good after all.

A key that a customer has had is never handed to another. What becomes of a key is one transaction with the vault, the stock and the
order, so that the counts agree at every moment; `LicenceKey.act` remembers the request, so that a repeated one finds its own answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import (
    KeyAlreadyReplaced,
    KeyAlreadyRevoked,
    KeyNotDelivered,
    KeyNotWithdrawn,
    KeyOnItsWay,
    KeyOrderEnded,
    KeyWasDelivered,
    NoKeysLeft,
    TooManyWithdrawn,
    UnknownKey,
)
from holdfast.fulfilment.handing import handed
from holdfast.fulfilment.model import Delivery, Given, LicenceKey, Pick, Places, Vault
from holdfast.fulfilment.ports import FulfilmentStore, Stock
from holdfast.kernel.errors import Conflict, UnavailableError
from holdfast.kernel.events import Actor
from holdfast.kernel.model import Model
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Write

ATTEMPTS = 10
MOST_WITHDRAWN = 500
"""Of a SKU, that lie before what is handed out next: each stands in the vault's item, and a hand-out passes over each."""


class Act(Model):
    """`identity` names the request: the same again changes nothing and is answered the same."""

    shop: str
    key: str
    identity: str
    actor: Actor
    reason: str | None = None

    @property
    def by(self) -> str:
        """For the ledger."""
        return self.actor.id or self.actor.kind


class Owner(Protocol):
    """An order that was handed a key. Its writes carry their events; refusal: VersionConflict."""

    @property
    def id(self) -> str: ...
    @property
    def given(self) -> Sequence[Given]: ...
    @property
    def next_wave(self) -> int: ...
    @property
    def live(self) -> bool:
        """Paid, and neither cancelled nor refunded."""
        ...

    def revoke_write(self, sku: str, act: Act, now: datetime) -> Write: ...
    def replace_write(self, sku: str, act: Act, now: datetime) -> Write: ...


class Owners(Protocol):
    def of(self, shop: str, sku: str, place: int) -> Owner | None:
        """Who was handed the key of that place, as it is written down; a moment late."""
        ...


@dataclass(frozen=True)
class Desk:
    """All that this needs of the world."""

    store: FulfilmentStore
    owners: Owners
    stock: Stock


Plan = Callable[[Act, LicenceKey, Vault, Desk, datetime], list[Write]]


def revoke(act: Act, *, desk: Desk, now: datetime) -> LicenceKey:
    """Good for nothing from now on: its order is told of it. One that nobody has had is withdrawn, with its unit of stock.

    UnknownKey, KeyAlreadyRevoked, KeyOnItsWay, TooManyWithdrawn; InsufficientStock when the unit of a key that nobody has is held.
    """
    return _done(act, _revocation, desk, now)


def replace(act: Act, *, desk: Desk, now: datetime) -> LicenceKey:
    """Its order gets another one from the vault. The key as it is then: `replaced_by` names the other one.

    UnknownKey, KeyNotDelivered, KeyAlreadyReplaced, KeyOnItsWay, KeyOrderEnded, NoKeysLeft, InsufficientStock.
    """
    return _done(act, _replacement, desk, now)


def bring_back(act: Act, *, desk: Desk, now: datetime) -> LicenceKey:
    """A withdrawn key is for sale again. UnknownKey, KeyNotWithdrawn, KeyWasDelivered."""
    return _done(act, _return, desk, now)


def _done(act: Act, plan: Plan, desk: Desk, now: datetime) -> LicenceKey:
    """Planned anew while others change the vault, the stock or the order."""
    for _ in range(ATTEMPTS):
        key = desk.store.vaults.find(act.shop, act.key)
        if key is None:
            raise UnknownKey
        if key.act == act.identity:
            return key
        writes = plan(act, key, desk.store.vaults.vault(act.shop, key.sku), desk, now)
        try:
            desk.store.commit(writes, token=f"{act.key}#{act.identity}")
        except Conflict:
            continue  # looked at again: it may be our own first try, whose reply got lost
    raise UnavailableError("The keys of this item keep changing.")


def _revocation(act: Act, key: LicenceKey, vault: Vault, desk: Desk, now: datetime) -> list[Write]:
    if key.revoked_at or key.withdrawn_at:
        raise KeyAlreadyRevoked("This key was taken back already.", revoked_at=rfc3339(key.revoked_at or key.withdrawn_at or now))
    listed = _listed(key, vault, desk)
    if listed is not None or key.place > vault.taken:
        return _withdrawal(act, key, vault, listed, desk, now)
    owner = _owner(act, key, desk)
    after = vault.model_copy(update={"revoked": vault.revoked + 1})
    return [
        *desk.store.vaults.set_aside_writes(vault, after, None, key.place),
        _marked(act, key, desk, revoked_at=now),
        owner.revoke_write(key.sku, act, now),
    ]


def _withdrawal(act: Act, key: LicenceKey, vault: Vault, listed: Places | None, desk: Desk, now: datetime) -> list[Write]:
    if listed is not None:
        after = vault.model_copy(update={"back": vault.back - 1, "passed": vault.passed + 1})
    elif len(vault.withdrawn) >= MOST_WITHDRAWN:
        raise TooManyWithdrawn("As many keys of this item are withdrawn as can be; bring some back.", most=MOST_WITHDRAWN)
    else:
        after = vault.model_copy(update={"withdrawn": tuple(sorted((*vault.withdrawn, key.place)))})
    return [
        *desk.store.vaults.set_aside_writes(vault, after, listed, key.place),
        _marked(act, key, desk, withdrawn_at=now),
        *desk.stock.write_off_writes(act.shop, key.sku, f"withdraw#{key.id}#{key.version}", act.by, now),
    ]


def _replacement(act: Act, key: LicenceKey, vault: Vault, desk: Desk, now: datetime) -> list[Write]:
    if key.replaced_by:
        raise KeyAlreadyReplaced("This key was replaced already.", replaced_by=key.replaced_by)
    if key.withdrawn_at or key.place > vault.taken or _listed(key, vault, desk) is not None:
        raise KeyNotDelivered("Nobody has this key, so there is nobody to give another one to.")
    owner = _owner(act, key, desk)
    if not owner.live:
        raise KeyOrderEnded("The order of this key was cancelled or refunded; it gets no other one.")
    pick = rules.pick(vault, desk.store.vaults.returned(act.shop, key.sku, 1) if vault.back else (), 1)
    if not pick.quantity:
        raise NoKeysLeft("There is no other key of this item.")
    return [*_handed_instead(act, key, vault, pick, owner, desk, now), owner.replace_write(key.sku, act, now)]


def _handed_instead(act: Act, key: LicenceKey, vault: Vault, pick: Pick, owner: Owner, desk: Desk, now: datetime) -> list[Write]:
    """A revoked key is not counted as revoked once more."""
    (places,) = pick.places
    (other,) = desk.store.vaults.keys(act.shop, key.sku, [places.first])
    after = pick.vault.model_copy(update={"revoked": vault.revoked + (key.revoked_at is None)})
    delivery = Delivery(shop=act.shop, order=owner.id, sku=key.sku, wave=owner.next_wave, first=places.first, last=places.last, at=now)
    return [
        *desk.store.vaults.pick_writes(vault, pick.model_copy(update={"vault": after})),
        _marked(act, key, desk, revoked_at=key.revoked_at or now, replaced_by=other.id),
        desk.store.vaults.delivery_write(delivery),
        *desk.stock.replace_writes(act.shop, key.sku, owner.id, f"replace#{key.id}", act.by, now),
    ]


def _return(act: Act, key: LicenceKey, vault: Vault, desk: Desk, now: datetime) -> list[Write]:
    if key.revoked_at is not None or (key.withdrawn_at is None and key.place <= vault.taken and _listed(key, vault, desk) is None):
        raise KeyWasDelivered("A customer has had this key; it is handed to nobody else.")
    if key.withdrawn_at is None:
        raise KeyNotWithdrawn("This key is for sale.")
    if key.place in vault.withdrawn:
        after = vault.model_copy(update={"withdrawn": tuple(place for place in vault.withdrawn if place != key.place)})
        places: tuple[Places, ...] = ()
    else:
        after = vault.model_copy(update={"passed": vault.passed - 1, "back": vault.back + 1})
        places = (Places(first=key.place, last=key.place),)
    return [
        *desk.store.vaults.put_back_writes(vault, after, places),
        _marked(act, key, desk, withdrawn_at=None),
        *desk.stock.bring_back_writes(act.shop, key.sku, f"bring-back#{key.id}#{key.version}", act.by, now),
    ]


def _listed(key: LicenceKey, vault: Vault, desk: Desk) -> Places | None:
    """The range of returned keys that it lies in."""
    found = desk.store.vaults.returned(vault.shop, vault.sku, 1, key.place) if vault.back else []
    return next((places for places in found if places.first <= key.place), None)


def _owner(act: Act, key: LicenceKey, desk: Desk) -> Owner:
    """Who has it is proven by what was handed out. What was handed out a moment ago may not be written down yet."""
    owner = desk.owners.of(act.shop, key.sku, key.place)
    if owner is not None:
        hands = handed(act.shop, owner.id, owner.given, vaults=desk.store.vaults, queues=desk.store.queues)
        if any(one.sku == key.sku and some.first <= key.place <= some.last for one in hands for some in one.places):
            return owner
    raise KeyOnItsWay("The key is being handed to somebody at this moment. Try again shortly.")


def _marked(act: Act, key: LicenceKey, desk: Desk, **marks: object) -> Write:
    return desk.store.vaults.mark_write(act.shop, key, key.model_copy(update={"act": act.identity, **marks}))
