"""Hex HMAC-SHA256, twice: of a webhook's raw body by the webhook's secret, and of `order|payment` by the API key's.

The first carries no stamp, so an old event is as good as a new one: that each has one effect is up to its id, and to the finaliser.
"""

import hashlib
import hmac
from collections.abc import Iterable

from holdfast.payments.errors import ConfirmationInvalid, SignatureInvalid

HEADER = "x-razorpay-signature"


def verify(secrets: Iterable[str], header: str | None, raw: bytes) -> int:
    """Which of the secrets signed it; repeats of older events still carry the former one. SignatureInvalid, the same for every reason.
    Compares in constant time; any text may come in.
    """
    given = _bytes(header)
    matching = [place for place, secret in enumerate(secrets) if hmac.compare_digest(digest(secret, raw).encode(), given)]
    if not matching:
        raise SignatureInvalid("The signature is missing, or not of this body.")
    return matching[0]


def verify_payment(key_secrets: Iterable[str], order: str, payment: str, signature: str) -> None:
    """What the browser brought of a payment for `order`, an id that it did not bring. Any of the secrets may have signed it: the shopper
    may have paid before they changed. ConfirmationInvalid. All are compared, in constant time.
    """
    message, given = f"{order}|{payment}".encode("utf-8", "replace"), _bytes(signature)
    matching = [secret for secret in key_secrets if hmac.compare_digest(digest(secret, message).encode(), given)]
    if not matching:
        raise ConfirmationInvalid("This is not what Razorpay signed for this payment.")


def digest(secret: str, message: bytes) -> str:
    return hmac.digest(secret.encode(), message, hashlib.sha256).hex()


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "replace")
