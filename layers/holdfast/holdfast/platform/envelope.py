"""Envelope encryption: KMS wraps data keys, and data keys seal many small texts on the spot.

A data key belongs to a context (a shop and a SKU, say): wrapped with it, it opens with no other. The wrapped key lies beside each text
that it sealed, so that a text needs nothing else to be opened, and there is no key that could get lost apart from it. AES-256-GCM by
`cryptography`, with a random nonce of 96 bits per text; a data key seals for an hour at most, far fewer texts than would be too many.
"""

import base64
import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from holdfast.platform import aws

NONCE_BYTES = 12
SEALS_FOR_SECONDS = 3600.0
REMEMBERED = 512
Context = tuple[tuple[str, str], ...]


class DataKey(NamedTuple):
    plain: bytes
    wrapped: bytes

    def __repr__(self) -> str:
        return "DataKey(…)"


class KmsDataKeys:
    """Data keys of one KMS key. Opened ones stay in the worker's memory, because a call to KMS costs money and milliseconds."""

    def __init__(self, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._key, self._clock = key, clock
        self._sealing: dict[Context, tuple[float, DataKey]] = {}
        self._unwrapped = lru_cache(maxsize=REMEMBERED)(self._unwrap)

    def for_sealing(self, context: Mapping[str, str]) -> DataKey:
        """UnavailableError when KMS does not answer."""
        name = tuple(sorted(context.items()))
        known = self._sealing.get(name)
        if known is None or known[0] <= self._clock():
            if len(self._sealing) >= REMEMBERED:
                self._sealing.clear()
            known = self._sealing[name] = self._clock() + SEALS_FOR_SECONDS, self._made(context)
        return known[1]

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """UnavailableError when KMS does not answer, or refuses: another context, another key, a changed text."""
        return self._unwrapped(wrapped, tuple(sorted(context.items())))

    def _made(self, context: Mapping[str, str]) -> DataKey:
        with aws.needed("The key service"):
            reply = aws.client("kms").generate_data_key(KeyId=self._key, KeySpec="AES_256", EncryptionContext=dict(context))
        return DataKey(reply["Plaintext"], reply["CiphertextBlob"])

    def _unwrap(self, wrapped: bytes, context: Context) -> bytes:
        with aws.needed("The key service"):
            reply = aws.client("kms").decrypt(KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext=dict(context))
        plain: bytes = reply["Plaintext"]
        return plain


def sealed(text: str, key: DataKey, bound_to: str) -> str:
    """`bound_to` is not in it and must be said again to open it: a text that is put in another's place stays shut."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    shut = nonce + AESGCM(key.plain).encrypt(nonce, text.encode(), bound_to.encode())
    return f"{_written(key.wrapped)}.{_written(shut)}"


def wrapped_in(text: str) -> bytes:
    """The wrapped data key that a sealed text brings along."""
    return base64.urlsafe_b64decode(text.partition(".")[0])


def opened(text: str, plain: bytes, bound_to: str) -> str:
    """ValueError when it is another text's, was changed, or belongs elsewhere."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    shut = base64.urlsafe_b64decode(text.partition(".")[2])
    try:
        return AESGCM(plain).decrypt(shut[:NONCE_BYTES], shut[NONCE_BYTES:], bound_to.encode()).decode()
    except InvalidTag:
        raise ValueError("not what was sealed here") from None


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
