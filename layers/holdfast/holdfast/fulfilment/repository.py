"""The fulfilment table: debts, and queues with their batches. Its key vaults: `vault_repository.py`."""

from datetime import datetime

from holdfast.fulfilment import keys
from holdfast.fulfilment.errors import QueueMoved
from holdfast.fulfilment.model import Batch, Debt, Queue
from holdfast.fulfilment.safe import Safe
from holdfast.fulfilment.vault_repository import DynamoVaults
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Commit, Write
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record, rows

SAME_DEBT = "#owed = :owed"
# The debt stands there, and nobody has written down that its customer knows.
NOT_TOLD = "attribute_exists(#owed) AND attribute_not_exists(#told)"
# No batch is open, and the last one is the one that was seen.
SAME_BATCHES, NO_BATCHES = "#batches = :seen", "attribute_not_exists(#batches)"
NONE_OPEN = "(attribute_not_exists(#open) OR #open = :no)"
# The batch is open still.
STILL_OPEN = "#batches = :seen AND #open = :yes"
# And nobody else took it over.
SAME_LEASE = "#leased = :lease"


class DynamoDebts:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add_write(self, debt: Debt) -> Write:
        return self._table.put_write({**keys.debt_key(debt), **record(debt)}, NOT_THERE, _debt_moved())

    def pay(self, seen: Debt, quantity: int) -> bool:
        try:
            if quantity == seen.owed:
                self._table.delete(keys.debt_key(seen), _same_debt(seen))
            else:
                change = Expression("SET #owed = :left", {}, {":left": seen.owed - quantity})
                self._table.update(keys.debt_key(seen), change, _same_debt(seen), returns="NONE")
        except ConditionFailed as refusal:
            left = refusal.item["owed"] if refusal.item else 0
            return bool(quantity < seen.owed and left == seen.owed - quantity)  # ours, delivered twice
        return True

    def move_writes(self, seen: Debt, debt: Debt) -> list[Write]:
        return [self._table.delete_write(keys.debt_key(seen), _same_debt(seen), _debt_moved()), self.add_write(debt)]

    def head(self, shop: str, sku: str, limit: int) -> list[Debt]:
        return [_debt(item) for item in self._table.query(_debts(shop, sku), limit=limit)[0]]

    def behind(self, shop: str, sku: str, position: str, limit: int) -> list[Debt]:
        rest = Expression("#pk = :pk AND #sk > :sk", {"#pk": "pk", "#sk": "sk"}, {":pk": keys.debts_of(shop, sku), ":sk": position or " "})
        return [_debt(item) for item in self._table.query(rest, limit=limit)[0]]

    def note_told(self, seen: Debt, now: datetime) -> None:
        change = Expression("SET #told = :now", {"#told": "told_at"}, {":now": rfc3339(now)})
        try:
            self._table.update(keys.debt_key(seen), change, Expression(NOT_TOLD, {"#owed": "owed", "#told": "told_at"}), returns="NONE")
        except ConditionFailed:
            return  # paid meanwhile, or another run was faster

    def at(self, shop: str, sku: str, position: str) -> Debt | None:
        item = self._table.get({"pk": keys.debts_of(shop, sku), "sk": position})
        return _debt(item) if item else None

    def owed(self, shop: str, sku: str) -> int:
        return sum(item["owed"] for item in self._table.query_all(_debts(shop, sku)))


class DynamoQueues:
    def __init__(self, table: Table) -> None:
        self._table = table

    def queue(self, shop: str, sku: str) -> Queue:
        return Queue.model_validate({**(self._table.get(keys.queue_key(shop, sku)) or {}), "shop": shop, "sku": sku})

    def mark(self, seen: Queue, waiting: bool) -> None:
        """Of two who differ the one who looked at the debts last writes last: both look again after it."""
        if seen.waiting is waiting:
            return
        names = {"#waiting": "waiting", "#shop": "shop", "#sku": "sku"}
        change = Expression(
            "SET #waiting = :waiting, #shop = :shop, #sku = :sku", names, {":waiting": waiting, ":shop": seen.shop, ":sku": seen.sku}
        )
        other = Expression("attribute_not_exists(#waiting) OR #waiting <> :waiting")
        try:
            self._table.update(keys.queue_key(seen.shop, seen.sku), change, other, returns="NONE")
        except ConditionFailed:
            return  # it says so already

    def waiting(self, shop: str) -> list[Queue]:
        of_shop = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.queues_of(shop)})
        found = [Queue.model_validate(item) for item in self._table.query_all(of_shop)]
        return [queue for queue in found if queue.waiting or queue.open]

    def open_writes(self, seen: Queue, batch: Batch, leased_until: datetime) -> list[Write]:
        change = Expression(
            "SET #batches = :batches, #open = :yes, #leased = :until, #shop = :shop, #sku = :sku",
            {**_QUEUE, "#leased": "leased_until", "#shop": "shop", "#sku": "sku"},
            {":batches": batch.number, ":yes": True, ":until": rfc3339(leased_until), ":shop": batch.shop, ":sku": batch.sku},
        )
        last = {":seen": seen.batches} if seen.batches else {}
        free = Expression(f"{SAME_BATCHES if last else NO_BATCHES} AND {NONE_OPEN}", {}, {":no": False, **last})
        item = {**keys.batch_key(batch.shop, batch.sku, batch.number), **_batch_item(batch)}
        return [
            self._table.update_write(keys.queue_key(batch.shop, batch.sku), change, free, _queue_moved()),
            self._table.put_write(item, NOT_THERE, _queue_moved()),
        ]

    def take_over(self, seen: Queue, until: datetime) -> bool:
        names = {**_QUEUE, "#leased": "leased_until"}
        lease = {":lease": rfc3339(seen.leased_until)} if seen.leased_until else {}
        same = SAME_LEASE if lease else "attribute_not_exists(#leased)"
        still = Expression(f"{STILL_OPEN} AND {same}", names, {":seen": seen.batches, ":yes": True, **lease})
        change = Expression("SET #leased = :until", names, {":until": rfc3339(until)})
        try:
            self._table.update(keys.queue_key(seen.shop, seen.sku), change, still, returns="NONE")
        except ConditionFailed as refusal:
            return bool(refusal.item and refusal.item["open"] and refusal.item.get("leased_until") == rfc3339(until))
        return True

    def close_write(self, seen: Queue) -> Write:
        still = Expression(STILL_OPEN, _QUEUE, {":seen": seen.batches, ":yes": True})
        change = Expression("SET #open = :no REMOVE #leased", {"#leased": "leased_until"}, {":no": False})
        return self._table.update_write(keys.queue_key(seen.shop, seen.sku), change, still, _queue_moved())

    def batch(self, shop: str, sku: str, number: int) -> Batch | None:
        item = self._table.get(keys.batch_key(shop, sku, number))
        return Batch.model_validate(item) if item else None


class DynamoFulfilment:
    """The fulfilment context's store. `safe`: for who handles the texts of keys."""

    def __init__(self, table: Table, commit: Commit, safe: Safe | None = None) -> None:
        self.vaults = DynamoVaults(table, safe)
        self.debts = DynamoDebts(table)
        self.queues = DynamoQueues(table)
        self.commit = commit


_QUEUE = {"#batches": "batches", "#open": "open"}


def _batch_item(batch: Batch) -> Item:
    return {**record(batch), "allotments": rows(batch.allotments)}


def _debt(item: Item) -> Debt:
    """One from before debts knew their position stands at it all the same."""
    return Debt.model_validate({**item, "position": item["sk"]})


def _same_debt(seen: Debt) -> Expression:
    return Expression(SAME_DEBT, {"#owed": "owed"}, {":owed": seen.owed})


def _debts(shop: str, sku: str) -> Expression:
    return Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.debts_of(shop, sku)})


def _debt_moved() -> VersionConflict:
    return VersionConflict("The debt was changed meanwhile.")


def _queue_moved() -> QueueMoved:
    return QueueMoved("Another worker has fed the waiting orders meanwhile.")
