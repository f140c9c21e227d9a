"""Data keys from the key service: one call per context and hour, none for what is known already."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import aws, envelope
from holdfast.platform.envelope import REMEMBERED, SEALS_FOR_SECONDS, KmsDataKeys

OF_KEY = {"shop": "demo", "sku": "KEY"}


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-central-1")
        seen: list[str] = []
        kms.meta.events.register("before-call.kms", lambda model, **_: seen.append(model.name))
        monkeypatch.setattr(aws, "client", lambda _: kms)
        yield seen


@pytest.fixture
def master(calls: list[str]) -> str:
    key: dict[str, Any] = aws.client("kms").create_key()["KeyMetadata"]
    calls.clear()
    return str(key["Arn"])


def test_a_data_key_is_made_once_an_hour_and_context(master: str, calls: list[str]) -> None:
    watch = Watch()
    keys = KmsDataKeys(master, watch)
    first = keys.for_sealing(OF_KEY)
    watch.now = SEALS_FOR_SECONDS - 1
    assert keys.for_sealing(dict(reversed(OF_KEY.items()))) == first
    assert keys.for_sealing({**OF_KEY, "sku": "OTHER"}) != first
    watch.now = SEALS_FOR_SECONDS
    assert keys.for_sealing(OF_KEY) != first
    assert calls == ["GenerateDataKey"] * 3
    assert len(first.plain) == 32


def test_what_was_unwrapped_is_remembered(master: str, calls: list[str]) -> None:
    made = KmsDataKeys(master).for_sealing(OF_KEY)
    keys = KmsDataKeys(master)
    calls.clear()
    assert [keys.unwrap(made.wrapped, OF_KEY) for _ in range(3)] == [made.plain] * 3
    assert calls == ["Decrypt"]


def test_it_opens_under_its_own_context_only(master: str) -> None:
    keys = KmsDataKeys(master)
    made = keys.for_sealing(OF_KEY)
    for context in ({}, {"shop": "demo"}, {**OF_KEY, "shop": "other"}):
        with pytest.raises(UnavailableError):
            keys.unwrap(made.wrapped, context)


def test_a_service_that_does_not_answer(calls: list[str]) -> None:
    with pytest.raises(UnavailableError):
        KmsDataKeys("arn:aws:kms:eu-central-1:123456789012:key/none").for_sealing(OF_KEY)
    assert calls == ["GenerateDataKey"]


def test_memory_of_sealing_keys_has_an_end(master: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "REMEMBERED", 3)
    keys = KmsDataKeys(master)
    for number in range(10):
        keys.for_sealing({"sku": str(number)})
    assert len(keys._sealing) <= 3
    assert REMEMBERED > 3
