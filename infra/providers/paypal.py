"""PayPal as its OpenAPI files and guides describe it: orders that are approved and captured, refunds, disputes, signed webhooks."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from infra.providers.paypal_rules import (
    APPROVAL,
    Book,
    Refusal,
    check_experience,
    content,
    gone,
    minor,
    payable,
    stamp,
    written,
)
from infra.providers.rsa import Issued, authority, issued, sign
from infra.providers.wire import Answer, Call, Clock, Webhook, json_answer

CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID = "AStandInOfPayPal_client", "EStandInOfPayPal_secret", "4JH86294D6297924G"
TOKEN_SECONDS = 32_400
REPLAYS = {"orders": timedelta(hours=6), "capture": timedelta(hours=6), "refund": timedelta(days=45)}
_ROUTES = (
    ("POST", r"/v2/checkout/orders", "create"),
    ("GET", r"/v2/checkout/orders/([A-Z0-9]{1,36})", "show_order"),
    ("POST", r"/v2/checkout/orders/([A-Z0-9]{1,36})/capture", "collect"),
    ("GET", r"/v2/payments/captures/([A-Z0-9]{1,36})", "show_capture"),
    ("POST", r"/v2/payments/captures/([A-Z0-9]{1,36})/refund", "refund"),
    ("GET", r"/v1/customer/disputes", "list_disputes"),
    ("GET", r"/v1/customer/disputes/([A-Za-z0-9-]{1,255})", "show_dispute"),
    ("POST", r"/v1/notifications/verify-webhook-signature", "vouch"),
    ("GET", r"/v1/notifications/webhooks/([A-Z0-9]{1,50})", "show_webhook"),
    ("GET", r"/v1/notifications/webhooks-events", "list_events"),
)


class FakePayPal:
    """`wire.Fake`. `act("pay")` approves, as a shopper does; the money comes when the merchant captures. What the merchant's own calls
    set off is told by `news()`, or with the next act.
    """

    def __init__(
        self, clock: Clock, *, live: bool = False, client: tuple[str, str] = (CLIENT_ID, CLIENT_SECRET), webhook: str = WEBHOOK_ID
    ) -> None:
        self._clock, self._client, self._webhook = clock, client, webhook
        world = "" if live else "sandbox."
        self._api, self._certificates = f"api-m.{world}paypal.com", f"api.{world}paypal.com"
        self.hosts = frozenset({self._api, self._certificates})
        self.sees_disputes = True
        self._orders: dict[str, Book] = {}
        self._disputes: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, datetime] = {}
        self._replays: dict[tuple[str, str], tuple[datetime, bytes, Any]] = {}
        self._invoices: set[str] = set()
        self._declined: set[str | None] = set()
        self._events: list[dict[str, Any]] = []
        self._waiting: list[Webhook] = []
        self._count = 0

    @property
    def root(self) -> bytes:
        """The authority (PEM) that vouches for the certificates of webhooks here."""
        return authority().pem

    def answer(self, call: Call) -> Answer:
        if call.host == self._certificates and call.path.startswith("/v1/notifications/certs/"):
            known = call.path.removeprefix("/v1/notifications/certs/") == self._certificate_id
            return Answer(200, {"content-type": "text/plain"}, self._issued.pem) if known else json_answer(404, {"name": "NOT_FOUND"})
        if call.path == "/v1/oauth2/token":
            return self._token(call)
        if self._tokens.get(call.headers.get("authorization", ""), self._clock()) <= self._clock():
            return json_answer(401, {"name": "AUTHENTICATION_FAILURE", "message": "invalid_token"})
        for method, pattern, name in _ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and method == call.method:
                try:
                    answer: Answer = getattr(self, f"_{name}")(call, *found.groups())
                except Refusal as refusal:
                    return refusal.answer
                return answer
        return json_answer(404, {"name": "RESOURCE_NOT_FOUND", "details": [{"issue": "INVALID_RESOURCE_ID"}]})

    def act(self, payment: str, action: str) -> list[Webhook]:
        book = self._orders[payment]
        verb, _, amount = action.partition(":")
        if verb in {"pay", "authorize"}:
            self._approve(book)
        elif verb == "decline":
            self._approve(book)
            book.declines = True
        elif verb == "expire":
            self._expire(book)
        elif verb == "refund":
            self._refund_by_hand(book, amount)
        elif verb in {"dispute", "dispute_won", "dispute_lost"}:
            self._dispute(book, verb)
        else:
            raise ValueError(f"PayPal knows no {action}")
        return self.news()

    def book(self, payment: str) -> Book:
        return self._orders[payment]

    def news(self) -> list[Webhook]:
        """What is on its way to the shop. PayPal would try each for three days."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def signed(self, body: bytes) -> Webhook:
        """Any bytes, as PayPal would sign them."""
        transmission, time = f"{zlib.crc32(body):08x}-fd74-11e4-8bf3-77339302725b", f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"
        message = f"{transmission}|{time}|{self._webhook}|{zlib.crc32(body)}".encode()
        headers = {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": time,
            "PAYPAL-TRANSMISSION-SIG": sign(self._issued.key, message),
            "PAYPAL-CERT-URL": f"https://{self._certificates}/v1/notifications/certs/{self._certificate_id}",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "Content-Type": "application/json",
        }
        return Webhook(headers, body)

    @property
    def _issued(self) -> Issued:
        return issued("messageverificationcerts.paypal.com", authority())

    @property
    def _certificate_id(self) -> str:
        return "CERT-360caa42-fca2a594-1d93a270"

    def _token(self, call: Call) -> Answer:
        expected = "Basic " + base64.b64encode(":".join(self._client).encode()).decode()
        if call.headers.get("authorization") != expected:
            return json_answer(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        if parse_qs(call.body.decode()) != {"grant_type": ["client_credentials"]}:
            return json_answer(400, {"error": "unsupported_grant_type"})
        token = self._id("A21AA")
        self._tokens[f"Bearer {token}"] = self._clock() + timedelta(seconds=TOKEN_SECONDS)
        return json_answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": "stand-in"})

    def _create(self, call: Call) -> Answer:
        body = content(call)
        earlier = self._replayed("orders", call)
        if earlier is not None:
            return json_answer(200, self._view(self._orders[earlier]))
        if body.get("payment_source") and not call.headers.get("paypal-request-id"):
            raise Refusal(400, "PAYPAL_REQUEST_ID_REQUIRED", "INVALID_REQUEST")
        if body.get("intent") != "CAPTURE" or len(body.get("purchase_units") or []) != 1:
            raise Refusal(400, "INVALID_PARAMETER_VALUE", "INVALID_REQUEST")
        unit = body["purchase_units"][0]
        payable(unit.get("amount"))
        for name, most in (("reference_id", 256), ("custom_id", 127), ("invoice_id", 127), ("description", 127)):
            if not 0 < len(unit.get(name, "-")) <= most:
                raise Refusal(400, "INVALID_STRING_LENGTH", "INVALID_REQUEST")
        check_experience(body)
        pages = body.get("payment_source", {}).get("paypal", {}).get("experience_context", {})
        book = Book(self._id("5O"), unit, self._clock(), back=pages.get("return_url"), cancel=pages.get("cancel_url"))
        self._orders[book.id] = book
        self._keep("orders", call, book.id)
        return json_answer(201, self._view(book))

    def _show_order(self, _: Call, order: str) -> Answer:
        return json_answer(200, self._view(self._living(order)))

    def _collect(self, call: Call, order: str) -> Answer:
        book = self._living(order)
        if self._replayed("capture", call) is not None:
            return json_answer(200, self._view(book))
        if book.captures:
            raise Refusal(422, "ORDER_ALREADY_CAPTURED")
        if book.status != "APPROVED":
            raise Refusal(422, "ORDER_NOT_APPROVED")
        if book.declines or call.headers.get("paypal-request-id") in self._declined:
            book.declines, book.status = False, "PAYER_ACTION_REQUIRED"
            self._declined.add(call.headers.get("paypal-request-id"))
            raise Refusal(422, "INSTRUMENT_DECLINED")
        invoice = book.unit.get("invoice_id")
        if invoice in self._invoices:
            raise Refusal(422, "DUPLICATE_INVOICE_ID")
        self._invoices |= {invoice} if invoice else set()
        capture = {"id": self._id("2G"), "status": "COMPLETED", "amount": book.unit["amount"], "final_capture": True}
        capture |= {name: book.unit[name] for name in ("custom_id", "invoice_id") if name in book.unit}
        book.captures.append(capture)
        book.status = "COMPLETED"
        self._keep("capture", call, order)
        self._tell("PAYMENT.CAPTURE.COMPLETED", "capture", self._capture_view(book, capture))
        return json_answer(201, self._view(book))

    def _show_capture(self, _: Call, capture: str) -> Answer:
        book, found = self._captured(capture)
        return json_answer(200, self._capture_view(book, found))

    def _refund(self, call: Call, capture: str) -> Answer:
        book, found = self._captured(capture)
        earlier = self._replayed("refund", call)
        if earlier is not None:
            return json_answer(200, earlier)
        body = content(call)
        refund = self._give(book, found, body.get("amount"), {n: body[n] for n in ("custom_id", "invoice_id") if n in body})
        self._keep("refund", call, refund)
        return json_answer(201, refund)

    def _list_disputes(self, call: Call) -> Answer:
        if not self.sees_disputes:
            return json_answer(403, {"name": "NOT_AUTHORIZED", "details": [{"issue": "PERMISSION_DENIED"}]})
        wanted = call.query.get("disputed_transaction_id")
        shown = {"dispute_id", "reason", "status", "dispute_amount", "create_time", "update_time", "seller_response_due_date"}
        cases = [case for case in self._disputes.values() if case["disputed_transactions"][0]["seller_transaction_id"] == wanted]
        return json_answer(200, {"items": [{name: case[name] for name in shown & case.keys()} for case in cases], "links": []})

    def _show_dispute(self, _: Call, dispute: str) -> Answer:
        if dispute not in self._disputes:
            raise Refusal(404, "INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")
        return json_answer(200, self._disputes[dispute])

    def _vouch(self, call: Call) -> Answer:
        """By the bytes of the event as they stand in the question."""
        asked = content(call)
        raw = call.body.split(b'"webhook_event":', 1)[1].removeprefix(b" ").removesuffix(b"}")
        message = f"{asked['transmission_id']}|{asked['transmission_time']}|{asked['webhook_id']}|{zlib.crc32(raw)}".encode()
        good = asked["webhook_id"] == self._webhook and asked["transmission_sig"] == sign(self._issued.key, message)
        return json_answer(200, {"verification_status": "SUCCESS" if good else "FAILURE"})

    def _show_webhook(self, _: Call, webhook: str) -> Answer:
        if webhook != self._webhook:
            raise Refusal(404, "INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")
        return json_answer(200, {"id": webhook, "url": "https://stand-in.example/", "event_types": [{"name": "*"}]})

    def _list_events(self, call: Call) -> Answer:
        begin, end, size = call.query.get("start_time", ""), call.query.get("end_time", "~"), int(call.query.get("page_size", "10"))
        start = int(call.query.get("next_page_token", "0"))
        fitting = [
            event
            for event in self._events
            if event["event_type"] == call.query.get("event_type", event["event_type"]) and begin <= event["create_time"] <= end
        ]
        more = urlencode({**call.query, "next_page_token": start + size})
        path = f"https://{self._api}/v1/notifications/webhooks-events?{more}"
        links = [{"href": path, "rel": "next", "method": "GET"}] if start + size < len(fitting) else []
        return json_answer(200, {"events": fitting[start : start + size], "count": len(fitting), "links": links})

    def _living(self, order: str) -> Book:
        book = self._orders.get(order)
        if book is None or (book.status == "PAYER_ACTION_REQUIRED" and self._clock() > book.lapsed_at):
            raise Refusal(404, "INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")
        return book

    def _captured(self, capture: str) -> tuple[Book, dict[str, Any]]:
        for book in self._orders.values():
            for found in book.captures:
                if found["id"] == capture:
                    return book, found
        raise Refusal(404, "INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")

    def _approve(self, book: Book) -> None:
        if book.status != "PAYER_ACTION_REQUIRED" or self._clock() > book.lapsed_at:
            raise ValueError(f"an order that is {book.status} cannot be approved")
        book.status = "APPROVED"
        book.approvals += 1
        self._tell("CHECKOUT.ORDER.APPROVED", "checkout-order", self._view(book))

    def _expire(self, book: Book) -> None:
        if book.captures:
            raise ValueError("it was captured")
        if book.status == "APPROVED":
            book.status = "VOIDED"
            told = {"order_id": book.id, "purchase_units": [{"custom_id": book.unit.get("custom_id")}], "payment_source": {"paypal": {}}}
            self._tell("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", told)
        else:
            book.born = self._clock() - APPROVAL - timedelta(seconds=1)

    def _refund_by_hand(self, book: Book, wanted: str) -> None:
        if not book.captures:
            raise ValueError("nothing was captured")
        capture = book.captures[0]
        places = len(capture["amount"]["value"].partition(".")[2])
        left = minor(capture["amount"]["value"], places) - gone(book, capture["id"], places)
        amount = {"currency_code": capture["amount"]["currency_code"], "value": written(int(wanted or left), places)}
        try:
            self._give(book, capture, amount, {name: capture[name] for name in ("custom_id",) if name in capture})
        except Refusal as refusal:
            raise ValueError(str(refusal)) from None

    def _give(self, book: Book, capture: dict[str, Any], amount: Any, named: dict[str, str]) -> dict[str, Any]:
        places = len(capture["amount"]["value"].partition(".")[2])
        whole = minor(capture["amount"]["value"], places)
        left = whole - gone(book, capture["id"], places)
        currency = capture["amount"]["currency_code"]
        amount = amount or {"currency_code": currency, "value": written(left, places)}
        if not left:
            raise Refusal(422, "CAPTURE_FULLY_REFUNDED")
        if amount.get("currency_code") != currency:
            raise Refusal(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        if minor(payable(amount), places) > left:
            raise Refusal(422, "REFUND_AMOUNT_EXCEEDED")
        if any(len(name) > 127 for name in named.values()):
            raise Refusal(400, "INVALID_STRING_LENGTH", "INVALID_REQUEST")
        if named.get("invoice_id") in {refund.get("invoice_id") for other in self._orders.values() for refund in other.refunds} - {None}:
            raise Refusal(422, "DUPLICATE_INVOICE_ID")
        up = {"href": f"https://{self._api}/v2/payments/captures/{capture['id']}", "rel": "up", "method": "GET"}
        refund = {"id": self._id("1J"), "status": "COMPLETED", "amount": amount, **named, "links": [up]}
        book.refunds.append(refund)
        capture["status"] = "REFUNDED" if gone(book, capture["id"], places) >= whole else "PARTIALLY_REFUNDED"
        self._tell("PAYMENT.CAPTURE.REFUNDED", "refund", refund)
        return refund

    def _dispute(self, book: Book, verb: str) -> None:
        if not book.captures:
            raise ValueError("nothing was captured")
        name = f"PP-D-{book.id}"
        if (name in self._disputes) != (verb != "dispute"):
            raise ValueError("there is no such dispute, or there is one")
        now = self._clock()
        case = self._disputes.setdefault(
            name,
            {
                "dispute_id": name,
                "create_time": stamp(now),
                "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
                "status": "WAITING_FOR_SELLER_RESPONSE",
                "dispute_amount": book.captures[0]["amount"],
                "disputed_transactions": [{"seller_transaction_id": book.captures[0]["id"], "custom": book.unit.get("custom_id")}],
                "seller_response_due_date": stamp(now + timedelta(days=10)),
            },
        )
        case["update_time"] = stamp(now)
        if verb != "dispute":
            outcome = "RESOLVED_SELLER_FAVOUR" if verb == "dispute_won" else "RESOLVED_BUYER_FAVOUR"
            case |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
            del case["seller_response_due_date"]
        self._tell(f"CUSTOMER.DISPUTE.{'CREATED' if verb == 'dispute' else 'RESOLVED'}", "dispute", case)

    def _tell(self, kind: str, resource: str, content: Mapping[str, Any]) -> None:
        event = {
            "id": f"WH-{self._id('7')}",
            "create_time": stamp(self._clock()),
            "resource_type": resource,
            "event_type": kind,
            "event_version": "1.0",
            "resource": json.loads(json.dumps(content)),
        }
        self._events.append(event)
        self._waiting.append(self.signed(json.dumps(event).encode()))

    def _view(self, book: Book) -> dict[str, Any]:
        captures = [self._capture_view(book, capture) for capture in book.captures]
        payments = {"payments": {"captures": captures, **({"refunds": book.refunds} if book.refunds else {})}} if captures else {}
        here = f"https://{self._api}/v2/checkout/orders/{book.id}"
        page = f"https://www.sandbox.paypal.com/checkoutnow?token={book.id}"
        links = [{"href": here, "rel": "self", "method": "GET"}]
        links += [{"href": page, "rel": "payer-action", "method": "GET"}] if book.status == "PAYER_ACTION_REQUIRED" else []
        shown = {"id": book.id, "intent": "CAPTURE", "status": book.status, "create_time": stamp(book.born), "links": links}
        shown |= {"update_time": stamp(book.born + timedelta(seconds=book.approvals))} if book.approvals else {}
        return {**shown, "purchase_units": [{**book.unit, **payments}]}

    def _capture_view(self, book: Book, capture: Mapping[str, Any]) -> dict[str, Any]:
        up = {"href": f"https://{self._api}/v2/checkout/orders/{book.id}", "rel": "up", "method": "GET"}
        return {**capture, "supplementary_data": {"related_ids": {"order_id": book.id}}, "links": [up]}

    def _replayed(self, kind: str, call: Call) -> Any:
        """What the same request made before. With other content the id is refused."""
        key = call.headers.get("paypal-request-id", "")
        if len(key) > 108:
            raise Refusal(400, "INVALID_STRING_LENGTH", "INVALID_REQUEST")
        made, body, result = self._replays.get((kind + call.path, key), (None, b"", None))
        if made is None or made + REPLAYS[kind] < self._clock():
            return None
        if body != call.body:
            raise Refusal(422, "DUPLICATE_REQUEST_ID")
        return result

    def _keep(self, kind: str, call: Call, result: Any) -> None:
        if key := call.headers.get("paypal-request-id"):
            self._replays[kind + call.path, key] = (self._clock(), call.body, result)

    def _id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:014d}X"
