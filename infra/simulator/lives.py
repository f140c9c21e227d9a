"""A lock's life over all parts of a SKU: from its first unit to its last. Laws H3 (grants), H4 (sums), H5 and H6."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.simulator.history import GoodsKey, History, Image, Intent, LevelKey, Result, Verdict, Wanted
from infra.simulator.steps import Kind, Step, Unlawful, between

LockKey = tuple[str, str, str]
"""Shop, SKU and the name of the entries."""


@dataclass
class Life:
    born: float
    units: int = 0
    most: int = 0
    unsure: int = 0
    """Units that were taken by a call whose sender had no answer: it may have come late, when he had taken others instead."""
    confirmed: int = 0
    freed: list[tuple[float, int]] = field(default_factory=list)
    over: float | None = None


@dataclass
class _Ledger:
    lives: dict[LockKey, list[Life]] = field(default_factory=lambda: defaultdict(list))
    moved: dict[tuple[GoodsKey, int], int] = field(default_factory=lambda: defaultdict(int))
    """Units booked per SKU and commit: two sides of a transfer come to nothing."""
    freed: list[tuple[LockKey, Step, Image]] = field(default_factory=list)


def judge_lives(history: History) -> list[Verdict]:
    ledger = _Ledger()
    standing: dict[LevelKey, Image] = {}
    unanswered = {call.id for call in history.calls if call.result is Result.UNKNOWN}
    for image in history.images:
        before = standing.get(image.key)
        standing[image.key] = image
        if history.pools(image.key[2]):
            continue
        try:
            first = Image(image.at, image.key, 0, image.on_hand, image.available + image.locked, {}, image.commit)
            for step in between(before or first, image, history.own_entry):
                _note(ledger, step, image, unsure=image.cause in unanswered)
        except Unlawful:
            continue  # said already
    found = [*_judge_sales(ledger), *_judge_sums(history, ledger, standing)]
    if history.intents is not None:
        found += _judge_intents(history, ledger)
    return found


def _note(ledger: _Ledger, step: Step, image: Image, *, unsure: bool) -> None:
    shop, sku, _ = image.key
    lives = ledger.lives[shop, sku, step.name] if step.name else []
    if step.kind is Kind.BOOKED:
        ledger.moved[(shop, sku), image.commit] += step.units
    elif step.kind is Kind.TAKEN:
        if not lives or lives[-1].over is not None:
            lives.append(Life(image.at))
        lives[-1].units += step.units
        lives[-1].unsure += step.units if unsure else 0
        lives[-1].most = max(lives[-1].most, lives[-1].units)
    elif step.kind in {Kind.FREED, Kind.CONFIRMED} and lives:
        life = lives[-1]
        life.units -= step.units
        if step.kind is Kind.CONFIRMED:
            life.confirmed += step.units
        else:
            life.freed.append((image.at, step.units))
            ledger.freed.append(((shop, sku, step.name), step, image))
        if life.units == 0:
            life.over = image.at


def _judge_sales(ledger: _Ledger) -> Iterator[Verdict]:
    for key, lives in ledger.lives.items():
        if sum(life.confirmed > 0 for life in lives) > 1:
            yield Verdict("H5", f"lock {_lock(key)} was sold in {sum(life.confirmed > 0 for life in lives)} lives")


def _judge_sums(history: History, ledger: _Ledger, standing: dict[LevelKey, Image]) -> Iterator[Verdict]:
    """Units of a SKU at the beginning are those of the first image of each of its parts."""
    first: dict[LevelKey, Image] = {}
    for image in history.images:
        first.setdefault(image.key, image)
    goods = {key for key in first if not history.pools(key[2])}
    for shop, sku in {(shop, sku) for shop, sku, _ in goods}:
        parts = [key for key in goods if key[:2] == (shop, sku)]
        sold = sum(life.confirmed for key, lives in ledger.lives.items() if key[:2] == (shop, sku) for life in lives)
        came = (history.booked or {}).get((shop, sku), 0)
        if history.booked is None:
            came = sum(units for (goods_key, _), units in ledger.moved.items() if goods_key == (shop, sku))
        before, after = sum(first[key].on_hand for key in parts), sum(standing[key].on_hand for key in parts)
        if after != before + came - sold:
            yield Verdict("H6", f"{shop}#{sku}: {before} at first, {came} booked, {sold} sold, and {after} at last")


def _judge_intents(history: History, ledger: _Ledger) -> Iterator[Verdict]:
    intents: dict[tuple[str, str], list[Intent]] = defaultdict(list)
    frees: dict[tuple[str, str], list[Intent]] = defaultdict(list)
    for intent in history.intents or ():
        intents[intent.shop, intent.name].append(intent)
        for name in (intent.name, *intent.may_free):
            frees[intent.shop, name].append(intent)
    for key, lives in ledger.lives.items():
        yield from _judge_lock(key, lives, intents[key[0], key[2]])
    for own in intents.values():
        for intent in own:
            yield from _judge_answer(intent, ledger, own)
    for key, step, image in ledger.freed:
        dead = history.began + image.at * 1000 >= step.expiry
        if not dead and not any(_may_free(intent, image.at) for intent in frees[key[0], key[2]]):
            early = step.expiry - history.began - round(image.at * 1000)
            yield Verdict("H5", f"lock {_lock(key)} lost {step.units} units {early} ms before its expiry, and nobody had asked for it")


def _judge_lock(key: LockKey, lives: list[Life], intents: list[Intent]) -> Iterator[Verdict]:
    holds = [intent for intent in intents if intent.what is Wanted.HOLD]
    asked = max((intent.asked.get(key[1], 0) for intent in holds), default=0)
    for life in lives:
        if life.most > asked + life.unsure:
            yield Verdict("H4", f"lock {_lock(key)} had {life.most} units and had asked for {asked}")
        wanted = [intent for intent in intents if intent.what is Wanted.CONFIRM and intent.result is not Result.REFUSED]
        if life.confirmed and not wanted:
            yield Verdict("H5", f"lock {_lock(key)} was sold, and nobody had confirmed it")
        granted = max((intent.ended for intent in holds if intent.begun <= life.born), default=float("inf"))
        if life.confirmed and sum(units for at, units in life.freed if at > granted) > life.unsure:
            yield Verdict("H5", f"lock {_lock(key)} was sold in part and given back in part")


def _judge_answer(intent: Intent, ledger: _Ledger, own: list[Intent]) -> Iterator[Verdict]:
    """An answer is a promise: granted units are there, refused ones are not, and what was confirmed is sold."""
    for sku, asked in intent.asked.items():
        key = (intent.shop, sku, intent.name)
        lives = ledger.lives.get(key, [])
        there = [life for life in lives if life.born <= intent.ended and (life.over is None or life.over >= intent.begun)]
        if intent.what is Wanted.HOLD and intent.result is Result.OK and not any(life.most >= asked for life in there):
            yield Verdict("H3", f"lock {_lock(key)} was granted {asked} units, and never had them")
        alone = sum(other.what is Wanted.HOLD for other in own) == 1
        if intent.what is Wanted.HOLD and intent.result is Result.REFUSED and alone and any(life.units > life.unsure for life in lives):
            yield Verdict("H5", f"lock {_lock(key)} was refused, and still has units")
        if intent.what is Wanted.CONFIRM and intent.result is Result.OK and sum(life.confirmed for life in lives) != asked:
            yield Verdict("H5", f"lock {_lock(key)} was confirmed, and {sum(life.confirmed for life in lives)} of {asked} units were sold")


def _may_free(intent: Intent, at: float) -> bool:
    """A release from when it began; a hold while it is under way: it steps back, or plans anew."""
    if intent.result is Result.UNKNOWN:
        return intent.begun <= at and intent.what in {Wanted.HOLD, Wanted.RELEASE}
    if intent.what is Wanted.HOLD:
        return intent.begun <= at <= intent.ended
    return intent.what is Wanted.RELEASE and intent.begun <= at


def _lock(key: LockKey) -> str:
    return f"{key[2]} at {key[0]}#{key[1]}"
