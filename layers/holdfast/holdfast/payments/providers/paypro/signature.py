"""PayPro's signature: `Content-Signature`, RSA over the raw body. There is no time in it: a replay is found by its id only.

Where the shop has not told us PayPro's public key, the basic authorization that PayPro sends along must be the shop's own.
"""

import base64
import hmac
import re
from collections.abc import Mapping

from holdfast.payments.accounts import Keyring
from holdfast.payments.certificates import signed
from holdfast.payments.errors import SignatureInvalid
from holdfast.payments.providers.paypro.settings import PayProCredentials

HEADER = "content-signature"
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{300,1400}={0,2}")
_LONGEST = 1000


def verify(keys: Keyring[PayProCredentials], headers: Mapping[str, str], raw: bytes) -> None:
    """Any of the keys may have signed. Once PayPro's public key is told, a former secret is no proof any more: it could be sent by whoever
    has seen it. SignatureInvalid, the same for every reason.
    """
    good = [key for key in keys.all if keys.current.public_key is None or key.public_key is not None]
    if not any(_holds(key, headers, raw) for key in good):
        raise SignatureInvalid("The signature is missing, or not of this body.")


def _holds(key: PayProCredentials, headers: Mapping[str, str], raw: bytes) -> bool:
    if key.public_key is not None:
        return _signed(key.public_key, headers.get(HEADER, ""), raw)
    scheme, _, given = headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given[:_LONGEST].encode("utf-8", "replace"), key.basic.encode())
    return right and scheme.lower() == "basic"


def _signed(key: str, header: str, raw: bytes) -> bool:
    """Base64 may come in lines."""
    if len(header) > _LONGEST * 2:
        return False
    given = header.replace("\r", "").replace("\n", "")
    try:
        return bool(_SIGNATURE.fullmatch(given)) and signed(base64.b64decode(key), base64.b64decode(given, validate=True), raw)
    except ValueError:
        return False
