"""Standard Webhooks: three headers, of which the last proves the first two and the body.

`webhook-signature: v1,<base64 of HMAC-SHA256>` over `id.timestamp.body`; several, parted by spaces, while a secret is replaced.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from holdfast.kernel.time import epoch

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_of(raw: bytes) -> str:
    return PREFIX + base64.b64encode(raw).decode()


def headers(message: str, body: str, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    stamp = str(epoch(now))
    signatures = " ".join(sign(secret, message, stamp, body) for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": stamp, "webhook-signature": signatures}


def sign(secret: str, message: str, stamp: str, body: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message}.{stamp}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
