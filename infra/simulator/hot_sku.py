"""Many buyers want one SKU at once: what they are told, how soon, and what it costs.

python3 infra/dev.py simulate hot-sku --buyers 10000 --stock 1000
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from holdfast.stock.layout import LOCKS_PER_SHARD
from infra.simulator.history import Image, Result, Verdict
from infra.simulator.laws import verdicts
from infra.simulator.market import Answer, Market, World
from infra.simulator.partitions import Faults, Limits

Json = dict[str, Any]
COMMON = 12
"""Ways that are shown."""


@dataclass(frozen=True)
class Habits:
    """What buyers do with a hold after about `pause` seconds: shares of those who pay, of those who take longer and then pay, and of
    those who give it back. The rest walk away."""

    confirm: float = 0.0
    extend: float = 0.0
    release: float = 0.0
    pause: float = 0.5


@dataclass(frozen=True)
class Sale:
    """Buyers arrive evenly at random over `window` seconds; each wants `quantity`.

    `sweeps`: seconds between two sweeps, as long as buyers come and once after. `growth`: seconds after which the stream's
    consumer hears of a crowded shard.
    """

    buyers: int = 10_000
    window: float = 2.0
    quantity: int = 1
    habits: Habits | None = None
    sweeps: float | None = None
    growth: float | None = None


def sell(market: Market, sale: Sale) -> None:
    """Run it to the end."""
    begun = market.clock.seconds
    then = partial(_live, market, sale, sale.habits) if sale.habits else None
    for number in range(sale.buyers):
        arrival = begun + market.chance.random() * sale.window
        market.clock.at(arrival, partial(market.wish, number, sale.quantity, then=then))
    if sale.sweeps:
        for tick in range(1, int(sale.window / sale.sweeps) + 2):
            market.clock.at(begun + tick * sale.sweeps, market.sweep)
    if sale.growth is not None:
        market.recorder.streams.append(_Stream(market, sale.growth).tell)
    market.clock.run()


def _live(market: Market, sale: Sale, habits: Habits, lock: str, order: str) -> None:
    pause, fate = habits.pause * market.chance.uniform(0.5, 1.5), market.chance.random()
    clock = market.clock

    def extend_and_pay() -> None:
        market.extend(lock, order)
        clock.sleep(pause)
        market.confirm(lock, order, sale.quantity)

    if fate < habits.confirm:
        clock.at(clock.seconds + pause, partial(market.confirm, lock, order, sale.quantity))
    elif fate < habits.confirm + habits.extend:
        clock.at(clock.seconds + pause, extend_and_pay)
    elif fate < habits.confirm + habits.extend + habits.release:
        clock.at(clock.seconds + pause, partial(market.release, lock))


@dataclass
class _Stream:
    """Of the stock table: one record at a time is looked at, and a crowded shard is told of once until it was seen to."""

    market: Market
    delay: float
    under_way: bool = False

    def tell(self, image: Image) -> None:
        if len(image.entries) > LOCKS_PER_SHARD and not self.under_way:
            self.under_way = True
            self.market.clock.at(self.market.clock.seconds + self.delay, self._grow)

    def _grow(self) -> None:
        self.market.grow()
        self.under_way = False


def report(market: Market) -> Json:
    """The figures of the table. Times are whole milliseconds; a sale is a granted hold."""
    granted = [answer for answer in market.answers if answer.result is Result.OK]
    refused = [answer for answer in market.answers if answer.why == "InsufficientStock"]
    sold, units = len(granted), _units(market)
    writes = sum(count for kind, count in units.items() if not kind.startswith("read"))
    per_sale = max(1, sold)
    return {
        "sold": sold,
        "errors": len(market.answers) - sold - len(refused),
        "grant_p50_ms": _percentile([answer.took for answer in granted], 0.5),
        "grant_p99_ms": _percentile([answer.took for answer in granted], 0.99),
        "refusal_p50_ms": _percentile([answer.took for answer in refused], 0.5),
        "refusal_p99_ms": _percentile([answer.took for answer in refused], 0.99),
        "grants_per_s": _rate([answer.ended for answer in granted]),
        "write_units_per_sale": round(writes / per_sale, 2),
        "read_units_per_sale": round(sum(count for kind, count in units.items() if kind.startswith("read")) / per_sale, 2),
        "level_units_per_sale": round((units["level"] + units["level refused"]) / per_sale, 2),
        "shards": _shards(market),
        "refused": len(refused),
        "throttled": market.traffic.throttled,
        "conflicts": market.traffic.conflicts,
        "units": {kind: round(count, 1) for kind, count in sorted(units.items())},
        "requests": dict(sorted(market.recorder.requests.items())),
        "paths": _paths(market.answers),
    }


def _units(market: Market) -> Counter[str]:
    """By what they were spent on."""
    units: Counter[str] = Counter()
    for (table, index, sort, write, wasted), count in market.recorder.charges.items():
        what = "index" if index else {"LEVEL": "level", "LOCK": "lock"}.get(sort, "other")
        kind = f"{what} refused" if wasted else what
        units[kind if write else f"read {table.partition('-')[0].lower()}"] += count
    return units


def _paths(answers: Sequence[Answer]) -> Json:
    """The commonest ways to an answer, call by call: how many went it, and the median of their milliseconds."""
    took: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        took[f"{answer.result}: {' '.join(answer.path) or 'from memory'}"].append(answer.took)
    common = sorted(took.items(), key=lambda item: -len(item[1]))[:COMMON]
    return {path: [len(times), _percentile(times, 0.5)] for path, times in common}


def _shards(market: Market) -> int:
    return len({image.key[2] for image in market.recorder.images if image.key[2].isdigit()})


def _percentile(seconds: Sequence[float], share: float) -> int | None:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000) if ordered else None


def _rate(times: Sequence[float]) -> int:
    """Of the first nine tenths of the grants: the rest are the last units, which are found one by one."""
    ordered = sorted(times)
    most = int(0.9 * len(ordered)) - 1
    return round(most / max(1e-9, ordered[most] - ordered[0])) if most > 1 else 0


def table(found: Json) -> str:
    rows = [
        (name.replace("_", " "), "-" if value is None else f"{value:,}") for name, value in found.items() if not isinstance(value, dict)
    ]
    rows += [(f"units: {kind}", f"{count:,}") for kind, count in found["units"].items()]
    rows += [(f"requests: {name}", f"{count:,}") for name, count in found["requests"].items()]
    rows += [(path, f"{count:,} in {median} ms") for path, (count, median) in found["paths"].items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value:>16}" for name, value in rows)


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(prog="infra/dev.py simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("scenario", choices=["hot-sku"])
    asked.add_argument("--buyers", type=int, default=10_000)
    asked.add_argument("--stock", type=int, default=1_000)
    asked.add_argument("--shards", type=int, help="default: what the formula suggests for the stock")
    asked.add_argument("--window", type=float, default=2.0, help="seconds in which the buyers arrive")
    asked.add_argument("--quantity", type=int, default=1, help="units that each of them wants")
    asked.add_argument("--workers", type=int, default=1_000, help="at most; the last one used is the next one asked")
    asked.add_argument("--partitions", type=int, default=0, help="per table and index; 0: each partition key has its own")
    asked.add_argument("--faults", type=float, default=0.0, help="chance per call of each kind of fault of the network")
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--json", action="store_true", help="for programs")
    return asked


def main(arguments: Sequence[str]) -> int:
    """0 when nobody was sold what was not there, and every answer was lawful."""
    asked = parser().parse_args(arguments)
    faults = Faults(lost_reply=asked.faults, lost_request=asked.faults, repeated=asked.faults, late=asked.faults)
    world = World(
        stock=asked.stock,
        shards=asked.shards,
        seed=asked.seed,
        workers=asked.workers,
        limits=Limits(partitions=asked.partitions),
        faults=faults,
    )
    market = Market(world)
    sell(market, Sale(asked.buyers, asked.window, asked.quantity))
    found, broken = report(market), verdicts(market.history())
    print(json.dumps({**found, "verdicts": [str(verdict) for verdict in broken]}) if asked.json else f"{table(found)}\n{_said(broken)}")
    return 1 if broken else 0


def _said(broken: Sequence[Verdict]) -> str:
    if not broken:
        return "The history is lawful: H1 to H6 hold."
    return "\n".join([f"{len(broken)} verdicts:", *(f"  {verdict}" for verdict in broken[:20])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
