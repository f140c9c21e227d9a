"""What lies in the table of a key: nothing that could be read, tried out, or moved to another place."""

import pytest

from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import UnavailableError
from holdfast.platform import envelope
from tests.memory.data_keys import LocalDataKeys

TEXT = "ABCD-EFGH-ÜÄΩ"


@pytest.fixture
def safe() -> Safe:
    return Safe(LocalDataKeys())


def test_a_sealed_key_opens_in_its_place(safe: Safe) -> None:
    sealed = safe.seal("demo", "KEY", 7, TEXT)
    assert safe.open("demo", "KEY", 7, sealed) == TEXT
    assert TEXT not in sealed
    assert sealed != safe.seal("demo", "KEY", 7, TEXT)


def test_it_opens_in_no_other_place(safe: Safe) -> None:
    sealed = safe.seal("demo", "KEY", 7, TEXT)
    with pytest.raises(ValueError, match="not what was sealed here"):
        safe.open("demo", "KEY", 8, sealed)
    for shop, sku in (("other", "KEY"), ("demo", "OTHER")):
        with pytest.raises(UnavailableError):
            safe.open(shop, sku, 7, sealed)


def test_a_changed_text_does_not_open(safe: Safe) -> None:
    sealed = safe.seal("demo", "KEY", 7, TEXT)
    for at in (len(sealed) - 3, sealed.index(".") + 2):
        other = "A" if sealed[at] != "A" else "B"
        with pytest.raises(ValueError, match="not what was sealed here"):
            safe.open("demo", "KEY", 7, sealed[:at] + other + sealed[at + 1 :])


def test_one_data_key_seals_many_and_each_text_brings_it_along() -> None:
    key = LocalDataKeys().for_sealing({"shop": "demo"})
    texts = [envelope.sealed(f"key-{number}", key, "here") for number in range(50)]
    assert {envelope.wrapped_in(text) for text in texts} == {key.wrapped}
    assert [envelope.opened(text, key.plain, "here") for text in texts] == [f"key-{number}" for number in range(50)]
    assert len({text.partition(".")[2][:16] for text in texts}) == 50  # no nonce twice
    assert "plain" not in repr(key)


def test_fingerprints_are_of_a_shop_and_its_secret(safe: Safe) -> None:
    secret = safe.new_secret("demo")
    first = safe.fingerprint("demo", secret, TEXT)
    assert first == safe.fingerprint("demo", secret, TEXT) == Safe(LocalDataKeys()).fingerprint("demo", secret, TEXT)
    assert first != safe.fingerprint("demo", secret, TEXT + " ")
    assert first != safe.fingerprint("demo", safe.new_secret("demo"), TEXT)
    with pytest.raises(UnavailableError):
        safe.fingerprint("other", secret, TEXT)


def test_a_secret_is_asked_for_once_it_is_there(safe: Safe) -> None:
    asked: list[str] = []

    def stored(shop: str) -> bytes | None:
        asked.append(shop)
        return b"secret" if len(asked) > 1 else None

    assert [safe.secret("demo", stored) for _ in range(3)] == [None, b"secret", b"secret"]
    assert asked == ["demo", "demo"]
