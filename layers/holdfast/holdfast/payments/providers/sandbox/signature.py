"""`X-Sandbox-Signature: t=<unix>,v1=<hex HMAC-SHA256 of "t." + raw body>`; five minutes of tolerance both ways."""

import hashlib
import hmac
from datetime import datetime

from holdfast.kernel.time import epoch
from holdfast.payments.errors import SignatureInvalid

HEADER = "X-Sandbox-Signature"
TOLERANCE_SECONDS = 300
_REFUSED = "The signature is missing, too old, or not of this body."


def sign(secret: str, raw: bytes, now: datetime) -> str:
    stamp = str(epoch(now))
    return f"t={stamp},v1={_digest(secret, stamp, raw)}"


def verify(secret: str, header: str | None, raw: bytes, now: datetime) -> None:
    """SignatureInvalid, the same for every reason. Compares in constant time; any text may come in."""
    parts = dict(part.strip().split("=", 1) for part in (header or "").split(",") if "=" in part)
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise SignatureInvalid(_REFUSED)
    if abs(epoch(now) - int(stamp)) > TOLERANCE_SECONDS:
        raise SignatureInvalid(_REFUSED)
    if not hmac.compare_digest(_digest(secret, stamp, raw).encode(), given.encode("utf-8", "replace")):
        raise SignatureInvalid(_REFUSED)


def _digest(secret: str, stamp: str, raw: bytes) -> str:
    return hmac.digest(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hex()
