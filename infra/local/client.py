"""A small client of the public HTTP API, on the standard library. The story and the end-to-end tests are written with it."""

from __future__ import annotations

import http.client
import json
import socket
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status: a refusal is an answer, not an exception."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    seconds: float

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Json:
        found = json.loads(self.body)
        return found if isinstance(found, dict) else {"value": found}

    @property
    def code(self) -> str | None:
        """The stable code of a problem, None when the answer is not one."""
        return str(self.json["code"]) if self.media_type == "application/problem+json" else None

    def __str__(self) -> str:
        return f"{self.status} {self.body[:400].decode(errors='replace')}"


class Unexpected(Exception):
    """The API answered something else than the caller can go on with."""


class Http:
    """Keep-alive HTTP to one base address, for any number of threads: each exchange takes an idle connection or opens one."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.base_url = base_url.rstrip("/")
        self._host, self._port, self._prefix = parts.hostname or "127.0.0.1", parts.port or 80, parts.path.rstrip("/")
        self._idle: deque[http.client.HTTPConnection] = deque()  # its append and pop are atomic

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        began = time.perf_counter()
        try:
            status, fields, content = self._exchange(self._connection(), method, path, body, headers or {})
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A connection that lay idle was closed by the other side; every write of this client may be sent twice.
            status, fields, content = self._exchange(self._new_connection(), method, path, body, headers or {})
        return Answer(status, fields, content, time.perf_counter() - began)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        self.close()  # who drops a client need not have closed it: an open socket would complain

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            connection.request(method, self._prefix + path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:  # half an exchange: nobody may use this connection again
            connection.close()
            raise
        self._idle.append(connection)
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._new_connection()

    def _new_connection(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_SECONDS)
        connection.connect()
        # Head and body go out as two writes; without this the second waits for the other side's delayed acknowledgement.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def new_key() -> str:
    return str(uuid.uuid4())


def guest(token: str) -> dict[str, str]:
    return {"X-Order-Token": token}


class Api:
    """The routes that a shop's customer, its payment provider and its staff call."""

    def __init__(self, base_url: str, shop: str, admin_key: str = "") -> None:
        self.http, self.shop, self.admin_key = Http(base_url), shop, admin_key

    # any caller

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request with a JSON body (or none), to a path of the API."""
        if body is None:
            return self.http.send(method, path, None, headers)
        return self.http.send(method, path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def shop_path(self, rest: str) -> str:
        return f"/shops/{self.shop}{rest}"

    # the customer

    def products(self) -> Answer:
        return self.call("GET", self.shop_path("/products"))

    def open_session(self, lines: Mapping[str, int], email: str) -> Json:
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()], "email": email}
        return expect(201, self.call("POST", self.shop_path("/checkout-sessions"), body)).json

    def place(self, session: Json, *, accept_partial: bool = False, key: str | None = None, provider: str = "sandbox") -> Answer:
        return self.call(
            "POST",
            self.shop_path(f"/checkout-sessions/{session['id']}/place-order"),
            {"payment": {"provider": provider}, "accept_partial": accept_partial},
            {**checkout_headers(session), "Idempotency-Key": key or new_key()},
        )

    def order(self, sku: str, quantity: int, email: str, *, accept_partial: bool = False, provider: str = "sandbox") -> Answer:
        """The whole way of one buyer to an order: a session, then the order that takes the stock."""
        return self.place(self.open_session({sku: quantity}, email), accept_partial=accept_partial, provider=provider)

    def read_order(self, order: Json) -> Json:
        return expect(200, self.call("GET", self.shop_path(f"/orders/{order['id']}"), headers=guest(order["order_token"]))).json

    def events(self, order: Json) -> list[Json]:
        answer = self.call("GET", self.shop_path(f"/orders/{order['id']}/events"), headers=guest(order["order_token"]))
        return list(expect(200, answer).json["items"])

    def keys(self, order: Json) -> list[str]:
        answer = self.call("GET", self.shop_path(f"/orders/{order['id']}/keys"), headers=guest(order["order_token"]))
        return [str(item["key"]) for item in expect(200, answer).json["items"]]

    # the payment provider: its book, and its postman

    def payment(self, order: Json) -> Json:
        return expect(200, self.call("GET", f"/sandbox/payments/{order['payment']['id']}")).json

    def at_provider(self, order: Json, action: str) -> Json:
        """Changes the provider's book; gives back the signed webhook, which nobody has delivered yet."""
        answer = self.call("POST", f"/sandbox/payments/{order['payment']['id']}/actions", {"action": action})
        webhook: Json = expect(200, answer).json["webhook"]
        return webhook

    def deliver(self, webhook: Json, **changed_headers: str) -> Answer:
        return self.http.send("POST", webhook["path"], webhook["body"].encode(), {**webhook["headers"], **changed_headers})

    def pay(self, order: Json) -> Answer:
        """Paid at the provider; the webhook tells the shop."""
        return expect(range(200, 300), self.deliver(self.at_provider(order, "pay")))

    # the staff

    def admin(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call(method, self.shop_path(f"/admin{path}"), body, {"X-Api-Key": self.admin_key, **(headers or {})})

    def put_product(self, sku: str, product: Mapping[str, object]) -> Json:
        return expect((200, 201), self.admin("PUT", f"/products/{sku}", product)).json

    def add_keys(self, sku: str, keys: Sequence[str]) -> Json:
        return expect((200, 201), self.admin("POST", f"/keys/{sku}", {"keys": list(keys)}, {"Idempotency-Key": new_key()})).json

    def restock(self, sku: str, quantity: int) -> Json:
        answer = self.admin(
            "POST", f"/inventory/{sku}/restock", {"quantity": quantity, "reason": "delivery"}, {"Idempotency-Key": new_key()}
        )
        return expect((200, 201), answer).json

    def level(self, sku: str) -> Json:
        return expect(200, self.admin("GET", f"/inventory/{sku}")).json

    def holds(self) -> list[Json]:
        return list(expect(200, self.admin("GET", "/holds?limit=100")).json["items"])


def checkout_headers(session: Json) -> dict[str, str]:
    return {"X-Checkout-Token": session["checkout_token"], "X-CSRF-Token": session["csrf_token"]}


def expect(status: int | Sequence[int], answer: Answer) -> Answer:
    wanted = (status,) if isinstance(status, int) else status
    if answer.status not in wanted:
        raise Unexpected(f"the API answered {answer}")
    return answer


class Providers:
    """The stand-ins of payment providers: what a shopper, a bank or the clock does there, and how they behave."""

    def __init__(self, providers_url: str) -> None:
        self.http = Http(providers_url)

    def act(self, provider: str, payment: str, action: str) -> Json:
        """The `webhooks` that tell of it, and the shop's `answers` to those that were sent."""
        return self._told("POST", f"/_act/{provider}/{payment}", {"action": action})

    def control(self, provider: str, **asked: object) -> Json:
        """Without any it is well again."""
        return self._told("POST", f"/_control/{provider}", asked)

    def state(self, provider: str) -> Json:
        return self._told("GET", f"/_control/{provider}")

    def _told(self, method: str, path: str, body: object = None) -> Json:
        given = None if body is None else json.dumps(body).encode()
        return expect(200, self.http.send(method, path, given, {"Content-Type": "application/json"})).json


class Inbox:
    """The mails that the emulator's SES kept, oldest first. Each paid order has a receipt beside what a story tells of: these lie apart."""

    RECEIPT = "Receipt for your order "

    def __init__(self, emulator_url: str) -> None:
        self.http = Http(emulator_url)

    def all(self) -> list[Json]:
        return [mail for mail in self._kept() if not mail["Subject"].startswith(self.RECEIPT)]

    def receipts(self, address: str) -> list[Json]:
        return [mail for mail in self._kept() if mail["Subject"].startswith(self.RECEIPT) and address in mail["To"]]

    def to(self, address: str) -> list[Json]:
        return [mail for mail in self.all() if address in mail["To"]]

    def _kept(self) -> list[Json]:
        kept = expect(200, self.http.send("GET", "/_ministack/ses/messages")).json["messages"]
        return [mail for account in kept.values() for mail in account]
