"""The reconciliation over one set of stores in memory, with a queue that tests empty, and providers that may be slow to answer."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.payments import reconciling, reports
from holdfast.payments.ledger import Ledger
from holdfast.payments.reconciling import Office, Worked
from holdfast.payments.reports import Line, Options, Report, Run, Task
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.orphans import OrdersForOrphans
from holdfast.wiring.reconcile_start import PlanOfShops, begin
from holdfast.wiring.reconciling import AskingFinaliser, BooksOfOrders, Matching, PaymentsForAsking, ReconcilingDesk, Reservations
from tests.memory.house import GRACE, House


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
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    calls: Counter[str] = field(default_factory=Counter)
    failing: Callable[[str, str], None] = lambda method, payment: None
    provider: Any = None
    accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.runs, self.discrepancies = self.house.stores.reconciliations, self.house.stores.discrepancies
        payments = PaymentsForAsking(self.house.stores.inbox, self._connector, self._connector)
        stores = self.house.stores
        self.finaliser = AskingFinaliser(stores.orders, self.house.stock_for_orders, payments, self.house.policies, stores.commit)
        book = OrdersForOrphans(stores.orders)
        self.matched: list[str] = []
        cleaner = Cleaner(stores.stock, book, stores.runs, GRACE, lambda: self.house.now)
        self.desk = ReconcilingDesk(
            orders=self.finaliser,
            lists_of=stores.lists,
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
