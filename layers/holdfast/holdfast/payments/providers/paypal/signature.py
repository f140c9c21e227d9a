"""PayPal's signature: RSA over `<transmission id>|<time>|<webhook id>|<CRC-32 of the body>`, with a certificate that lies at PayPal.

Nothing of the body is looked at before the signature is good. Where we cannot judge the certificate, PayPal itself is asked; the body
goes into that question byte by byte as it came.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from holdfast.kernel.time import parse_rfc3339
from holdfast.payments.certificates import signed
from holdfast.payments.errors import SignatureInvalid
from holdfast.payments.providers.paypal.settings import CERTIFICATES

ALGORITHM = "SHA256withRSA"
OLDEST, NEWEST = timedelta(days=4), timedelta(minutes=5)
"""PayPal tries for three days to deliver, and does not say whether it signs each try anew. A replay within the time is found by its id."""

_ID = re.compile(r"[A-Za-z0-9-]{1,50}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{300,1400}={0,2}")
_PLACE = re.compile(r"/v1/notifications/certs/[A-Za-z0-9_-]{1,120}")


def refused() -> SignatureInvalid:
    """The same words for every reason."""
    return SignatureInvalid("The signature is missing, too old, or not of this body.")


class Transmission(NamedTuple):
    """What the headers say, each of its own form."""

    id: str
    time: str
    signature: str
    certificate: str


def read(headers: Mapping[str, str], mode: str, now: datetime) -> Transmission:
    """SignatureInvalid: a header is missing or of another form, too old, from the future, or the certificate is not at PayPal."""
    told = Transmission(
        _header(headers, "paypal-transmission-id", _ID),
        _header(headers, "paypal-transmission-time", _TIME),
        _header(headers, "paypal-transmission-sig", _SIGNATURE),
        _place(headers.get("paypal-cert-url", ""), mode),
    )
    if headers.get("paypal-auth-algo") != ALGORITHM or not _recent(told.time, now):
        raise refused()
    return told


def holds(told: Transmission, key: bytes, webhook: str, raw: bytes) -> bool:
    try:
        signature = base64.b64decode(told.signature, validate=True)
    except binascii.Error:
        return False
    return signed(key, signature, message(told, webhook, raw))


def message(told: Transmission, webhook: str, raw: bytes) -> bytes:
    return f"{told.id}|{told.time}|{webhook}|{zlib.crc32(raw)}".encode()


def question(told: Transmission, webhook: str, raw: bytes) -> bytes:
    """What PayPal is asked: is this yours? SignatureInvalid when the body is not one JSON object: then it could say more in the question
    than an event, another webhook for example.
    """
    try:
        event = raw.decode()
        if not isinstance(json.loads(event), dict):
            raise refused()
    except (ValueError, RecursionError):
        raise refused() from None
    stated = {
        "auth_algo": ALGORITHM,
        "cert_url": told.certificate,
        "transmission_id": told.id,
        "transmission_sig": told.signature,
        "transmission_time": told.time,
        "webhook_id": webhook,
    }
    return f'{json.dumps(stated)[:-1]}, "webhook_event": {event}}}'.encode()


def _header(headers: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = headers.get(name, "")
    if not form.fullmatch(value):
        raise refused()
    return value


def _place(url: str, mode: str) -> str:
    """At PayPal, for real money or for play as the account is, and nowhere else: we fetch it, and believe it."""
    start = f"https://{CERTIFICATES[mode]}"
    if not (url.startswith(start) and _PLACE.fullmatch(url.removeprefix(start))):
        raise refused()
    return url


def _recent(time: str, now: datetime) -> bool:
    try:
        return now - OLDEST <= parse_rfc3339(time) <= now + NEWEST
    except ValueError:
        return False
