"""What happened to stock on a store that tests use, written down as it happens, for the laws of `infra.simulator.laws`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from holdfast.kernel.time import epoch_ms
from holdfast.kernel.writes import Write
from holdfast.stock.model import Level
from infra.simulator.dynamo import Client
from infra.simulator.history import History, Image
from infra.simulator.laws import verdicts
from infra.simulator.recorder import LEVEL, image_of
from infra.simulator.tables import Charge, Judged
from tests.memory.engine import Key, Memory


class WatchedMemory(Memory):
    """Every level that it keeps goes to `images`, in order; those of one commit under one number."""

    def __init__(self, images: list[Image], *without: str) -> None:
        super().__init__(*without)
        self._images = images
        self._commits = 0
        self._committing = False

    def commit(self, writes: Sequence[Write], *, token: str) -> None:
        with self._lock:
            self._commits += 1
            self._committing = True
            try:
                super().commit(writes, token=token)
            finally:
                self._committing = False

    def _put(self, key: Key, row: Any) -> None:
        if isinstance(row, Level) and row is not self.rows.get(key):
            self._commits += not self._committing
            self._images.append(_image(row, at=len(self._images), commit=self._commits))
        super()._put(key, row)


class Images:
    """Watches a simulated client."""

    def __init__(self, images: list[Image]) -> None:
        self._images = images

    def changed(self, judged: Judged, commit: int) -> None:
        if judged.key[1] == LEVEL and judged.after is not None:
            self._images.append(image_of(judged.after.item, at=len(self._images), commit=commit))

    def charged(self, charges: Sequence[Charge], operation: str) -> None:
        """Units are not asked about here."""


@contextmanager
def watched(client: Client, images: list[Image]) -> Iterator[None]:
    watcher = Images(images)
    client.watchers.append(watcher)
    try:
        yield
    finally:
        client.watchers.remove(watcher)


def demand_lawful(images: Sequence[Image]) -> None:
    """From images alone: what was wanted is not known."""
    broken = verdicts(History(images))
    assert not broken, "\n".join(map(str, broken))


def _image(level: Level, *, at: float, commit: int) -> Image:
    entries = {name: (entry.quantity, epoch_ms(entry.expires_at)) for name, entry in level.entries.items()}
    key = (level.key.shop, level.key.sku, level.key.part)
    return Image(at, key, level.version, level.on_hand, level.available, entries, commit)
