"""The reconciliation over one set of stores in memory, with a queue that tests empty, and providers that may be slow to answer."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.kernel.ids import bucket_of
from holdfast.orders import keys
from holdfast.orders.unsettled import STATUS, Source
from holdfast.payments import reconciling, reports
from holdfast.payments.discrepancies import Discrepancy, State
from holdfast.payments.ledger import Ledger
from holdfast.payments.reconciling import Office, Worked
from holdfast.payments.reports import Line, Options, Part, Report, Run, Task
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.orphans import OrdersForOrphans
from holdfast.wiring.reconcile_start import PlanOfShops, begin
from holdfast.wiring.reconciling import AskingFinaliser, BooksOfOrders, Matching, PaymentsForAsking, ReconcilingDesk, Reservations
from tests.memory.engine import Memory, nothing
from tests.memory.house import GRACE, House


class MemoryRunStore:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, run: Run) -> None:
        self._memory.change(("reconciliation", run.shop, run.id), nothing, lambda _: run)

    def run(self, shop: str, run: str) -> Run | None:
        return self._memory.get("reconciliation", shop, run)

    def runs(self, shop: str, limit: int, before: str | None) -> list[Run]:
        found: list[Run] = self._memory.of("reconciliation", shop)
        return [run for run in reversed(found) if run.id < (before or "~")][:limit]

    def close(self, run: Run) -> None:
        self._memory.put(("reconciliation", run.shop, run.id), run)

    def part(self, shop: str, run: str, name: str) -> Part | None:
        return self._memory.get("reconciliation-part", shop, run, name)

    def add(self, part: Part) -> tuple[Part, bool]:
        key = ("reconciliation-part", part.shop, part.run, part.name)
        added, standing = self._memory.change(key, lambda row: self._memory.condition("ONE_PART", row is None), lambda _: part)
        return (part, True) if added else (standing, standing == part)

    def parts(self, shop: str, run: str, after: str = "", limit: int | None = None) -> list[Part]:
        found: list[Part] = self._memory.of("reconciliation-part", shop, run)
        return sorted((part for part in found if part.name > after), key=lambda part: part.name)[:limit]


class MemoryDiscrepancies:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def about(self, shop: str, provider: str, payment: str) -> list[Discrepancy]:
        return [one for one in self._of(shop, State.OPEN) if (one.provider, one.payment) == (provider, payment)]

    def page(self, shop: str, state: State, after: str | None, limit: int) -> list[Discrepancy]:
        newest_first = state is State.RESOLVED
        found = sorted(self._of(shop, state), key=lambda one: one.place, reverse=newest_first)
        return [one for one in found if after is None or (one.place < after if newest_first else one.place > after)][:limit]

    def save(self, found: Discrepancy) -> bool:
        seen = found.version - 1
        same: Callable[[Any], bool] = lambda row: row.version == seen if row else seen == 0  # noqa: E731
        saved, standing = self._memory.change(self._key(found), same, lambda _: found)
        return saved or standing == found

    def resolve(self, resolved: Discrepancy) -> None:
        self._memory.put(("discrepancy", resolved.shop, State.RESOLVED, resolved.place), resolved)
        same: Callable[[Any], bool] = lambda row: row is not None and row.version == resolved.version  # noqa: E731
        self._memory.change(self._key(resolved), same, lambda _: None)

    def _of(self, shop: str, state: State) -> list[Discrepancy]:
        return self._memory.of("discrepancy", shop, state)

    @staticmethod
    def _key(one: Discrepancy) -> tuple[Any, ...]:
        return ("discrepancy", one.shop, State.OPEN, one.name)


class MemoryLists:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def waiting(self, shop: str, source: Source, bucket: int, after: str, until: str, limit: int) -> list[str]:
        orders = [order for order in self._memory.of("order", shop) if bucket_of(order.id, keys.ORDER_BUCKETS) == bucket]
        if source is Source.UNSETTLED:
            orders = [order for order in orders if keys.unsettled(order)]
        elif source is not Source.PLACED:
            orders = [order for order in orders if order.status is STATUS[source]]
        return sorted(position for position in map(keys.position, orders) if after < position < until)[:limit]


class MemoryQueue:
    """Messages as they would lie in SQS: text, each with when it may be had. `lost`: how many sendings get no answer, yet happen."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[timedelta, str]] = deque()
        self.sent = 0

    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        for message, delay in messages:
            self.waiting.append((delay, json.dumps(message)))
            self.sent += 1


class Killed(BaseException):
    """The worker is gone, in the middle of something."""


@dataclass
class Round:
    """Runs of the reconciliation over a house. `provider` stands between: it counts, and fails as it is told."""

    house: House
    memory: Memory
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    calls: Counter[str] = field(default_factory=Counter)
    failing: Callable[[str, str], None] = lambda method, payment: None
    provider: Any = None
    accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.runs = MemoryRunStore(self.memory)
        self.discrepancies = MemoryDiscrepancies(self.memory)
        payments = PaymentsForAsking(self.house.stores.inbox, self._connector, self._connector)
        stores = self.house.stores
        self.finaliser = AskingFinaliser(stores.orders, self.house.stock_for_orders, payments, self.house.policies, stores.commit)
        book = OrdersForOrphans(stores.orders)
        self.matched: list[str] = []
        cleaner = Cleaner(stores.stock, book, stores.runs, GRACE, lambda: self.house.now)
        self.desk = ReconcilingDesk(
            orders=self.finaliser,
            lists_of=MemoryLists(self.memory),
            ledger=Ledger(BooksOfOrders(self.finaliser), self._connector, self.discrepancies),
            match=Matching(stores.inbox, self._matched),
            reservations=Reservations(cleaner, book, stores.products.skus),
        )
        self.office = Office(self.runs, self.queue)

    def begin(self, trigger: str = "test", **options: Any) -> Run:
        plan = PlanOfShops(lambda _: self.accounts)
        given = Options.model_validate(options)
        return begin(self.house.shop, given, trigger, plan=plan, office=self.office, now=self.house.now)

    def work(self, text: str, enough: Callable[[], bool] = lambda: True) -> Worked:
        """As the worker does with a message."""
        task = Task.model_validate(json.loads(text))
        return reconciling.work(task, desk=self.desk, office=self.office, now=lambda: self.house.now, enough=enough)

    def drain(self, most: int = 10_000) -> int:
        """All that is in the queue, and what it leads to. Waiting costs the house's clock its time."""
        done = 0
        while self.queue.waiting and done < most:
            delay, text = self.queue.waiting.popleft()
            self.house.now += delay
            self.work(text)
            done += 1
        return done

    def tick(self, **options: Any) -> Report:
        """One run from its begin to its end."""
        run = self.begin(**options)
        self.drain()
        return self.report(run)

    def report(self, run: Run) -> Report:
        found = self.runs.run(run.shop, run.id)
        assert found is not None
        return reports.report(found, runs=self.runs)

    def lines(self, run: Run) -> list[Line]:
        return [line for part in self.runs.parts(run.shop, run.id) for line in part.lines]

    def _matched(self, event: Any, **_: Any) -> None:
        self.matched.append(event.id)

    def _connector(self, shop: str, name: str) -> Any:
        return Between(self, self.provider or self.house._provider(shop, name))


class Between:
    """Stands before a provider."""

    def __init__(self, rounds: Round, provider: Any) -> None:
        self._rounds, self._provider = rounds, provider

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._rounds.calls[name] += 1
            self._rounds.failing(name, str(given[0]) if given else "")
            return found(*given, **named)

        return call
