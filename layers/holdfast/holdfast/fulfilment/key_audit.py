"""Proof that each licence key belongs to one order line at most: every place is accounted for once. Reads only.

All orders of the shop are looked at, because only they know what they took. What moves while it is looked at proves nothing either way:
such a SKU is to be looked at again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple, Protocol

from pydantic import Field

from holdfast.fulfilment.handing import handed
from holdfast.fulfilment.model import Batch, Given, KeyMark, Places, Queue, Vault, total
from holdfast.fulfilment.ports import FulfilmentStore
from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model

MOST_ORDERS = 100_000
"""In one run: each costs a read or two, some 5 ms, and the function has fifteen minutes."""
PAGE = 500
NOBODY = ""


class AuditKeys(Model):
    """`limit` SKUs in their order, behind `after`; or one."""

    shop: ShopId
    sku: Sku | None = None
    limit: int = Field(default=50, ge=1, le=500)
    after: Sku | None = None


class Kind(StrEnum):
    SHARED = "shared"
    """A place is accounted for twice."""
    LOST = "lost"
    """A place was taken, and nobody has it."""
    EARLY = "early"
    """Somebody has a place that was not taken yet, or that there is not."""
    UNEVEN = "uneven"
    """An order has more keys, or fewer, than units of its line were handed over."""
    MISCOUNTED = "miscounted"
    """A count of the vault is not what is there."""


class Finding(Model):
    """`orders` have to do with it; `expected` and `found` are counts."""

    kind: Kind
    place: int | None = None
    orders: tuple[str, ...] = ()
    count: str | None = None
    expected: int | None = None
    found: int | None = None


class SkuProof(Model):
    """`moving`: it was changed while it was looked at; look again."""

    sku: str
    imported: int
    taken: int
    proved: bool
    moving: bool
    findings: tuple[Finding, ...]


class KeysAudited(Model):
    """`complete`: all orders of the shop were looked at; without them nothing is proved. `next`: the SKU to go on behind."""

    skus: tuple[SkuProof, ...]
    orders: int
    complete: bool
    next: str | None


class Buyer(Model):
    """A paid order. `units` of its digital lines that were handed over, with those that came in the place of others."""

    id: str
    given: tuple[Given, ...]
    units: Mapping[str, int]


class Book(Protocol):
    def skus(self, shop: str) -> Iterator[str]:
        """All that the shop ever had, in their order."""
        ...

    def buyers(self, shop: str) -> Iterator[Buyer | None]:
        """All orders; None for one that never got its money."""
        ...


class Use(NamedTuple):
    places: Places
    order: str


class Seen(NamedTuple):
    """A SKU as it was before its orders were looked at."""

    vault: Vault
    queue: Queue
    returned: tuple[Places, ...]
    open: Batch | None


def audit(command: AuditKeys, *, store: FulfilmentStore, book: Book, most: int = MOST_ORDERS) -> KeysAudited:
    """Each SKU's places, and what is with whom."""
    shop = command.shop
    known = [command.sku] if command.sku else [sku for sku in book.skus(shop) if command.after is None or sku > command.after]
    chosen = known[: command.limit]
    seen = {sku: _seen(shop, sku, store) for sku in chosen}
    uses, uneven, looked, complete = _with_orders(shop, seen, store, book, most)
    proofs = tuple(_proof(shop, sku, seen[sku], uses[sku], uneven[sku], store, complete) for sku in chosen)
    return KeysAudited(skus=proofs, orders=looked, complete=complete, next=chosen[-1] if len(known) > len(chosen) else None)


def _seen(shop: str, sku: str, store: FulfilmentStore) -> Seen:
    vault, queue = store.vaults.vault(shop, sku), store.queues.queue(shop, sku)
    batch = store.queues.batch(shop, sku, queue.batches) if queue.open else None
    return Seen(vault, queue, tuple(_returned(shop, sku, store)), batch)


def _returned(shop: str, sku: str, store: FulfilmentStore) -> Iterator[Places]:
    start = 0
    while page := store.vaults.returned(shop, sku, PAGE, start):
        yield from page
        start = page[-1].last + 1


def _with_orders(
    shop: str, seen: Mapping[str, Seen], store: FulfilmentStore, book: Book, most: int
) -> tuple[Mapping[str, list[Use]], Mapping[str, list[Finding]], int, bool]:
    uses: dict[str, list[Use]] = defaultdict(list)
    uneven: dict[str, list[Finding]] = defaultdict(list)
    orders = book.buyers(shop)
    looked = 0
    for buyer in islice(orders, most):
        looked += 1
        if buyer is not None and any(sku in seen for sku in buyer.units):
            _with_order(shop, buyer, seen, store, uses, uneven)
    return uses, uneven, looked, next(orders, NOBODY) == NOBODY


def _with_order(
    shop: str,
    buyer: Buyer,
    seen: Mapping[str, Seen],
    store: FulfilmentStore,
    uses: Mapping[str, list[Use]],
    uneven: Mapping[str, list[Finding]],
) -> None:
    """What it took of an open batch is accounted for with the batch."""
    of_open = {(one.sku, one.wave) for one in buyer.given if one.sku in seen and _is_open(seen[one.sku], one)}
    keys: Counter[str] = Counter()
    for hand in handed(shop, buyer.id, buyer.given, vaults=store.vaults, queues=store.queues):
        keys[hand.sku] += total(hand.places)
        if hand.sku in seen and (hand.sku, hand.wave) not in of_open:
            uses[hand.sku].extend(Use(places, buyer.id) for places in hand.places)
    for sku in (keys.keys() | buyer.units.keys()) & seen.keys():
        expected = buyer.units.get(sku, 0)
        if keys[sku] != expected:
            uneven[sku].append(Finding(kind=Kind.UNEVEN, orders=(buyer.id,), expected=expected, found=keys[sku]))


def _is_open(seen: Seen, given: Given) -> bool:
    return seen.open is not None and seen.open.number == given.batch


def _proof(
    shop: str, sku: str, seen: Seen, of_orders: Sequence[Use], uneven: Sequence[Finding], store: FulfilmentStore, complete: bool
) -> SkuProof:
    marks = [mark for start in range(1, seen.vault.imported + 1, PAGE) for mark in _marks(shop, sku, start, seen, store)]
    moving = (store.vaults.vault(shop, sku), store.queues.queue(shop, sku)) != (seen.vault, seen.queue)
    passed = [
        Use(Places(first=mark.place, last=mark.place), NOBODY) for mark in marks if mark.withdrawn_at and mark.place <= seen.vault.taken
    ]
    allotted = [Use(places, one.order) for one in (seen.open.allotments if seen.open else ()) for places in one.places]
    uses = [*of_orders, *allotted, *passed, *(Use(places, NOBODY) for places in seen.returned)]
    findings = (*_places(seen.vault, uses, complete), *uneven, *_counts(seen, marks))
    found = () if moving else findings
    return SkuProof(
        sku=sku,
        imported=seen.vault.imported,
        taken=seen.vault.taken,
        proved=complete and not moving and not found,
        moving=moving,
        findings=found,
    )


def _marks(shop: str, sku: str, start: int, seen: Seen, store: FulfilmentStore) -> list[KeyMark]:
    return store.vaults.marks(shop, sku, range(start, min(start + PAGE, seen.vault.imported + 1)))


def _places(vault: Vault, uses: Iterable[Use], complete: bool) -> Iterator[Finding]:
    """From the first place to the last that was taken: each in one use."""
    reached, owner = 0, NOBODY
    for use in sorted(uses, key=lambda use: (use.places.first, use.places.last)):
        first, last = use.places.first, use.places.last
        if first <= reached:
            yield Finding(kind=Kind.SHARED, place=first, orders=tuple(sorted({owner, use.order} - {NOBODY})))
        elif first > reached + 1 and complete:
            yield Finding(kind=Kind.LOST, place=reached + 1)
        if last > vault.taken:
            yield Finding(kind=Kind.EARLY, place=max(first, vault.taken + 1), orders=(use.order,) if use.order else ())
        if last > reached:
            reached, owner = last, use.order
    if reached < vault.taken and complete:
        yield Finding(kind=Kind.LOST, place=reached + 1)


def _counts(seen: Seen, marks: Sequence[KeyMark]) -> Iterator[Finding]:
    vault = seen.vault
    withdrawn = [mark.place for mark in marks if mark.withdrawn_at]
    there = {
        "imported": (vault.imported, len(marks)),
        "back": (vault.back, total(seen.returned)),
        "withdrawn": (len(vault.withdrawn), sum(place > vault.taken for place in withdrawn)),
        "passed": (vault.passed, sum(place <= vault.taken for place in withdrawn)),
        "revoked": (vault.revoked, sum(mark.revoked_at is not None for mark in marks)),
    }
    for count, (expected, found) in there.items():
        if expected != found:
            yield Finding(kind=Kind.MISCOUNTED, count=count, expected=expected, found=found)
