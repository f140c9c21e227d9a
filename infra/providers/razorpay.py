"""Razorpay's API and webhooks, as far as shops with its Checkout meet them. From its public documents.

Much that others tell by status it tells in the sentence of a 400, an unknown id among it.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from infra.providers.razorpay_book import DAY, RazorpayBook, Thing
from infra.providers.wire import Answer, Call, Clock, Webhook, json_answer

NO_DECIMALS = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "OMR", "TND"}
TWO_DECIMALS = {"AED", "AUD", "BDT", "CAD", "CHF", "EUR", "GBP", "HUF", "INR", "MGA", "NOK", "SEK", "SGD", "TWD", "USD", "ZAR"}
CURRENCIES = NO_DECIMALS | THREE_DECIMALS | TWO_DECIMALS
ORDER_FIELDS = {"amount", "currency", "receipt", "notes", "partial_payment", "first_payment_min_amount"}
REFUND_FIELDS = {"amount", "speed", "receipt", "notes"}
LEAST = 100
"""Of rupees; other currencies are let through from one on."""
URL_UNKNOWN = "The requested URL was not found on the server."


class Problem(Exception):
    """An error as Razorpay tells it."""

    def __init__(self, description: str, field: str | None = None, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        facts: Thing = {"source": "business", "step": "payment_initiation", "reason": "input_validation_failed", "metadata": {}}
        self.body = {"error": {"code": "BAD_REQUEST_ERROR", "description": description, **facts, **({"field": field} if field else {})}}


class FakeRazorpay:
    """One account. `caused` collects the webhooks of what the API was asked to do; `act` returns those of what others do."""

    hosts = frozenset({"api.razorpay.com"})

    def __init__(self, *, key_id: str, key_secret: str, webhook_secret: str, clock: Clock) -> None:
        self._key_id, self._key_secret = key_id, key_secret
        self.book = RazorpayBook(webhook_secret=webhook_secret, clock=clock)
        self._kept: dict[str, tuple[int, tuple[str, bytes], Answer]] = {}
        self.caused: list[Webhook] = []

    def act(self, payment: str, action: str) -> list[Webhook]:
        return self.book.act(payment, action)

    def brought(self, payment: str) -> dict[str, str]:
        """What the Checkout window hands to the page once somebody has paid."""
        paid = next(one for one in self.book.of("payment", order_id=payment) if one["status"] in {"authorized", "captured", "refunded"})
        signature = hmac.new(self._key_secret.encode(), f"{payment}|{paid['id']}".encode(), hashlib.sha256).hexdigest()
        return {"razorpay_payment_id": paid["id"], "razorpay_order_id": payment, "razorpay_signature": signature}

    def news(self) -> list[Webhook]:
        """What is on its way to the shop, of what it has asked for itself."""
        told, self.caused = self.caused, []
        return told

    def answer(self, call: Call) -> Answer:
        try:
            self._let_in(call)
            return self._once(call)
        except Problem as problem:
            return json_answer(problem.status, problem.body)

    def _let_in(self, call: Call) -> None:
        expected = base64.b64encode(f"{self._key_id}:{self._key_secret}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {expected}":
            raise Problem("Authentication failed", status=401)

    def _once(self, call: Call) -> Answer:
        """Only refunds have a key. How long it is remembered, nobody says: here for a day."""
        key, asked = call.headers.get("x-refund-idempotency"), (call.path, call.body)
        if key is None or not call.path.endswith("/refund"):
            return self._done(call)
        if len(key) < 10:
            raise Problem("The idempotency key must be at least 10 characters long.")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
            raise Problem("The idempotency key must only contain alphanumeric characters, underscores, and hyphens")
        kept = self._kept.get(key)
        if kept is not None and kept[0] + DAY > self.book.now:
            if kept[1] != asked:
                raise Problem("Different request with the same idempotency key has already been processed.", status=409)
            return kept[2]
        answer = self._done(call)
        self._kept[key] = (self.book.now, asked, answer)
        return answer

    def _done(self, call: Call) -> Answer:
        ways: list[tuple[str, str, Callable[..., Thing]]] = [
            ("POST", r"/v1/orders", lambda: self._open(_body(call, ORDER_FIELDS))),
            ("GET", r"/v1/orders", lambda: self._orders(call)),
            ("GET", r"/v1/orders/([^/]+)", lambda name: self._known(name, "order")),
            ("GET", r"/v1/orders/([^/]+)/payments", lambda name: _collection(self._payments(self._known(name, "order")))),
            ("GET", r"/v1/payments/([^/]+)", lambda name: self._known(name, "payment")),
            ("POST", r"/v1/payments/([^/]+)/capture", lambda name: self._capture(name, _body(call, {"amount", "currency"}))),
            ("POST", r"/v1/payments/([^/]+)/refund", lambda name: self._refund(name, _body(call, REFUND_FIELDS))),
            ("GET", r"/v1/payments/([^/]+)/refunds", lambda name: self._refunds(name, call)),
            ("GET", r"/v1/disputes", lambda: _collection(_page(self.book.of("dispute"), call))),
        ]
        for method, pattern, way in ways:
            found = re.fullmatch(pattern, call.path)
            if method == call.method and found:
                told = json_answer(200, way(*found.groups()))
                self.caused += self.book.told()
                return told
        raise Problem(URL_UNKNOWN)

    def _known(self, name: str, kind: str) -> Thing:
        if not re.fullmatch(r"[a-z]+_[A-Za-z0-9]{14}", name):
            raise Problem(f"{name} is not a valid id")
        if self.book.things.get(name, {}).get("entity") != kind:
            raise Problem("The id provided does not exist")
        return self.book.things[name]

    def _open(self, asked: Thing) -> Thing:
        currency = asked.get("currency")
        if not isinstance(currency, str):
            raise Problem("The currency field is required.", "currency")
        if currency not in CURRENCIES:
            raise Problem("Currency is not supported", "currency")
        amount = _amount(asked, currency)
        receipt = asked.get("receipt")
        if receipt is not None and (not isinstance(receipt, str) or len(receipt) > 40):
            raise Problem("The receipt may not be greater than 40 characters.", "receipt")
        return self.book.put(
            "order",
            "order",
            amount=amount,
            amount_paid=0,
            amount_due=amount,
            currency=currency,
            receipt=receipt,
            offer_id=None,
            status="created",
            attempts=0,
            notes=_notes(asked),
        )

    def _orders(self, call: Call) -> Thing:
        earliest, latest = (
            _number(call.query.get(name, default), name) for name, default in (("from", "0"), ("to", str(self.book.now + 1)))
        )
        named = {"receipt": call.query["receipt"]} if "receipt" in call.query else {}
        found = [order for order in self.book.of("order", **named) if earliest <= order["created_at"] < latest]
        page = _page(found, call)
        if "expand[]" in call.query:
            if call.query["expand[]"] != "payments":
                raise Problem("Value of each expand must be one of following types: payments, payments.card, transfers")
            page = [{**order, "payments": _collection(self._payments(order))} for order in page]
        return _collection(page)

    def _payments(self, order: Thing) -> list[Thing]:
        return self.book.of("payment", order_id=order["id"])

    def _capture(self, name: str, asked: Thing) -> Thing:
        payment = self._known(name, "payment")
        if payment["captured"]:
            raise Problem("This payment has already been captured")
        if payment["status"] != "authorized":
            raise Problem("Only payments which have been authorized and not yet captured can be captured")
        if self.book.things[payment["order_id"]]["status"] == "paid":
            raise Problem("Your payment has been declined as the order is already paid. Please initiate the payment with a new order.")
        if asked.get("amount") != payment["amount"] or asked.get("currency") != payment["currency"]:
            raise Problem("Capture amount must be equal to the amount authorized", "amount")
        self.book.capture(payment)
        return payment

    def _refund(self, name: str, asked: Thing) -> Thing:
        payment = self._known(name, "payment")
        left = payment["amount"] - payment["amount_refunded"]
        if not payment["captured"]:
            raise Problem("The payment status should be captured for action to be taken")
        if not left:
            raise Problem("The payment has been fully refunded already")
        if payment["created_at"] + 182 * DAY < self.book.now:
            raise Problem("Refund is not supported for payments older than 6 months")
        amount = _amount({"amount": left, **asked}, payment["currency"])
        if amount > left:
            raise Problem("The refund amount provided is greater than amount captured", "amount")
        if asked.get("speed", "normal") not in {"normal", "optimum"}:
            raise Problem("The selected speed is invalid.", "speed")
        notes = _notes(asked)
        return self.book.give_back(payment, amount, asked.get("receipt"), notes if isinstance(notes, dict) else None)

    def _refunds(self, name: str, call: Call) -> Thing:
        return _collection(_page(self.book.of("refund", payment_id=self._known(name, "payment")["id"]), call))


def _body(call: Call, fields: set[str]) -> Thing:
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or call.headers.get("content-type") != "application/json":
        raise Problem("The request body is not JSON.")
    if body.keys() - fields:
        raise Problem(f"{', '.join(sorted(body.keys() - fields))} is/are not required and should not be sent")
    return body


def _amount(asked: Thing, currency: str) -> int:
    amount = asked.get("amount")
    if amount is None:
        raise Problem("The amount field is required.", "amount")
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise Problem("The amount must be an integer.", "amount")
    if amount < (LEAST if currency == "INR" else 1):
        raise Problem(f"The amount must be at least {currency} 1.00", "amount")
    if currency in THREE_DECIMALS and amount % 10:
        raise Problem("The last decimal of the amount must be 0 for this currency.", "amount")
    if amount > 2**32:
        raise Problem("Amount exceeds maximum amount allowed.", "amount")
    return amount


def _notes(asked: Thing) -> Thing | list[Any]:
    """None are an empty list, as its backend has it."""
    notes = asked.get("notes") or {}
    if not isinstance(notes, dict) or len(notes) > 15:
        raise Problem("The notes have 15 pairs at most.", "notes")
    if any(len(str(value)) > 256 for value in notes.values()):
        raise Problem("The notes have values of 256 characters at most.", "notes")
    return notes or []


def _page(things: Sequence[Thing], call: Call) -> list[Thing]:
    count, skip = (_number(call.query.get(name, default), name) for name, default in (("count", "10"), ("skip", "0")))
    if not 1 <= count <= 100:
        raise Problem("The count must be between 1 and 100.", "count")
    return list(things[skip : skip + count])


def _number(text: str, field: str) -> int:
    if not re.fullmatch(r"\d{1,12}", text):
        raise Problem(f"The {field} must be an integer.", field)
    return int(text)


def _collection(things: Sequence[Thing]) -> Thing:
    return {"entity": "collection", "count": len(things), "items": list(things)}
