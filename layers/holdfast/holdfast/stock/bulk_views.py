"""Bulk changes over HTTP: JSON and CSV in, a diff or results per row out."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.stock import spreadsheet
from holdfast.stock.bulk import CHUNK, MOST_ROWS, Chunk, Job, Result, State
from holdfast.stock.bulk_plan import Diff, Units, Wish, refused
from holdfast.stock.model import Reason
from holdfast.stock.spreadsheet import Fault, ReadRow
from holdfast.stock.views import Adjustment

MAX_BULK = 4 * 1024 * 1024
"""Bytes of a body: ten thousand rows of the longest kind that people send. Lambda itself takes six megabytes."""


class BulkRow(Adjustment):
    """Either `delta`, or `set_available` over `expected_available`: what the figure was when it was counted, of the SKU as a whole."""

    sku: Sku

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.set_available is not None and self.expected_available is None:
            raise ValueError("set_available needs expected_available")
        if self.reason == "write_off" and (self.delta is None or self.delta > 0):
            raise ValueError("a write-off takes units away: a negative delta")
        return self


class BulkBody(Input):
    """Up to 10,000 rows, one for each SKU and location. `dry_run`: only tell what would happen."""

    NUMBERS_OF_GOODS: ClassVar[bool] = True
    rows: list[BulkRow] = Field(min_length=1, max_length=MOST_ROWS)
    dry_run: bool = False

    def wishes(self) -> list[Wish]:
        return [Wish(number=number, **_given(row)) for number, row in enumerate(self.rows, 1)]


class BulkFile(BulkBody):
    """The same out of a file, with the lines on which its rows end."""

    lines: list[int]

    def wishes(self) -> list[Wish]:
        return [wish.model_copy(update={"line": line}) for wish, line in zip(super().wishes(), self.lines, strict=True)]


class BulkQuery(BaseModel):
    """`dry_run` for a CSV body, which has no place for it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dry_run: bool = False


class UndoBody(Input):
    """The token from the answer to the bulk change."""

    undo_token: str = Field(min_length=1, max_length=200)


class BulkItem(Model):
    """A row. Planned: its figures before and after, of the SKU as a whole. Worked: what became of it, and of undoing it."""

    row: int
    sku: str
    location: str
    delta: int
    state: Literal["planned", "waiting", "done", "unchanged", "refused"]
    before: Units | None = None
    after: Units | None = None
    code: str | None = None
    detail: str | None = None
    movement: str | None = None
    undo: Literal["done", "refused"] | None = None
    undo_code: str | None = None


class BulkView(Model):
    """A bulk change. `id` and `undo_token` are null for a dry run. Counts are of rows; `items` are told row by row, and paged."""

    id: str | None
    status: Literal["planned", "accepted", "working", "done", "undoing", "undone"]
    dry_run: bool
    rows: int
    done: int = 0
    refused: int = 0
    unchanged: int = 0
    undone: int = 0
    undo_refused: int = 0
    created_at: Instant | None = None
    finished_at: Instant | None = None
    undo_token: str | None = None
    items: list[BulkItem]
    next: str | None = None


def from_csv(content: bytes) -> BulkFile:
    """BulkRefused with every row that cannot be read, and why."""
    rows: list[BulkRow] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for found in spreadsheet.read(content, MOST_ROWS):
        if isinstance(found, Fault):
            faults.append(found)
            continue
        try:
            rows.append(
                BulkRow.model_validate({"set_available" if name == "available" else name: cell for name, cell in found.cells.items()})
            )
            lines.append(found.line)
        except ValidationError as invalid:
            faults += _faults(found, invalid)
    if not rows and not faults:
        faults.append(Fault(row=0, pointer="/rows", code="no_rows", detail="There is no row below the header."))
    if faults:
        raise refused(faults, len(rows) + len({fault.row for fault in faults if fault.row}))
    return BulkFile(rows=rows, lines=lines)


def planned_view(diffs: Sequence[Diff]) -> BulkView:
    items = [BulkItem(state="planned", **diff.model_dump()) for diff in diffs]
    return BulkView(id=None, status="planned", dry_run=True, rows=len(items), items=items)


def job_view(job: Job, chunks: Sequence[Chunk], *, rows: range, token: str | None = None, cursor: str | None = None) -> BulkView:
    """`rows`: the numbers of those that are told of."""
    told = {"rows", "done", "refused", "unchanged", "undone", "undo_refused", "created_at"}
    items = [item for chunk in chunks for item in _items(chunk) if item.row in rows]
    return BulkView(
        id=job.id,
        status=job.status,
        dry_run=False,
        finished_at=job.moved_at if job.finished else None,
        undo_token=token,
        items=items,
        next=cursor,
        **job.model_dump(include=told),
    )


def chunks_of(rows: range) -> list[int]:
    """The chunks that these rows lie in."""
    return list(range((rows.start - 1) // CHUNK, (rows.stop - 2) // CHUNK + 1)) if rows else []


def _items(chunk: Chunk) -> list[BulkItem]:
    results, undone = _by_row(chunk.results), _by_row(chunk.undone)
    items = []
    for task in chunk.tasks:
        result = results.get(task.row, Result(row=task.row, state=State.WAITING))
        undo = undone.get(task.row)
        items.append(
            BulkItem(
                **task.model_dump(include={"row", "sku", "location", "delta"}),
                **result.model_dump(include={"code", "detail", "movement"}),
                state=result.state.value,
                undo=undo.state.value if undo else None,
                undo_code=undo.code if undo else None,
            )
        )
    return items


def _by_row(results: Sequence[Result]) -> Mapping[int, Result]:
    return {result.row: result for result in results}


def _given(row: BulkRow) -> dict[str, object]:
    return {**row.model_dump(), "reason": Reason(row.reason)}


def _faults(found: ReadRow, invalid: ValidationError) -> list[Fault]:
    return [
        Fault(
            row=found.row,
            line=found.line,
            pointer=spreadsheet.pointer(found.row, str(error["loc"][0]) if error["loc"] else None),
            code=error["type"],
            detail=error["msg"],
        )
        for error in invalid.errors(include_url=False, include_input=False, include_context=False)
    ]
