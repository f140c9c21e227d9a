"""Bearer tokens that need no table: a keyed hash of what they open.

A checkout token opens one session, an order token one order. The same subject always has the same token, so that a
repeated request gets the same answer and a mail can carry the link; without the secret none can be guessed.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from holdfast.kernel.errors import BadRequest


class InvalidCursor(BadRequest):
    """The cursor is not one that this list gave out."""

    code = "cursor_invalid"


class Tokens:
    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret

    def mint(self, purpose: str, *subject: str) -> str:
        """URL-safe text of 43 characters. `purpose` keeps a token of one kind from opening another."""
        return _text(self._digest(purpose, *subject))

    def opens(self, candidate: str, purpose: str, *subject: str) -> bool:
        """In constant time; any text may come in."""
        return hmac.compare_digest(self.mint(purpose, *subject).encode(), candidate.encode("utf-8", "replace"))

    def seal_cursor(self, position: dict[str, Any] | None, *scope: str) -> str | None:
        """A list's position, signed for that list, so that it cannot be bent to read another's."""
        if position is None:
            return None
        payload = json.dumps(position, separators=(",", ":"), sort_keys=True).encode()
        return f"{_text(payload)}.{_text(self._digest('cursor', *scope, _text(payload))[:16])}"

    def open_cursor(self, cursor: str | None, *scope: str) -> dict[str, Any] | None:
        if cursor is None:
            return None
        payload, _, signature = cursor.partition(".")
        expected = _text(self._digest("cursor", *scope, payload)[:16])
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise InvalidCursor("The cursor is not one that this list gave out. Start again without it.")
        try:
            position: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, ValueError) as error:
            raise InvalidCursor("The cursor cannot be read.") from error
        return position

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._secret().encode(), "\x1f".join(parts).encode("utf-8", "replace"), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
