"""Licence keys over HTTP."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from holdfast.fulfilment import key_file
from holdfast.fulfilment.counting import ListedKey
from holdfast.fulfilment.errors import KeysRefused
from holdfast.fulfilment.key_file import LONGEST, MOST_KEYS, Fault
from holdfast.fulfilment.key_jobs import Job, Row
from holdfast.fulfilment.model import LicenceKey, Vault
from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant

AT_ONCE = 5000
"""Keys that are imported while the caller waits; more become a job."""
MAX_BODY = 5 * 1024 * 1024
"""Bytes. Lambda itself takes six megabytes, and quotes count twice there."""
FAULTS_TOLD = 100
KeyText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")]


class KeysBody(Input):
    """Each key is text of 1 to 1,000 characters without control characters; white space around it is cut off. More than 5,000 keys
    are imported in the background.
    """

    NUMBERS_OF_GOODS: ClassVar[bool] = True

    keys: list[KeyText] = Field(min_length=1, max_length=MOST_KEYS)
    dry_run: bool = False

    @property
    def at_once(self) -> bool:
        return len(self.keys) <= AT_ONCE

    @property
    def faults(self) -> Sequence[Fault]:
        return ()

    def rows(self, *, skip_bad: bool) -> list[Row]:  # noqa: ARG002  a bad one was refused before
        return [Row(position, text) for position, text in enumerate(self.keys)]


class KeysFile(KeysBody):
    """The same out of a file, with what cannot be read in it."""

    keys: list[KeyText] = Field(max_length=MOST_KEYS)
    positions: list[int]
    bad: list[Fault]

    @property
    def at_once(self) -> bool:
        return False

    @property
    def faults(self) -> Sequence[Fault]:
        return self.bad

    def rows(self, *, skip_bad: bool) -> list[Row]:
        """KeysRefused for a file with bad rows, unless those shall be left out; and always for one that is bad itself or has no key."""
        of_file = [fault for fault in self.bad if not fault.row or fault.code == "too_many_rows"]
        if of_file or not self.keys or (self.bad and not skip_bad):
            told = [fault.model_dump(mode="json", exclude_none=True) for fault in self.bad[:FAULTS_TOLD]]
            detail = "Nothing was imported: the file has no key, or rows that cannot be imported."
            raise KeysRefused(detail, rows=len(self.keys) + len(self.bad), rows_refused=len(self.bad), errors=told)
        return [Row(position, text) for position, text in zip(self.positions, self.keys, strict=True)]


class KeysQuery(BaseModel):
    """For a CSV body, which has no place for it. `skip_bad`: rows that cannot be imported are left out, and named in the job."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dry_run: bool = False
    skip_bad: bool = False


class ImportedView(Model):
    """`duplicates`: positions of keys that the shop has already, or that stand in the list twice. `job`: the import goes on in the
    background under this id, and the counts are to come.
    """

    imported: int
    duplicates: list[int]
    dry_run: bool
    job: str | None = None


class ImportJobView(Model):
    """How far an import is. `duplicates` and `imported` as far as it is; `errors`: the first of the rows that were `refused`."""

    id: str
    sku: str
    status: Literal["accepted", "working", "done"]
    dry_run: bool
    rows: int
    imported: int
    duplicates: list[int]
    refused: int
    errors: list[Fault]
    created_at: Instant
    finished_at: Instant | None = None


class VaultView(Model):
    """Counts of a SKU's keys: `delivered` belong to orders, `left` are to be handed out. Never the keys themselves.

    `returned` of those that are left were set aside for an order that gave up. `withdrawn` nobody has had and nobody shall; `revoked`
    of those that were delivered are good for nothing any more.
    """

    sku: str
    imported: int
    delivered: int
    left: int
    returned: int = 0
    withdrawn: int = 0
    revoked: int = 0


class KeysPage(Model):
    """Keys in the order in which they were imported. `next` leads to those behind them."""

    items: list[ListedKey]
    next: str | None = None


class ReasonBody(Input):
    """Why: staff and the order's timeline read it."""

    reason: str | None = Field(default=None, min_length=1, max_length=200)


class StaffKeyView(Model):
    """What became of a key. `replaced_by`: the id of the one that its customer got instead."""

    id: str
    sku: str
    place: int
    masked: str
    revoked_at: Instant | None = None
    withdrawn_at: Instant | None = None
    replaced_by: str | None = None


def from_csv(content: bytes) -> KeysFile:
    found = list(key_file.read(content))
    read = [row for row in found if not isinstance(row, Fault)]
    bad = [row for row in found if isinstance(row, Fault)]
    return KeysFile(keys=[row.text for row in read], positions=[row.row - 1 for row in read], bad=bad)


def vault_view(vault: Vault) -> VaultView:
    counts = {"imported": vault.imported, "delivered": vault.delivered, "left": vault.left, "returned": vault.back}
    return VaultView(sku=vault.sku, withdrawn=len(vault.withdrawn) + vault.passed, revoked=vault.revoked, **counts)


def job_view(job: Job, duplicates: list[int]) -> ImportJobView:
    told = job.model_dump(include={"id", "sku", "status", "dry_run", "rows", "imported", "refused", "created_at"})
    finished = job.moved_at if job.finished else None
    return ImportJobView(**told, status=job.status, duplicates=duplicates, errors=list(job.faults), finished_at=finished)


def key_view(key: LicenceKey) -> StaffKeyView:
    told = {"id", "sku", "place", "revoked_at", "withdrawn_at", "replaced_by"}
    return StaffKeyView(masked=key.masked, **key.model_dump(include=told))
