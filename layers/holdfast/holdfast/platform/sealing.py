"""Secrets at rest, sealed by KMS: whoever reads the table reads nothing, and each opening is in CloudTrail.

The encryption context says what a secret belongs to (a shop, an endpoint). It is bound to the sealed text, so that one put in another's
place does not open. KMS seals up to 4 KB by itself: enough for a secret, so there is no data key and no cipher of our own.
"""

import base64
from collections.abc import Mapping
from functools import lru_cache

from holdfast.platform import aws

LONGEST = 4096
"""Bytes, as KMS has it."""
REMEMBERED = 256


class KmsSealer:
    """Opened secrets stay in the worker's memory: what is sealed never changes, and a call to KMS costs money and milliseconds."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._opened = lru_cache(maxsize=REMEMBERED)(self._open)

    def seal(self, text: str, context: Mapping[str, str]) -> str:
        """UnavailableError when KMS does not answer."""
        plain = text.encode()
        if len(plain) > LONGEST:
            raise ValueError(f"a secret has {LONGEST} bytes at most")
        with aws.needed("The key service"):
            reply = aws.client("kms").encrypt(KeyId=self._key, Plaintext=plain, EncryptionContext=dict(context))
        return base64.b64encode(reply["CiphertextBlob"]).decode()

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        """UnavailableError when KMS does not answer, or refuses: another context, another key, a changed text."""
        return self._opened(sealed, tuple(sorted(context.items())))

    def _open(self, sealed: str, context: tuple[tuple[str, str], ...]) -> str:
        with aws.needed("The key service"):
            blob = base64.b64decode(sealed)
            reply = aws.client("kms").decrypt(KeyId=self._key, CiphertextBlob=blob, EncryptionContext=dict(context))
        plain: bytes = reply["Plaintext"]
        return plain.decode()
