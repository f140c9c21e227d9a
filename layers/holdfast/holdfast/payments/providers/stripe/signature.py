"""`Stripe-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t." + raw body>[,v1=...]`.

While an endpoint's secret is rolled Stripe signs with both, so any `v1` may match. Five minutes of tolerance both ways: its own library
lets stamps from the future pass.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from holdfast.kernel.time import epoch
from holdfast.payments.errors import SignatureInvalid

HEADER = "stripe-signature"
TOLERANCE_SECONDS = 300
LONGEST_HEADER = 2_000
_REFUSED = "The signature is missing, too old, or not of this body."


def verify(secrets: Iterable[str], header: str | None, raw: bytes, now: datetime) -> None:
    """SignatureInvalid, the same for every reason. Compares in constant time; any text may come in."""
    stamps, given = _parts(header or "")
    if len(stamps) != 1 or not _stamped(stamps[0], now):
        raise SignatureInvalid(_REFUSED)
    expected = [digest(secret, stamps[0], raw) for secret in secrets]
    if not any(hmac.compare_digest(one.encode(), other.encode("utf-8", "replace")) for one in expected for other in given):
        raise SignatureInvalid(_REFUSED)


def digest(secret: str, stamp: str, raw: bytes) -> str:
    return hmac.digest(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hex()


def _parts(header: str) -> tuple[list[str], list[str]]:
    """Stamps and signatures. A header longer than any real one is not looked at."""
    parts = [part.strip().partition("=") for part in header.split(",")] if len(header) <= LONGEST_HEADER else []
    return [value for name, _, value in parts if name == "t"], [value for name, _, value in parts if name == "v1"]


def _stamped(stamp: str, now: datetime) -> bool:
    return stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and abs(epoch(now) - int(stamp)) <= TOLERANCE_SECONDS
