"""PayPro's HTTP API: the checkout that shoppers see, and the gateway behind it."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from holdfast.payments.errors import CredentialsRefused
from holdfast.payments.providers.paypro.mapper import Checkout, Made, Transaction, Word
from holdfast.payments.providers.paypro.settings import CHECKOUT, GATEWAY, PayProCredentials
from holdfast.platform.calling import Partner, PartnerUnreadable, Reply

NAME = "paypro"
MOST = 10
"""Transactions under one name that the gateway tells of: the latest."""

Spoken = TypeVar("Spoken", bound=Word)


class Refused(Exception):
    """PayPro does not do it. `message` is PayPro's, for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PayProApi:
    """One account."""

    def __init__(self, credentials: PayProCredentials, partner: Partner) -> None:
        self._partner = partner
        self._headers = {"authorization": f"Basic {credentials.basic}", "accept": "application/json"}

    def create(self, body: Mapping[str, Any]) -> Made:
        return _read(Made, self._ask("POST", CHECKOUT, "/ctp/api/checkouts", body), "checkout")

    def checkout(self, token: str) -> Checkout | None:
        return self._find(Checkout, CHECKOUT, f"/ctp/api/checkouts/{token}", "checkout")

    def transaction(self, uid: str) -> Transaction | None:
        return self._find(Transaction, GATEWAY, f"/transactions/{uid}", "transaction")

    def transactions(self, tracking: str) -> tuple[Transaction, ...]:
        """The latest of that name."""
        try:
            told = self._ask("GET", GATEWAY, f"/v2/transactions/tracking_id/{quote(tracking, safe=':')}").json()
        except Refused as refused:
            if refused.message == _UNKNOWN:
                return ()
            raise _unreadable() from None
        found = told.get("transactions", [told["transaction"]] if "transaction" in told else None)
        if not isinstance(found, list):
            raise _unreadable()
        return tuple(_told(Transaction, one) for one in found)

    def refund(self, body: Mapping[str, Any]) -> Transaction:
        return _read(Transaction, self._ask("POST", GATEWAY, "/transactions/refunds", body), "transaction")

    def _find(self, kind: type[Spoken], host: str, path: str, inside: str) -> Spoken | None:
        try:
            return _read(kind, self._ask("GET", host, path), inside)
        except Refused as refused:
            if refused.message == _UNKNOWN:
                return None
            raise _unreadable() from None

    def _ask(self, method: str, host: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        """Refused, CredentialsRefused."""
        headers = self._headers | ({"x-api-version": "2"} if host == CHECKOUT else {})
        if body is None:
            return _granted(self._partner.call(method, f"https://{host}{path}", headers))
        content = json.dumps(body).encode()
        return _granted(self._partner.call(method, f"https://{host}{path}", {**headers, "content-type": "application/json"}, content))


_UNKNOWN = "Record not found"


def _granted(reply: Reply) -> Reply:
    """What the platform's documents say of refusals is their message; of their status only that it is one."""
    if reply.ok:
        return reply
    if reply.status in {401, 403}:
        raise CredentialsRefused("PayPro does not accept these credentials.", provider=NAME)
    if reply.status == 404:
        raise Refused(_UNKNOWN)
    if reply.status not in {400, 409, 422}:
        raise _unreadable()
    told = reply.json()
    inner = told.get("response")
    raise Refused(str((inner if isinstance(inner, dict) else told).get("message", ""))[:300])


def _read(kind: type[Spoken], reply: Reply, inside: str) -> Spoken:
    return _told(kind, reply.json().get(inside))


def _told(kind: type[Spoken], told: object) -> Spoken:
    try:
        return kind.model_validate(told)
    except ValidationError:
        raise _unreadable() from None


def _unreadable() -> PartnerUnreadable:
    return PartnerUnreadable("PayPro answered what it is not documented to answer.", partner=NAME)
