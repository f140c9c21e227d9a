"""The audit: what came in less what went = on hand = available + locked, for each SKU and for the shop.

Each part is proved from one image of its level and the documents behind it, which never change: so the audit is right beside
buyers, and needs nobody to stop. Repairs are dated corrections in the ledger, and go through only where the part still is what
was seen. The plan and its dry run are the same code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.kernel.writes import Write
from holdfast.stock import ledger
from holdfast.stock.keys import movement_id
from holdfast.stock.ledger import Chain, Figures, Finding
from holdfast.stock.model import PROMISES, Booking, Level, LevelKey, Movement, Reason
from holdfast.stock.ports import StockStore

AT_ONCE = 25
"""SKUs whose documents are read together."""
MOST_CORRECTIONS = 20
"""Of one part in one go; the next audit goes on."""
ATTEMPTS = 8


class Proof(Model):
    """What a SKU's items say. `complete`: all of them were read; `proved`: and they agree."""

    sku: str
    on_hand: int
    available: int
    locked: int
    figures: Figures
    documents: int
    complete: bool
    proved: bool
    findings: tuple[Finding, ...] = ()


class Repair(Model):
    """Corrections of one part. `booked`: units by which the ledger changes. `done` false: planned, or refused (by `refusal`)."""

    sku: str
    part: str
    corrections: tuple[str, ...]
    booked: int
    on_hand: int
    available: int
    done: bool = False
    refusal: str | None = None


class Report(Model):
    """`left`: SKUs that were not reached; ask for them next. Sums are over those that were: `audited`, of which `clean` are proved."""

    at: Instant
    dry_run: bool
    audited: int
    clean: int
    proofs: tuple[Proof, ...]
    repairs: tuple[Repair, ...]
    left: tuple[str, ...]
    figures: Figures
    on_hand: int
    available: int
    locked: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for proof in self.proofs for finding in proof.findings)

    @property
    def proved(self) -> bool:
        return not self.left and self.clean == self.audited

    def without_proved(self) -> "Report":
        """For people: proofs that hold are counted, and not listed."""
        return self.model_copy(update={"proofs": tuple(proof for proof in self.proofs if not proof.proved)})


class Plan(Model):
    """How a part is put right: the documents to append, and its numbers after it. `exact`: only if the level is just as it was seen."""

    level: Level
    documents: tuple[Movement, ...]
    last: str | None
    on_hand: int
    available: int
    exact: bool

    @property
    def booked(self) -> int:
        return sum(line.quantity for document in self.documents for line in document.lines)


def audit(
    shop: str,
    skus: Sequence[str],
    *,
    store: StockStore,
    now: datetime,
    actor: str = "audit",
    repair: bool = False,
    dry_run: bool = True,
    most: int = ledger.MOST_DOCUMENTS,
) -> Report:
    """Prove these SKUs, as far as `most` documents go. With `repair` the corrections are planned, and without `dry_run` written.

    After a repair the proofs tell of the stock as it is then. UnknownStock when the shop has not got one of the SKUs.
    """
    proofs: list[Proof] = []
    repairs: list[Repair] = []
    left = list(dict.fromkeys(skus))
    while left and (read := sum(proof.documents for proof in proofs)) < most:
        some, left = left[:AT_ONCE], left[AT_ONCE:]
        seen = look(shop, some, store=store, most=most - read)
        if repair:
            for sku in some:
                repairs += [_put_right(plan, dry_run, store, actor, now) for plan in plans(seen[sku], actor=actor, now=now)]
            if not dry_run and any(one.sku in some for one in repairs):
                seen = look(shop, some, store=store, most=most - read)
        proofs += [prove(sku, seen[sku]) for sku in some]
    return Report(
        at=now,
        dry_run=dry_run,
        audited=len(proofs),
        clean=sum(proof.proved for proof in proofs),
        proofs=tuple(proofs),
        repairs=tuple(repairs),
        left=tuple(left),
        figures=_sum([proof.figures for proof in proofs]),
        on_hand=sum(proof.on_hand for proof in proofs),
        available=sum(proof.available for proof in proofs),
        locked=sum(proof.locked for proof in proofs),
    )


@dataclass(frozen=True)
class Seen:
    """A SKU's parts, each with its ledger as far as it was read; its pool of promises; parts that should be there and are not."""

    parts: Mapping[str, tuple[Level, Chain]]
    pool: Level | None
    missing: tuple[str, ...]


def look(shop: str, skus: Sequence[str], *, store: StockStore, most: int) -> dict[str, Seen]:
    """Read these SKUs and the documents behind them. UnknownStock."""
    shelves = ledger.booked(shop, skus, store=store)
    chains = {key: Chain(key, level.last) for _, levels in shelves.values() for key, level in levels.items()}
    ledger.walk(list(chains.values()), ledger=store.ledger, shop=shop, most=most)
    pools = store.levels.levels([LevelKey(shop=shop, sku=sku, part=PROMISES) for sku in skus])
    return {
        sku: Seen(
            parts={key.part: (level, chains[key]) for key, level in levels.items()},
            pool=pools.get(LevelKey(shop=shop, sku=sku, part=PROMISES)),
            missing=tuple(part for part in head.booked if LevelKey(shop=shop, sku=sku, part=part) not in levels),
        )
        for sku, (head, levels) in shelves.items()
    }


def prove(sku: str, seen: Seen) -> Proof:
    """Pools are not goods: of them only the sum is looked at."""
    goods = list(seen.parts.values())
    findings = [finding for level, chain in goods for finding in (*ledger.faults(chain, level), *_sums(level, chain))]
    findings += [Finding(code="part_missing", sku=sku, part=part) for part in seen.missing]
    figures = ledger.figures(step for _, chain in goods for step in chain.steps)
    on_hand = sum(level.on_hand for level, _ in goods)
    available, locked = sum(level.available for level, _ in goods), sum(level.locked for level, _ in goods)
    complete = all(chain.next is None for _, chain in goods)
    findings += _pool(seen.pool)
    return Proof(
        sku=sku,
        on_hand=on_hand,
        available=available,
        locked=locked,
        figures=figures,
        documents=sum(len(chain.steps) for _, chain in goods),
        complete=complete,
        proved=complete and not findings and figures.balance == on_hand == available + locked,
        findings=tuple(findings),
    )


def plans(seen: Seen, *, actor: str, now: datetime) -> list[Plan]:
    """How each part that does not fit is put right, where that can be told from its items."""
    planned = [plan(level, chain, actor=actor, now=now) for level, chain in seen.parts.values()]
    return [one for one in planned if one is not None]


def plan(level: Level, chain: Chain, *, actor: str, now: datetime) -> Plan | None:
    """None when the part fits, or when a person must look.

    1. A correction stands for a document that is lost, with the balance that the one after it began with.
    2. A balance that did not follow is booked as a correction that names the document.
    3. The level: two of its three numbers (ledger, on hand, available and locked) that agree outvote the third.
    """
    if chain.next is not None:
        return None  # not all of it was read
    balance, last = ledger.ledger_balance(chain), level.last
    documents: list[Movement] = []
    if chain.lost is not None:
        opening = chain.steps[-1].opening if chain.steps else level.on_hand
        balance = opening if balance is None else balance
        line = _line(chain.key, opening, opening, None)
        documents.append(_correction(chain.stand_in(chain.lost), chain.key, line, "stands for a document that is lost", None, actor, now))
    named = [(step.document.id, gap, "a balance that did not follow") for step, gap in ledger.gaps(chain)]
    named += [(step.document.id, 0, "a transfer that did not come out even") for step in ledger.uneven(chain)]
    for document, gap, note in named[:MOST_CORRECTIONS]:
        line = _line(chain.key, gap, balance or 0, last)
        identity = movement_id(chain.key.shop, chain.key.sku, "reconciles", chain.key.part, document)
        documents.append(_correction(identity, chain.key, line, note, document, actor, now))
        last = identity
    wanted = agreed(level, balance or 0)
    if wanted is not None and (wanted != (level.on_hand, level.available) or wanted[0] != balance):
        on_hand, available = wanted
        line = _line(chain.key, on_hand - (balance or 0), on_hand, last)
        identity = movement_id(chain.key.shop, chain.key.sku, "corrects", chain.key.part, _image(level), str(last))
        note = f"available {level.available} to {available}, on hand {level.on_hand} to {on_hand}"
        documents.append(_correction(identity, chain.key, line, note, None, actor, now))
        last = identity
    if not documents:
        return None
    on_hand, available = wanted or (level.on_hand, level.available)
    exact = (on_hand, available) != (level.on_hand, level.available) or (chain.lost is not None and not chain.steps)
    return Plan(level=level, documents=tuple(documents), last=last, on_hand=on_hand, available=available, exact=exact)


def agreed(level: Level, balance: int) -> tuple[int, int] | None:
    """On hand and available as they should be. None when more is held than there is: whom to disappoint is not ours to say."""
    if level.available + level.locked == level.on_hand:
        return level.on_hand, level.available
    available = balance - level.locked
    return (balance, available) if available >= 0 else None


def _put_right(plan: Plan, dry_run: bool, store: StockStore, actor: str, now: datetime) -> Repair:
    """Once more from a new look where the part was changed meanwhile: a shop that sells is not a reason to give up."""
    refusal = None
    for _ in range(0 if dry_run else ATTEMPTS):
        try:
            store.commit(_writes(plan, store), token=plan.documents[-1].id)
        except VersionConflict as moved:
            if store.ledger.movement(plan.level.key.shop, plan.documents[-1].id) is None:
                refusal, newer = moved.code, _plan_again(plan, store, actor, now)
                if newer is None:
                    break  # somebody else put it right
                plan = newer
                continue
        if plan.available > plan.level.available:
            store.levels.announce(plan.level.key.shop, plan.level.key.sku)
        return _told(plan, done=True)
    return _told(plan, refusal=refusal)


def _plan_again(before: Plan, store: StockStore, actor: str, now: datetime) -> Plan | None:
    key = before.level.key
    seen = look(key.shop, [key.sku], store=store, most=ledger.MOST_DOCUMENTS)[key.sku].parts.get(key.part)
    return plan(*seen, actor=actor, now=now) if seen else None


def _writes(plan: Plan, store: StockStore) -> list[Write]:
    """Where only the ledger is short of a line buyers go on; where numbers change, the level must be just as it was seen."""
    documents = [store.ledger.movement_write(document) for document in plan.documents]
    if plan.exact:
        last = plan.last or plan.documents[-1].id
        return [*documents, store.ledger.mend_write(plan.level, on_hand=plan.on_hand, available=plan.available, document=last)]
    if plan.last is not None and plan.last != plan.level.last:
        return [*documents, store.levels.change_write(plan.level, 0, plan.last)]
    return documents  # of the past only


def _told(plan: Plan, *, done: bool = False, refusal: str | None = None) -> Repair:
    return Repair(
        sku=plan.level.key.sku,
        part=plan.level.key.part,
        corrections=tuple(document.id for document in plan.documents),
        booked=plan.booked,
        on_hand=plan.on_hand,
        available=plan.available,
        done=done,
        refusal=refusal,
    )


def _sums(level: Level, chain: Chain) -> list[Finding]:
    """A level whose numbers do not add up, and one that promises more than it has."""
    where = {"sku": level.key.sku, "part": level.key.part}
    balance = ledger.ledger_balance(chain)
    sum_ = level.available + level.locked
    found = []
    if level.on_hand != sum_:
        repairable = agreed(level, level.on_hand if balance is None else balance) is not None
        found.append(Finding(code="level_out_of_balance", **where, expected=level.on_hand, found=sum_, repairable=repairable))
    if level.available < 0 or level.locked > level.on_hand:
        found.append(Finding(code="held_beyond_on_hand", **where, expected=level.on_hand, found=level.locked))
    return found


def _pool(pool: Level | None) -> list[Finding]:
    if pool is None or pool.on_hand == (sum_ := pool.available + pool.locked):
        return []
    return [Finding(code="pool_out_of_balance", sku=pool.key.sku, part=pool.key.part, expected=pool.on_hand, found=sum_)]


def _line(key: LevelKey, quantity: int, balance: int, before: str | None) -> Booking:
    return Booking(sku=key.sku, part=key.part, quantity=quantity, balance=balance, before=before)


def _correction(identity: str, key: LevelKey, line: Booking, note: str, document: str | None, actor: str, now: datetime) -> Movement:
    return Movement(id=identity, shop=key.shop, reason=Reason.CORRECTION, at=now, actor=actor, document=document, note=note, lines=(line,))


def _image(level: Level) -> str:
    return f"{level.version}/{level.on_hand}/{level.available}/{level.locked}"


def _sum(all_figures: Sequence[Figures]) -> Figures:
    total = Figures()
    for one in all_figures:
        total = total.plus(one)
    return total
