"""PayPro BPC as the public documents of its platform (beGateway) describe it: checkouts by token, transactions by uid, signed webhooks."""

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from infra.providers.rsa import bare_public_key, key_pair, sign
from infra.providers.wire import Answer, Call, Clock, Webhook, json_answer

SHOP_ID, SECRET_KEY = "361", "b8647b68898b084b836474ed8d61ffe117c9a01168d867f24953b776ddcb134d"
CHECKOUT, GATEWAY = "checkout.paypro.by", "gateway.paypro.by"
DAY, DUPLICATE = timedelta(hours=24), timedelta(seconds=30)
LATEST = 10
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_ROUTES = (
    ("POST", CHECKOUT, r"/ctp/api/checkouts", "create"),
    ("GET", CHECKOUT, r"/ctp/api/checkouts/([^/]+)", "show_checkout"),
    ("GET", GATEWAY, r"/transactions/([^/]+)", "show_transaction"),
    ("GET", GATEWAY, r"/v2/transactions/tracking_id/([^/]+)", "find"),
    ("POST", GATEWAY, r"/transactions/refunds", "refund"),
)


class Invalid(Exception):
    """`errors`: what is wrong with which field."""

    def __init__(self, **errors: str) -> None:
        super().__init__(", ".join(f"{name} {what}" for name, what in errors.items()))
        self.errors = {name: [what] for name, what in errors.items()}


@dataclass
class Book:
    """A checkout as PayPro keeps it."""

    token: str
    asked: dict[str, Any]
    ends: datetime
    tries: list[str] = field(default_factory=list)


class FakePayPro:
    """`wire.Fake`. A payment is named by its token."""

    hosts = frozenset({CHECKOUT, GATEWAY})

    def __init__(self, clock: Clock, *, shop_id: str = SHOP_ID, secret_key: str = SECRET_KEY) -> None:
        self._clock, self._shop, self._secret = clock, shop_id, secret_key
        self._checkouts: dict[str, Book] = {}
        self._transactions: dict[str, dict[str, Any]] = {}

    @property
    def public_key(self) -> str:
        """As the back office shows it."""
        return bare_public_key(key_pair("PayPro"))

    def answer(self, call: Call) -> Answer:
        if call.headers.get("authorization") != self._basic:
            return json_answer(401, {"message": "Unauthorized", "errors": {"system": ["Unauthorized"]}})
        for method, host, pattern, name in _ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and (method, host) == (call.method, call.host):
                try:
                    answer: Answer = getattr(self, f"_{name}")(call, *map(unquote, found.groups()))
                except Invalid as invalid:
                    wrong = {"message": str(invalid), "errors": invalid.errors}
                    return json_answer(422, wrong if host == CHECKOUT else {"response": wrong})
                return answer
        return json_answer(404, {"message": "Record not found"})

    def act(self, payment: str, action: str) -> list[Webhook]:
        book = self._checkouts[payment]
        verb, _, amount = action.partition(":")
        if verb in {"pay", "pay_again", "decline"}:
            return [self._try(book, verb)]
        if verb == "expire":
            return self._expire(book)
        if verb == "refund":
            return [self._refund_by_hand(book, amount)]
        if verb in {"dispute", "dispute_lost"}:
            return [self._charge_back(book)]
        raise ValueError(f"PayPro knows no {action}")

    def signed(self, body: bytes) -> Webhook:
        """Any bytes, as PayPro would send them."""
        signature = sign(key_pair("PayPro"), body)
        return Webhook({"Content-Type": "application/json", "Content-Signature": signature, "Authorization": self._basic}, body)

    @property
    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self._shop}:{self._secret}".encode()).decode()

    def _create(self, call: Call) -> Answer:
        asked = _json(call).get("checkout")
        if call.headers.get("x-api-version") != "2" or not isinstance(asked, dict):
            raise Invalid(checkout="is missing")
        if asked.get("transaction_type") not in {"payment", "authorization", "tokenization", "charge"}:
            raise Invalid(transaction_type="is not included in the list")
        order = asked.get("order") or {}
        _amount(order)
        if not re.fullmatch("[A-Z]{3}", str(order.get("currency"))):
            raise Invalid(currency="is invalid")
        for name in ("description", "tracking_id"):
            if not 0 < len(order.get(name) or "-") <= 255:
                raise Invalid(**{name: "is too long"})
        if not order.get("description"):
            raise Invalid(description="can't be blank")
        for name, url in (asked.get("settings") or {}).items():
            if name.endswith("_url") and not re.match("https?://", str(url)):
                raise Invalid(**{name: "is invalid"})
        token = hashlib.sha256(f"{self._shop} {len(self._checkouts)}".encode()).hexdigest()
        self._checkouts[token] = Book(token, asked, self._end(order.get("expired_at")))
        return json_answer(201, {"checkout": {"token": token, "redirect_url": f"https://{CHECKOUT}/v2/checkout?token={token}"}})

    def _end(self, given: str | None) -> datetime:
        if given is None:
            return self._clock() + DAY
        if not _TIME.fullmatch(given):
            raise Invalid(expired_at="is invalid")
        return datetime.fromisoformat(given)

    def _show_checkout(self, _: Call, token: str) -> Answer:
        book = self._checkouts.get(token)
        if book is None:
            return json_answer(404, {"message": "Record not found"})
        last = self._transactions[book.tries[-1]] if book.tries else None
        expired = self._clock() > book.ends and not (last and last["status"] == "successful")
        shown = {
            "token": token,
            "shop_id": int(self._shop),
            "transaction_type": "payment",
            "gateway_response": {"payment": {"uid": last["uid"], "status": last["status"]}} if last else None,
            "order": book.asked["order"],
            "settings": book.asked.get("settings", {}),
            "finished": bool(last),
            "expired": expired,
            "test": book.asked.get("test", False),
            "status": "expired" if expired and not last else last["status"] if last else None,
        }
        return json_answer(200, {"checkout": shown})

    def _show_transaction(self, _: Call, uid: str) -> Answer:
        found = self._transactions.get(uid)
        return json_answer(200, {"transaction": found}) if found else json_answer(404, {"response": {"message": "Record not found"}})

    def _find(self, _: Call, tracking: str) -> Answer:
        named = [one for one in self._transactions.values() if tracking in (one.get("tracking_id") or "").split(";")]
        return json_answer(200, {"transactions": list(reversed(named))[:LATEST]})

    def _refund(self, call: Call) -> Answer:
        asked = _json(call).get("request") or {}
        _amount(asked)
        if not asked.get("reason"):
            raise Invalid(reason="can't be blank")
        if len(asked["reason"]) > 255 or len(asked.get("tracking_id") or "") > 255:
            raise Invalid(reason="is too long")
        parent = self._transactions.get(asked.get("parent_uid", ""))
        if parent is None or parent["type"] != "payment" or parent["status"] != "successful":
            raise Invalid(parent_uid="is not a payment")
        return json_answer(200, {"transaction": self._give(parent, asked["amount"], asked["reason"], asked.get("tracking_id"))})

    def _give(self, parent: Mapping[str, Any], amount: int, reason: str, tracking: str | None) -> dict[str, Any]:
        earlier = [one for one in self._transactions.values() if one["type"] == "refund" and one["parent_uid"] == parent["uid"]]
        if any(one["amount"] == amount and datetime.fromisoformat(one["created_at"]) > self._clock() - DUPLICATE for one in earlier):
            raise Invalid(base="Duplicate refund")
        if amount > parent["amount"] - sum(one["amount"] for one in earlier):
            raise Invalid(amount="is more than is left")
        return self._keep("refund", "successful", parent, amount=amount, reason=reason, tracking_id=tracking, parent_uid=parent["uid"])

    def _try(self, book: Book, verb: str) -> Webhook:
        good = [uid for uid in book.tries if self._transactions[uid]["status"] == "successful"]
        if bool(good) != (verb == "pay_again") or self._clock() > book.ends:
            raise ValueError(f"this checkout cannot {verb} now")
        if len(book.tries) >= book.asked.get("attempts", 1) and verb != "pay_again":
            raise ValueError("no more tries")
        status = "failed" if verb == "decline" else "successful"
        made = self._keep("payment", status, book.asked["order"], test=book.asked.get("test", False))
        if verb != "pay_again":  # that is another checkout of the same order
            book.tries.append(made["uid"])
        return self._tell(made)

    def _expire(self, book: Book) -> list[Webhook]:
        if any(self._transactions[uid]["status"] == "successful" for uid in book.tries):
            raise ValueError("it was paid")
        book.ends = min(book.ends, self._clock() - timedelta(seconds=1))
        told = {"token": book.token, "shop_id": int(self._shop), "transaction_type": "payment", "gateway_response": None}
        told |= {"order": book.asked["order"], "settings": book.asked.get("settings", {}), "customer": book.asked.get("customer", {})}
        return [self.signed(json.dumps(told).encode())]

    def book(self, payment: str) -> Book:
        return self._checkouts[payment]

    def paid(self, book: Book) -> bool:
        return any(self._transactions[uid]["status"] == "successful" for uid in book.tries)

    def news(self) -> list[Webhook]:
        """What the shop asks for itself is answered, and not told."""
        return []

    def _paid(self, book: Book) -> dict[str, Any]:
        for uid in book.tries:
            if self._transactions[uid]["status"] == "successful":
                return self._transactions[uid]
        raise ValueError("nothing was paid")

    def _refund_by_hand(self, book: Book, amount: str) -> Webhook:
        paid = self._paid(book)
        given = (one for one in self._transactions.values() if one["type"] == "refund" and one["parent_uid"] == paid["uid"])
        left = paid["amount"] - sum(one["amount"] for one in given)
        try:
            return self._tell(self._give(paid, int(amount or left), "Client request", paid["tracking_id"]))
        except Invalid as invalid:
            raise ValueError(str(invalid)) from None

    def _charge_back(self, book: Book) -> Webhook:
        """Without the order's name, as in the documents' example."""
        paid = self._paid(book)
        made = self._keep("chargeback", "successful", paid, reason="return", parent_uid=paid["uid"], tracking_id=None)
        return self._tell({**made, "parent_transaction": paid})

    def _keep(self, kind: str, status: str, like: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        now = f"{self._clock():%Y-%m-%dT%H:%M:%S}.{self._clock().microsecond // 1000:03d}+00:00"
        made = {
            "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._shop} {len(self._transactions)}")),
            "status": status,
            "amount": like["amount"],
            "currency": like.get("currency"),
            "type": kind,
            "tracking_id": like.get("tracking_id"),
            "test": like.get("test", False),
            "message": "Successfully processed" if status == "successful" else "Payment was declined",
            "payment_method_type": "credit_card",
            "created_at": now,
            "updated_at": now,
            **more,
        }
        self._transactions[made["uid"]] = made
        return made

    def _tell(self, transaction: Mapping[str, Any]) -> Webhook:
        return self.signed(json.dumps({"transaction": transaction}).encode())


def _json(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type") != "application/json":
        raise Invalid(base="is not JSON")
    try:
        body = json.loads(call.body)
    except ValueError:
        raise Invalid(base="is not JSON") from None
    return body if isinstance(body, dict) else {}


def _amount(asked: Mapping[str, Any]) -> None:
    amount = asked.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        raise Invalid(amount="must be greater than 0")
