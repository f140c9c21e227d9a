"""Reading the ledger: a SKU's history, and its stock at any instant. Each part's documents are walked back from its level.

Documents are never changed, so what is read is right for the level it was read from, however much is sold meanwhile. What does
not fit is a finding and no error: a ledger that cannot be read is when it is needed most.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.stock.errors import UnknownStock
from holdfast.stock.keys import movement_id
from holdfast.stock.model import Booking, Level, LevelKey, Movement, Reason, location_of
from holdfast.stock.ports import Ledger, StockStore
from holdfast.stock.shelves import Shelf

MOST_DOCUMENTS = 5000
"""Read by one call at most. One part's documents can only be read one after the other: about 3 ms each on AWS."""


class Finding(Model):
    """Something does not fit. `code` is stable; the rest names the items that cause it, and what they say.

    `repairable`: the audit can put it right by a correction; else a person must look.
    """

    code: str
    sku: str
    part: str | None = None
    document: str | None = None
    entry: str | None = None
    lock: str | None = None
    expected: int | None = None
    found: int | None = None
    repairable: bool = False


class Row(Model):
    """One line of a SKU's history. `quantity` is signed, `balance` is what was on hand in that part after it."""

    id: str
    at: Instant
    reason: Reason
    sku: str
    part: str
    location: str
    quantity: int
    balance: int
    actor: str
    document: str | None
    note: str | None


class Page(Model):
    """`next`: the document of each part to go on from; None when this was all."""

    rows: tuple[Row, ...]
    next: Mapping[str, str] | None
    findings: tuple[Finding, ...] = ()


class Figures(Model):
    """What came in and went, in units. `adjusted`, `corrected` and `transferred` are signed; transfers of a SKU come to nothing."""

    received: int = 0
    returned: int = 0
    adjusted: int = 0
    corrected: int = 0
    transferred: int = 0
    sold: int = 0
    written_off: int = 0

    @property
    def balance(self) -> int:
        """What must be on hand if this is all that ever happened."""
        return self.received + self.returned + self.adjusted + self.corrected + self.transferred - self.sold - self.written_off

    def plus(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in Figures.model_fields})


class Rebuilt(Model):
    """A SKU at an instant. `complete`: every document was read; else `figures` tell of those that were."""

    sku: str
    at: Instant
    on_hand: int
    parts: Mapping[str, int]
    figures: Figures
    documents: int
    complete: bool
    findings: tuple[Finding, ...] = ()


FIGURES = {
    Reason.RESTOCK: ("received", 1),
    Reason.RETURN: ("returned", 1),
    Reason.ADJUSTMENT: ("adjusted", 1),
    Reason.CORRECTION: ("corrected", 1),
    Reason.TRANSFER: ("transferred", 1),
    Reason.SALE: ("sold", -1),
    Reason.WRITE_OFF: ("written_off", -1),
}


@dataclass(frozen=True)
class Step:
    """A document's line of one part. `name` is what the one after it calls it; another may stand for a document that is lost."""

    name: str
    document: Movement
    booking: Booking

    def row(self) -> Row:
        return Row(
            id=self.document.id,
            at=self.document.at,
            reason=self.document.reason,
            sku=self.booking.sku,
            part=self.booking.part,
            location=location_of(self.booking.part),
            quantity=self.booking.quantity,
            balance=self.booking.balance,
            actor=self.document.actor,
            document=self.document.document,
            note=self.document.note,
        )

    @property
    def opening(self) -> int:
        """On hand before it, as it says itself."""
        return self.booking.balance - self.booking.quantity


@dataclass
class Chain:
    """The ledger of one part as far as it was read, newest first. `next` is the document to go on from, `lost` one that is not there."""

    key: LevelKey
    next: str | None
    steps: list[Step] = field(default_factory=list)
    lost: str | None = None
    _met: set[str] = field(default_factory=set)

    def read(self, found: Mapping[str, Movement]) -> bool:
        """Whether the next document was among these, and tells of this part."""
        name = self.next or ""
        for document in (found.get(name), found.get(self.stand_in(name))):
            booking = document.booking(self.key.sku, self.key.part) if document else None
            if document is not None and booking is not None and name not in self._met:
                self._met.add(name)
                self.steps.append(Step(name, document, booking))
                self.next = booking.before
                return True
        return False

    def lose(self) -> None:
        self.lost, self.next = self.next, None

    def stand_in(self, lost: str) -> str:
        """The id of the correction that stands for a document that is lost to this part."""
        return stand_in(self.key, lost)


def stand_in(key: LevelKey, lost: str) -> str:
    return movement_id(key.shop, key.sku, "stands-for", key.part, lost)


def history(shop: str, sku: str, *, store: StockStore, limit: int, before: Mapping[str, str] | None = None) -> Page:
    """Newest first, over all parts of the SKU. `before` is the `next` of the page before. UnknownStock.

    Documents of several parts are read together, one read per step; between parts their instants decide, within one its chain.
    """
    if before is None:
        _, levels = booked(shop, [sku], store=store)[sku]
        chains = [Chain(key, level.last) for key, level in levels.items()]
    else:
        chains = [Chain(LevelKey(shop=shop, sku=sku, part=part), name) for part, name in before.items()]
    rows: list[Row] = []
    told = dict.fromkeys((chain.key for chain in chains), 0)
    while len(rows) < limit:
        unread = [chain for chain in chains if chain.next is not None]
        if any(told[chain.key] == len(chain.steps) for chain in unread):
            share = -(-(limit - len(rows)) // len(unread)) + 1  # one ahead: a part is told of only when its next row is known
            _read_on([chain for chain in unread if len(chain.steps) - told[chain.key] < share], store.ledger, shop)
            continue
        ready = [chain for chain in chains if told[chain.key] < len(chain.steps)]
        if not ready:
            break
        newest = max(ready, key=lambda chain: _age(chain.steps[told[chain.key]]))
        rows.append(newest.steps[told[newest.key]].row())
        told[newest.key] += 1
    left = {chain.key.part: name for chain in chains if (name := _goes_on(chain, told[chain.key]))}
    return Page(rows=tuple(rows), next=left or None, findings=tuple(finding for chain in chains for finding in lost(chain)))


def rebuild(shop: str, sku: str, *, at: datetime, store: StockStore, most: int = MOST_DOCUMENTS) -> Rebuilt:
    """What was on hand at an instant, and what had come in and gone by then. UnknownStock."""
    _, levels = booked(shop, [sku], store=store)[sku]
    chains = [Chain(key, level.last) for key, level in levels.items()]
    documents = walk(chains, ledger=store.ledger, shop=shop, most=most)
    known = {chain.key.part: _until(chain, at) for chain in chains}
    parts = {chain.key.part: _on_hand(chain, known[chain.key.part]) for chain in chains}
    return Rebuilt(
        sku=sku,
        at=at,
        on_hand=sum(parts.values()),
        parts=parts,
        figures=figures(step for steps in known.values() for step in steps),
        documents=documents,
        complete=all(chain.next is None and chain.lost is None for chain in chains),
        findings=tuple(finding for chain in chains for finding in faults(chain, levels[chain.key])),
    )


def booked(shop: str, skus: Sequence[str], *, store: StockStore) -> dict[str, Shelf]:
    """These SKUs with every part that may have a ledger. UnknownStock when one of them is not there."""
    heads, found = store.levels.with_heads(shop, dict.fromkeys(skus, ("0",)))
    if missing := [sku for sku in skus if sku not in heads]:
        raise UnknownStock(f"There is no such SKU: {missing[0]}.")
    keys = {sku: [LevelKey(shop=shop, sku=sku, part=part) for part in heads[sku].booked] for sku in skus}
    more = [key for of_sku in keys.values() for key in of_sku if key not in found]
    levels = found | (store.levels.levels(more) if more else {})
    return {sku: (heads[sku], {key: levels[key] for key in keys[sku] if key in levels}) for sku in skus}


def walk(chains: Sequence[Chain], *, ledger: Ledger, shop: str, most: int) -> int:
    """Read the chains to their beginning, all of them together, or until so many documents were read; how many that were."""
    while (unread := [chain for chain in chains if chain.next is not None]) and (read := sum(len(chain.steps) for chain in chains)) < most:
        _read_on(unread[: most - read], ledger, shop)
    return sum(len(chain.steps) for chain in chains)


def figures(steps: Iterable[Step]) -> Figures:
    totals: dict[str, int] = {}
    for step in steps:
        name, sign = FIGURES[step.document.reason]
        totals[name] = totals.get(name, 0) + sign * step.booking.quantity
    return Figures(**totals)


def faults(chain: Chain, level: Level) -> list[Finding]:
    """What does not fit in a part's ledger: a document that is lost, a balance that does not follow, a level beside its ledger."""
    found = [*lost(chain), *(_gap(chain, step, gap) for step, gap in gaps(chain)), *(_uneven(chain, step) for step in uneven(chain))]
    balance = ledger_balance(chain)
    if balance is not None and balance != level.on_hand:
        where = {"sku": chain.key.sku, "part": chain.key.part, "document": level.last}
        found.append(Finding(code="level_beside_ledger", **where, expected=balance, found=level.on_hand, repairable=True))
    return found


def lost(chain: Chain) -> list[Finding]:
    """The document that a part's ledger names, and that is not there or does not tell of the part."""
    if chain.lost is None:
        return []
    missing = chain.steps[-1].opening if chain.steps else None
    return [
        Finding(code="document_missing", sku=chain.key.sku, part=chain.key.part, document=chain.lost, expected=missing, repairable=True)
    ]


def gaps(chain: Chain) -> list[tuple[Step, int]]:
    """Documents whose balance is not the one before plus what they book, and by how much; but for those that a correction names."""
    found = []
    for step, older in zip(chain.steps, [*chain.steps[1:], None], strict=False):
        if older is None and (chain.next is not None or chain.lost is not None):
            continue  # what was before it is not known
        gap = step.opening - (older.booking.balance if older else 0)
        if gap:
            found.append((step, gap))
    closed = {step.document.document: gap for step, gap in found if step.document.reason is Reason.CORRECTION}
    open_ = {step.document.id: gap for step, gap in found}
    settled = {name for name, gap in closed.items() if open_.get(name or "") == -gap}
    return [(step, gap) for step, gap in found if step.document.id not in settled and step.document.document not in settled]


def uneven(chain: Chain) -> list[Step]:
    """Transfers that took another number of units than they brought; but for those that a correction names. Told at their first part."""
    named = {step.document.document for step in chain.steps if step.document.reason is Reason.CORRECTION}
    return [
        step
        for step in chain.steps
        if step.document.reason is Reason.TRANSFER and _came_of(step) and _first(step) and step.document.id not in named
    ]


def ledger_balance(chain: Chain) -> int | None:
    """On hand as the ledger has it; None when its last document is not there."""
    if chain.steps:
        return chain.steps[0].booking.balance
    return 0 if chain.lost is None and chain.next is None else None


def _gap(chain: Chain, step: Step, gap: int) -> Finding:
    where = {"sku": chain.key.sku, "part": chain.key.part, "document": step.document.id}
    return Finding(code="balance_gap", **where, expected=step.booking.balance - gap, found=step.booking.balance, repairable=True)


def _uneven(chain: Chain, step: Step) -> Finding:
    where = {"sku": chain.key.sku, "part": chain.key.part, "document": step.document.id}
    return Finding(code="transfer_uneven", **where, expected=0, found=_came_of(step), repairable=True)


def _came_of(step: Step) -> int:
    return sum(line.quantity for line in step.document.lines if line.sku == step.booking.sku)


def _first(step: Step) -> bool:
    return step.booking.part == next(line.part for line in step.document.lines if line.sku == step.booking.sku)


def _read_on(chains: Sequence[Chain], ledger: Ledger, shop: str) -> None:
    """One document further in each: one read, and one more where a document is lost and another may stand for it."""
    found = ledger.movements(shop, list(dict.fromkeys(chain.next for chain in chains if chain.next)))
    missed = [chain for chain in chains if not chain.read(found)]
    if not missed:
        return
    others = ledger.movements(shop, [chain.stand_in(chain.next or "") for chain in missed])
    for chain in missed:
        if not chain.read(others):
            chain.lose()


def _until(chain: Chain, at: datetime) -> list[Step]:
    """The steps up to an instant. Workers' clocks differ a little: within a part the order of its chain counts."""
    return next((chain.steps[number:] for number, step in enumerate(chain.steps) if step.document.at <= at), [])


def _on_hand(chain: Chain, known: Sequence[Step]) -> int:
    if known:
        return known[0].booking.balance
    return chain.steps[-1].opening if chain.steps else 0


def _age(step: Step) -> tuple[datetime, str, str]:
    return (step.document.at, step.document.id, step.booking.part)


def _goes_on(chain: Chain, told: int) -> str | None:
    return chain.steps[told].name if told < len(chain.steps) else chain.next
