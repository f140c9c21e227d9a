"""Runs of the reconciliation in the operations table: a run's parts share a partition that only they write."""

from datetime import datetime, timedelta

from holdfast.kernel.ids import born_at
from holdfast.kernel.time import epoch
from holdfast.payments.reports import Part, Run
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table

KEPT = timedelta(days=30)
# The piece of work was not done before.
ONE_PART = "attribute_not_exists(#pk)"


class DynamoRunStore:
    """`payments.reports.RunStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, run: Run) -> None:
        try:
            self._table.put(_run_item(run), NOT_THERE)
        except ConditionFailed:
            return  # an earlier try

    def run(self, shop: str, run: str) -> Run | None:
        item = self._table.get(_run_key(shop, run))
        return Run.model_validate(item) if item else None

    def runs(self, shop: str, limit: int, before: str | None) -> list[Run]:
        below = Expression("#pk = :pk AND #sk < :before", {"#pk": "pk", "#sk": "sk"}, {":pk": _runs(shop), ":before": before or "~"})
        return [Run.model_validate(item) for item in self._table.query(below, limit=limit, forward=False)[0]]

    def close(self, run: Run) -> None:
        """The same report from whoever sums it up: parts do not change."""
        self._table.put(_run_item(run))

    def part(self, shop: str, run: str, name: str) -> Part | None:
        item = self._table.get(_part_key(shop, run, name))
        return Part.model_validate(item) if item else None

    def add(self, part: Part) -> tuple[Part, bool]:
        try:
            self._table.put(_part_item(part), Expression(ONE_PART, {"#pk": "pk"}))
        except ConditionFailed as there:
            standing = Part.model_validate(there.item)
            return standing, standing == part  # our own, delivered twice
        return part, True

    def parts(self, shop: str, run: str, after: str = "", limit: int | None = None) -> list[Part]:
        of_run = Expression("#pk = :pk AND #sk > :after", {"#pk": "pk", "#sk": "sk"}, {":pk": _parts(shop, run), ":after": f"PART#{after}"})
        items = self._table.query(of_run, limit=limit)[0] if limit else self._table.query_all(of_run)
        return [Part.model_validate(item) for item in items]


def _runs(shop: str) -> str:
    return f"{shop}#RECONCILIATIONS"


def _parts(shop: str, run: str) -> str:
    return f"{shop}#RECONCILIATION#{run}"


def _run_key(shop: str, run: str) -> dict[str, str]:
    return {"pk": _runs(shop), "sk": run}


def _part_key(shop: str, run: str, name: str) -> dict[str, str]:
    return {"pk": _parts(shop, run), "sk": f"PART#{name}"}


def _run_item(run: Run) -> Item:
    return {**_run_key(run.shop, run.id), **run.model_dump(mode="json", exclude_none=True), "ttl": _ttl(run.started_at)}


def _part_item(part: Part) -> Item:
    """What has its default is left out: there are thousands of them."""
    item = part.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {**_part_key(part.shop, part.run, part.name), **item, "ttl": _ttl(born_at(part.run))}


def _ttl(started_at: datetime) -> int:
    return epoch(started_at + KEPT)
