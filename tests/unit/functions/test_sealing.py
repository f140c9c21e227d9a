"""Secrets sealed by KMS: for what they belong to, and for nothing else."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import aws
from holdfast.platform.sealing import LONGEST, KmsSealer
from tests.unit.functions import world as worlds

KEY = worlds.GIVEN["SEALING_KEY_ARN"]
OURS, THEIRS = {"shop": "demo", "endpoint": "whe_1"}, {"shop": "demo", "endpoint": "whe_2"}


@pytest.fixture
def sealer() -> Iterator[KmsSealer]:
    with worlds.empty():
        yield KmsSealer(KEY)


def fresh() -> KmsSealer:
    """Another worker: it remembers nothing."""
    return KmsSealer(KEY)


def test_what_was_sealed_is_opened_by_any_worker(sealer: KmsSealer) -> None:
    sealed = sealer.seal("whsec_ü", OURS)
    assert "whsec" not in base64.b64decode(sealed).decode("latin-1")
    assert fresh().open(sealed, OURS) == "whsec_ü"
    assert fresh().open(sealed, dict(reversed(OURS.items()))) == "whsec_ü"
    assert sealer.seal("whsec_ü", OURS) != sealed


@pytest.mark.parametrize("context", [THEIRS, {"shop": "other", "endpoint": "whe_1"}, {"shop": "demo"}, {}], ids=str)
def test_it_is_opened_for_nothing_else(sealer: KmsSealer, context: dict[str, str]) -> None:
    sealed = sealer.seal("whsec_1", OURS)
    with pytest.raises(UnavailableError):
        fresh().open(sealed, context)


def test_a_changed_text_is_not_opened(sealer: KmsSealer) -> None:
    raw = bytearray(base64.b64decode(sealer.seal("whsec_1", OURS)))
    raw[-1] ^= 1
    with pytest.raises(UnavailableError):
        fresh().open(base64.b64encode(raw).decode(), OURS)


def test_a_worker_asks_once(sealer: KmsSealer) -> None:
    asked: list[str] = []
    events = aws.client("kms").meta.events

    def count(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events.register("before-call.kms", count, unique_id="count")
    sealed = sealer.seal("whsec_1", OURS)
    for _ in range(3):
        sealer.open(sealed, OURS)
    with pytest.raises(UnavailableError):
        sealer.open(sealed, THEIRS)  # what is remembered is remembered with its context
    events.unregister("before-call.kms", unique_id="count")
    assert asked == ["Encrypt", "Decrypt", "Decrypt"]


def test_what_is_too_long_for_kms(sealer: KmsSealer) -> None:
    sealer.seal("x" * LONGEST, OURS)
    with pytest.raises(ValueError, match="4096"):
        sealer.seal("ü" * (LONGEST // 2 + 1), OURS)
