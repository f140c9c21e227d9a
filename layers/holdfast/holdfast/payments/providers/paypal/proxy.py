"""PayPal's HTTP API: tokens, requests, and what a refusal means."""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, ValidationError

from holdfast.payments.errors import CredentialsRefused
from holdfast.payments.providers.paypal.mapper import Capture, Case, Cases, Linked, Order, Refund, Word, is_ours
from holdfast.payments.providers.paypal.settings import API, PayPalCredentials
from holdfast.platform.calling import Partner, PartnerUnavailable, PartnerUnreadable, Reply

NAME = "paypal"
CERTIFICATE_SECONDS = 2
"""A webhook waits for it."""
TOKEN_MARGIN = 120
"""Seconds before its end at which a token is not used any more."""
MOST_CERTIFICATES = 32
PAGE = 20

Spoken = TypeVar("Spoken", bound=Word)


class Refused(Exception):
    """PayPal does not do it. `issue` is PayPal's word for the reason."""

    def __init__(self, issue: str) -> None:
        super().__init__(issue)
        self.issue = issue


class Token(Word):
    access_token: str
    expires_in: int


class Verdict(Word):
    verification_status: str


class ListedEvent(Word):
    resource: Mapping[str, Any] = {}


class Listed(Linked):
    events: tuple[ListedEvent, ...] = Field(default=(), strict=False)


class PayPalApi:
    """One account. `seconds` is a clock that only goes forward."""

    def __init__(self, credentials: PayPalCredentials, partner: Partner, seconds: Callable[[], int]) -> None:
        self._credentials, self._partner, self._seconds = credentials, partner, seconds
        self._base = f"https://{API[credentials.mode]}"
        self._token: tuple[str, int] | None = None
        self._lock = threading.Lock()

    def create(self, body: Mapping[str, Any], key: str) -> Order:
        return _read(Order, self._ask("POST", "/v2/checkout/orders", body, key))

    def order(self, order: str) -> Order | None:
        return self._find(Order, f"/v2/checkout/orders/{quote(order, safe='')}")

    def capture(self, capture: str) -> Capture | None:
        return self._find(Capture, f"/v2/payments/captures/{quote(capture, safe='')}")

    def collect(self, order: str, key: str) -> Order:
        return _read(Order, self._ask("POST", f"/v2/checkout/orders/{quote(order, safe='')}/capture", {}, key))

    def refund(self, capture: str, body: Mapping[str, Any], key: str) -> Refund:
        return _read(Refund, self._ask("POST", f"/v2/payments/captures/{quote(capture, safe='')}/refund", body, key))

    def disputes(self, capture: str) -> tuple[Case, ...]:
        """All that were ever opened on it, each with its outcome."""
        listed = _read(Cases, self._ask("GET", f"/v1/customer/disputes?{urlencode({'disputed_transaction_id': capture, 'page_size': 50})}"))
        return tuple(self._whole(case) for case in listed.items)

    def has_webhook(self, webhook: str) -> bool:
        return self._find(Word, f"/v1/notifications/webhooks/{quote(webhook, safe='')}") is not None

    def verified(self, question: bytes) -> bool:
        verdict = _read(Verdict, self._ask("POST", "/v1/notifications/verify-webhook-signature", question))
        return verdict.verification_status == "SUCCESS"

    def paid(self, since: str, until: str, cursor: str | None) -> tuple[list[Capture], str | None]:
        """Captures for us that completed in that time, and where it goes on. Refused. Those of others may be of an older kind."""
        asked = {"event_type": "PAYMENT.CAPTURE.COMPLETED", "start_time": since, "end_time": until, "page_size": PAGE}
        page = _read(Listed, self._ask("GET", f"/v1/notifications/webhooks-events?{cursor or urlencode(asked)}"))
        following = page.link("next")
        ours = [_told(Capture, event.resource) for event in page.events if is_ours(event.resource)]
        return ours, urlsplit(following).query if following and page.events else None

    def _whole(self, case: Case) -> Case:
        if case.status != "RESOLVED":
            return case
        return self._find(Case, f"/v1/customer/disputes/{quote(case.dispute_id, safe='')}") or case

    def _find(self, kind: type[Spoken], path: str) -> Spoken | None:
        try:
            return _read(kind, self._ask("GET", path))
        except Refused as refused:
            if refused.issue == "NOT_FOUND":
                return None
            raise _unreadable() from refused

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, key: str | None = None) -> Reply:
        """Refused, CredentialsRefused. A token may end before its time: then once more, with a fresh one; the first did nothing."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"accept": "application/json", "prefer": "return=representation"}
        headers |= {"content-type": "application/json"} if content is not None else {}
        headers |= {"paypal-request-id": key} if key else {}
        for fresh in (False, True):
            reply = self._partner.call(method, self._base + path, {**headers, "authorization": self._bearer(fresh)}, content)
            if reply.status != 401:
                return _granted(reply)
        raise _credentials()

    def _bearer(self, fresh: bool) -> str:
        with self._lock:
            if fresh or self._token is None or self._token[1] <= self._seconds():
                self._token = self._new_token()
            return f"Bearer {self._token[0]}"

    def _new_token(self) -> tuple[str, int]:
        asked = self._seconds()
        secret = f"{self._credentials.client_id}:{self._credentials.client_secret}".encode()
        headers = {
            "authorization": f"Basic {base64.b64encode(secret).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        reply = self._partner.call("POST", f"{self._base}/v1/oauth2/token", headers, b"grant_type=client_credentials")
        if 400 <= reply.status < 500:
            raise _credentials()
        token = _read(Token, reply)
        return token.access_token, asked + max(token.expires_in - TOKEN_MARGIN, 0)


class Certificates:
    """Chains (PEM) by their addresses. What lies at an address never changes; the oldest is forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def at(self, address: str, partner: Partner) -> bytes | None:
        """None: there is none. PartnerUnavailable, PartnerThrottles. The address was judged before."""
        known = self._known.get(address)
        if known is not None:
            return known
        reply = partner.call("GET", address, {"accept": "*/*"}, seconds=CERTIFICATE_SECONDS)
        if 400 <= reply.status < 500:
            return None
        if not reply.ok or b"-----BEGIN CERTIFICATE-----" not in reply.body:
            raise _unreadable()
        while len(self._known) >= MOST_CERTIFICATES:
            self._known.pop(next(iter(self._known)), None)
        self._known[address] = reply.body
        return reply.body


@cache
def shared_certificates() -> Certificates:
    """One for all shops: the address says all."""
    return Certificates()


@cache
def roots() -> bytes:
    """Mozilla's list of certificate authorities (PEM), as botocore brings it along."""
    import botocore

    return Path(botocore.__file__).with_name("cacert.pem").read_bytes()


def forward() -> int:
    return int(time.monotonic())


def _granted(reply: Reply) -> Reply:
    """Refused with the first issue that PayPal names; CredentialsRefused."""
    if reply.ok:
        return reply
    if reply.status == 403:
        raise _credentials()
    if reply.status == 404:
        raise Refused("NOT_FOUND")
    if reply.status == 409:
        raise PartnerUnavailable("PayPal is still at work on the same.", retry_after=5, partner=NAME)
    if reply.status not in {400, 422}:
        raise _unreadable()
    told = reply.json()
    details = told.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    raise Refused(str(first.get("issue") or told.get("name") or "UNKNOWN")[:80])


def _read(kind: type[Spoken], reply: Reply) -> Spoken:
    return _told(kind, reply.json())


def _told(kind: type[Spoken], told: Mapping[str, Any]) -> Spoken:
    try:
        return kind.model_validate(told)
    except ValidationError:
        raise _unreadable() from None


def _unreadable() -> PartnerUnreadable:
    return PartnerUnreadable("PayPal answered what it is not documented to answer.", partner=NAME)


def _credentials() -> CredentialsRefused:
    return CredentialsRefused("PayPal does not accept these credentials for this.", provider=NAME)
