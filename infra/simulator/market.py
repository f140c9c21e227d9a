"""One shop with one SKU in demand on simulated partitions: the real store and use cases, workers that remember, and buyers.

Everything a buyer does goes through the code of the product; only the client below it and the clock are simulated.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.kernel.errors import HoldfastError, UnavailableError
from holdfast.kernel.ids import derived_id, entry_id
from holdfast.kernel.time import epoch_ms
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.patience import IN_A_QUEUE, IN_A_REQUEST, Patience
from holdfast.stock import booking, holding, layout, releasing, selling
from holdfast.stock.errors import LedgerMoved
from holdfast.stock.model import Line
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from infra.simulator import template
from infra.simulator.clock import START, Clock
from infra.simulator.dynamo import Client
from infra.simulator.history import History, Intent, Result, Wanted
from infra.simulator.partitions import Faults, Limits, Partitioned, Times
from infra.simulator.recorder import PATH, Recorder

SHOP, SKU = "flash", "HOT-1"
ATTEMPTS = 20
"""Of a confirmation, which its queue brings again until it is settled."""


@dataclass(frozen=True)
class World:
    """What a run is made in; the rest of it is chance."""

    stock: int = 1000
    shards: int | None = None
    """A person chose so many. None: as the formula suggests for so much stock, and as the stream's consumer has them grow."""
    begins_with: int | None = None
    """Shards that nobody chose: the sale comes as a surprise."""
    seed: int = 7
    workers: int = 1000
    limits: Limits = field(default_factory=Limits)
    times: Times = field(default_factory=Times)
    faults: Faults = field(default_factory=Faults)
    lifetime: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(seconds=30)


@dataclass
class Worker:
    recall: Recall


@dataclass(frozen=True)
class Answer:
    """To one wish: when it was asked and answered, in seconds, what was said, and the calls that it took."""

    begun: float
    ended: float
    result: Result
    why: str = ""
    path: tuple[str, ...] = ()

    @property
    def took(self) -> float:
        return self.ended - self.begun


class Market:
    def __init__(self, world: World) -> None:
        self.world = world
        self.clock, self.chance = Clock(), random.Random(world.seed)
        self.traffic = Partitioned(self.clock, self.chance, world.limits, world.times)
        client = Client(self.traffic)
        names = template.create(client, "simulated")
        self.recorder = Recorder(client)
        self.store = self._store(names, IN_A_REQUEST)
        self.queued = self._store(names, IN_A_QUEUE)
        self.answers: list[Answer] = []
        self.intents: list[Intent] = []
        self._idle: list[Worker] = []
        self._made = 0
        self._waiting: deque[Callable[[Worker], None]] = deque()
        self._open()

    def wish(self, number: int, quantity: int = 1, *, then: Callable[[str, str], None] | None = None) -> None:
        """A buyer asks for units now. `then`: what he does with the hold that he gets (its lock, its order)."""
        asked_at = self.clock.seconds

        def serve(worker: Worker) -> None:
            lock = derived_id("lck", START, self.world_name, str(number))
            granted = self._hold(worker, lock, f"ord_{number:06d}", quantity, asked_at)
            self._free(worker)
            if granted and then is not None:
                then(lock, f"ord_{number:06d}")

        if self._idle:
            serve(self._idle.pop())
        elif self._made < self.world.workers:
            self._made += 1
            serve(Worker(Recall(lambda moment: self.clock.sleep(moment.total_seconds()))))
        else:
            self._waiting.append(serve)

    @property
    def world_name(self) -> str:
        return f"{SHOP}-{self.world.seed}"

    def confirm(self, lock: str, order: str, quantity: int = 1) -> None:
        """As a payment's message does: again and again until it is settled."""

        def sell() -> None:
            for _ in range(ATTEMPTS):
                try:
                    now = self.clock.today()
                    writes = selling.confirm_writes(lock, order, {SKU: quantity}, shop=SHOP, store=self.queued, now=now)
                    return self.queued.commit(writes, token=f"confirm#{order}")
                except LedgerMoved:
                    standing = self.queued.locks.get(SHOP, lock)
                    if standing is not None and standing.sale is not None:
                        return None
                except UnavailableError:
                    self.clock.sleep(self.chance.random())
            raise UnavailableError("never settled")

        self._intend(Wanted.CONFIRM, lock, {SKU: quantity}, sell)

    def release(self, lock: str) -> None:
        self._intend(Wanted.RELEASE, lock, {}, lambda: releasing.release(SHOP, lock, store=self.store))

    def extend(self, lock: str, order: str) -> None:
        def longer() -> None:
            now = self.clock.today()
            until = now + self.world.lifetime
            writes = holding.extend_writes(SHOP, lock, order, until=until, store=self.store, now=now)
            self.store.commit(writes, token=f"extend#{order}")

        self._intend(Wanted.EXTEND, lock, {}, longer)

    def sweep(self) -> int:
        """As the schedule does; the number of units that came free."""
        now, freed = self.clock.today(), 0
        for lock in releasing.plan_sweep([SHOP], store=self.queued, grace=self.world.grace, now=now):
            freed += releasing.expire_lock(lock, store=self.queued, orders=_NoOrders(), grace=self.world.grace, now=now)
        return freed

    def grow(self) -> None:
        """As the stream's consumer does when a shard is crowded."""
        layout.grow(SHOP, SKU, store=self.queued, now=self.clock.today())

    def history(self) -> History:
        booked = {(SHOP, SKU): self.world.stock}
        recorder = self.recorder
        return History(recorder.images, recorder.calls, self.intents, booked, began=epoch_ms(START))

    def _hold(self, worker: Worker, lock: str, order: str, quantity: int, asked_at: float) -> bool:
        now = self.clock.today()
        command = holding.Hold(
            shop=SHOP,
            lock=lock,
            order=order,
            owner=f"cks_{order}",
            lines=(Line(sku=SKU, quantity=quantity, shards=self._told),),
            expires_at=now + self.world.lifetime,
            fingerprint="f" * 64,
        )
        path: list[str] = []
        outer = PATH.set(path)
        result = self._intend(
            Wanted.HOLD,
            lock,
            {SKU: quantity},
            lambda: holding.hold(command, store=self.store, recall=worker.recall, grace=self.world.grace, now=now),
        )
        PATH.reset(outer)
        self.answers.append(Answer(asked_at, self.clock.seconds, *result, tuple(path)))
        return result[0] is Result.OK

    def _intend(self, what: Wanted, lock: str, asked: dict[str, int], act: Callable[[], object]) -> tuple[Result, str]:
        """Do it, and write down what was wanted and what was said."""
        begun, place = self.clock.seconds, len(self.intents)
        name = entry_id(lock)
        self.intents.append(Intent(what, SHOP, name, begun, float("inf"), Result.UNKNOWN, asked))
        result, why = Result.OK, ""
        try:
            act()
        except HoldfastError as refusal:
            result, why = (Result.UNKNOWN if _may_have_happened(refusal) else Result.REFUSED), type(refusal).__name__
        ended = float("inf") if result is Result.UNKNOWN else self.clock.seconds
        self.intents[place] = Intent(what, SHOP, name, begun, ended, result, asked)
        return result, why

    def _free(self, worker: Worker) -> None:
        """Last in, first out, as Lambda does; or the next who waits has it."""
        if self._waiting:
            serve = self._waiting.popleft()
            self.clock.at(self.clock.seconds, lambda: serve(worker))
        else:
            self._idle.append(worker)

    def _store(self, names: dict[str, str], patience: Patience) -> DynamoStock:
        own = Patience(
            budget=patience.budget,
            base=patience.base,
            cap=patience.cap,
            tries=patience.tries,
            sleep=self.clock.sleep,
            clock=self.clock.now,
            random=self.chance.random,
        )
        client: Any = self.recorder  # it has what is called
        stock, locks = Table(client, names["Stock"], own), Table(client, names["Locks"], own)
        return DynamoStock(stock, locks, DynamoCommit(client, own))

    def _open(self) -> None:
        """The SKU with its stock. It is made in calm, long before the sale; every checkout is told of its shards as they are then."""
        world = self.world
        self._told = shards = world.shards or world.begins_with or layout.suggested_shards(world.stock, world.stock, timedelta(seconds=1))
        self._told = shards  # the checkouts begin when the layout is there

        def prepare() -> None:
            self.store.levels.open(SHOP, SKU)
            if shards > 1 or world.shards:
                layout.resize(SHOP, SKU, shards, pinned=world.shards is not None, store=self.queued, now=self.clock.today())
            delivery = booking.Receive(shop=SHOP, sku=SKU, identity="first", actor="simulator", quantity=world.stock)
            booking.receive(delivery, store=self.queued, now=self.clock.today())

        self.clock.at(0, prepare)
        self.clock.run()
        self.clock.seconds += world.limits.burst + 1
        self.recorder.charges.clear()
        self.recorder.requests.clear()
        self.traffic.throttled = self.traffic.conflicts = 0
        self.traffic.faults = world.faults


class _NoOrders:
    def expire(self, shop: str, order: str, now: object) -> None:
        """Nobody keeps orders here."""


def _may_have_happened(refusal: HoldfastError) -> bool:
    return isinstance(refusal, UnavailableError)
