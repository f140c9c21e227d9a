"""Stripe's API and webhooks, as far as shops with hosted Checkout Sessions meet them. From its public reference."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from infra.providers.stripe_book import DAY, VERSION, StripeBook, Thing
from infra.providers.wire import Answer, Call, Clock, Webhook, json_answer

HALF_HOUR = 1800
LISTS = {"checkout.session": "/v1/checkout/sessions", "refund": "/v1/refunds", "dispute": "/v1/disputes"}
NO_DECIMALS = {*{"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"}, *{"pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}}
THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}
WHOLE_HUNDREDS = {"isk", "ugx"}
TWO_DECIMALS = {*{"aed", "aud", "brl", "cad", "chf", "czk", "dkk", "eur", "gbp", "hkd", "huf"}, *{"inr", "mxn", "nok", "pln", "sek", "usd"}}
CURRENCIES = NO_DECIMALS | THREE_DECIMALS | WHOLE_HUNDREDS | TWO_DECIMALS
SESSION_PARAMETERS = {
    *{"mode", "client_reference_id", "success_url", "cancel_url", "line_items", "adaptive_pricing", "metadata"},
    *{"payment_intent_data", "expires_at", "customer_email", "expand", "submit_type", "locale"},
}


class Problem(Exception):
    """An error as Stripe tells it."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **({"code": code} if code else {}), **({"param": param} if param else {})}}


class FakeStripe:
    """One account. `caused` collects the webhooks of what the API was asked to do; `act` returns those of what others do."""

    hosts = frozenset({"api.stripe.com"})

    def __init__(self, *, secret_key: str, webhook_secret: str, clock: Clock) -> None:
        self._secret_key = secret_key
        self.book = StripeBook(live="_live_" in secret_key, webhook_secret=webhook_secret, clock=clock)
        self._kept: dict[str, tuple[int, tuple[str, bytes], Answer]] = {}
        self.caused: list[Webhook] = []

    def act(self, payment: str, action: str) -> list[Webhook]:
        return self.book.act(payment, action)

    def news(self) -> list[Webhook]:
        """What is on its way to the shop, of what it has asked for itself."""
        told, self.caused = self.caused, []
        return told

    def answer(self, call: Call) -> Answer:
        try:
            self._let_in(call)
            return self._once(call) if call.method == "POST" else self._done(call)
        except Problem as problem:
            return json_answer(problem.status, problem.body)

    def _let_in(self, call: Call) -> None:
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            token = base64.b64decode(token).decode().partition(":")[0]
        if token != self._secret_key:
            raise Problem(401, "Invalid API Key provided.")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.[a-z]+)?", call.headers.get("stripe-version", VERSION)):
            raise Problem(400, "Invalid Stripe API version.")

    def _once(self, call: Call) -> Answer:
        """For a day the same key gets the same answer; refusals of parameters are not kept."""
        key, asked = call.headers.get("idempotency-key"), (call.path, call.body)
        if key is None:
            return self._done(call)
        if len(key) > 255:
            raise Problem(400, "Idempotency keys have 255 characters at most.", kind="idempotency_error")
        kept = self._kept.get(key)
        if kept is not None and kept[0] + DAY > self.book.now:
            if kept[1] != asked:
                raise Problem(400, "Keys for idempotent requests can only be used with the same parameters.", kind="idempotency_error")
            return kept[2]._replace(headers={**kept[2].headers, "idempotent-replayed": "true"})
        answer = self._done(call)
        self._kept[key] = (self.book.now, asked, answer)
        return answer

    def _done(self, call: Call) -> Answer:
        ways: list[tuple[str, str, Callable[..., Thing]]] = [
            ("POST", r"/v1/checkout/sessions", self._open),
            ("GET", r"/v1/checkout/sessions", lambda asked: self._list("checkout.session", asked, "payment_intent")),
            ("GET", r"/v1/checkout/sessions/(cs_\w+)", self._look_up),
            ("POST", r"/v1/checkout/sessions/(cs_\w+)/expire", self._expire),
            ("GET", r"/v1/payment_intents/(pi_\w+)", self._look_up),
            ("POST", r"/v1/payment_intents/(pi_\w+)/capture", self._capture),
            ("POST", r"/v1/refunds", self._refund),
            ("GET", r"/v1/refunds", lambda asked: self._list("refund", asked, "payment_intent")),
            ("GET", r"/v1/refunds/(re_\w+)", self._look_up),
            ("GET", r"/v1/disputes", lambda asked: self._list("dispute", asked, "payment_intent")),
        ]
        for method, pattern, way in ways:
            found = re.fullmatch(pattern, call.path)
            if method == call.method and found:
                asked = _nested(list(call.query.items()) if method == "GET" else parse_qsl(call.body.decode(), keep_blank_values=True))
                told = way(asked, *found.groups())
                return json_answer(200, self._expanded(told, asked.get("expand", {}).values()))
        raise Problem(404, f"Unrecognized request URL ({call.method}: {call.path}).")

    def _look_up(self, _: Thing, name: str) -> Thing:
        return self._known(name)

    def _known(self, name: str) -> Thing:
        if name not in self.book.things:
            raise Problem(404, f"No such object: '{name}'", code="resource_missing", param="id")
        return self.book.things[name]

    def _list(self, kind: str, asked: Thing, *filters: str) -> Thing:
        limit = _whole(asked.get("limit", "10"), "limit")
        if not 1 <= limit <= 100:
            raise Problem(400, "Invalid integer: limit is 1 to 100.", code="parameter_invalid_integer", param="limit")
        bounds = {name: _whole(value, f"created[{name}]") for name, value in asked.get("created", {}).items()}
        tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
        found = [
            thing
            for thing in reversed(self.book.listed(kind, asked.get("payment_intent")))
            if all(thing[name] == asked[name] for name in filters if name in asked)
            and all(tests[name](thing["created"], bound) for name, bound in bounds.items())
        ]
        if "starting_after" in asked:
            last = self._known(asked["starting_after"])
            found = found[found.index(last) + 1 :]
        return {"object": "list", "url": LISTS[kind], "has_more": len(found) > limit, "data": found[:limit]}

    def _expanded(self, thing: Thing, paths: Any) -> Thing:
        copy: Thing = json.loads(json.dumps(thing))
        for path in paths:
            self._expand(copy, path.split("."), path)
        return copy

    def _expand(self, thing: Thing, steps: list[str], path: str) -> None:
        for part in thing["data"] if thing.get("object") == "list" and steps[0] == "data" else ():
            self._expand(part, steps[1:], path)
        if thing.get("object") == "list":
            return
        if steps[0] not in thing:
            raise Problem(400, f"This property cannot be expanded ({path}).")
        if isinstance(thing[steps[0]], str):
            thing[steps[0]] = json.loads(json.dumps(self._known(thing[steps[0]])))
        if steps[1:] and thing[steps[0]] is not None:
            self._expand(thing[steps[0]], steps[1:], path)

    def _open(self, asked: Thing) -> Thing:
        unknown = asked.keys() - SESSION_PARAMETERS
        if unknown:
            raise Problem(400, f"Received unknown parameter: {min(unknown)}", code="parameter_unknown", param=min(unknown))
        for name in ("success_url", "line_items", "mode"):
            if not asked.get(name):
                raise Problem(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
        for name in ("success_url", "cancel_url"):
            if name in asked and not re.match(r"https?://\w", asked[name]):
                raise Problem(400, "Not a valid URL", code="url_invalid", param=name)
        if asked["mode"] != "payment":
            raise Problem(400, "Only payments are played here.", param="mode")
        if "customer_email" in asked and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}", asked["customer_email"]):
            raise Problem(400, f"Invalid email address: {asked['customer_email']}", code="email_invalid", param="customer_email")
        ends = _whole(asked.get("expires_at", str(self.book.now + DAY)), "expires_at")
        if not HALF_HOUR <= ends - self.book.now <= DAY:
            raise Problem(400, "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", param="expires_at")
        currency, amount = _priced(asked["line_items"])
        for part, where in ((asked, "metadata"), (asked.get("payment_intent_data", {}), "payment_intent_data[metadata]")):
            _labelled(part.get("metadata", {}), where)
        name = self.book.name("cs")
        self.book.wishes[name] = asked.get("payment_intent_data", {})
        return self.book.put(
            name,
            "checkout.session",
            mode="payment",
            status="open",
            payment_status="unpaid",
            amount_subtotal=amount,
            amount_total=amount,
            currency=currency,
            client_reference_id=asked.get("client_reference_id"),
            customer_email=asked.get("customer_email"),
            metadata=asked.get("metadata", {}),
            payment_intent=None,
            expires_at=ends,
            success_url=asked["success_url"],
            cancel_url=asked.get("cancel_url"),
            url=f"https://checkout.stripe.com/c/pay/{name}",
        )

    def _expire(self, _: Thing, name: str) -> Thing:
        session = self._known(name)
        if session["status"] != "open":
            raise Problem(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        self.book.close(session)
        self.caused += self.book.told()
        return session

    def _capture(self, asked: Thing, name: str) -> Thing:
        intent = self._known(name)
        amount = _whole(asked.get("amount_to_capture", str(intent["amount_capturable"])), "amount_to_capture")
        if intent["status"] != "requires_capture":
            raise Problem(400, "This PaymentIntent could not be captured.", code="payment_intent_unexpected_state")
        if not 0 < amount <= intent["amount_capturable"]:
            raise Problem(400, "The amount is more than can be captured.", code="amount_too_large", param="amount_to_capture")
        self.book.succeed(self.book.session_of(intent), intent, amount)
        self.caused += self.book.told()
        return intent

    def _refund(self, asked: Thing) -> Thing:
        if "payment_intent" not in asked and "charge" not in asked:
            raise Problem(400, "One of the following params should be provided: payment_intent, charge.", code="parameter_missing")
        thing = self._known(asked.get("payment_intent") or asked["charge"])
        charge = self.book.things.get(thing["latest_charge"] or "") if thing["object"] == "payment_intent" else thing
        _labelled(asked.get("metadata", {}), "metadata")
        if charge is None or not charge["captured"]:
            raise Problem(400, "This PaymentIntent does not have a successful charge to refund.", code="payment_intent_unexpected_state")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if not left:
            raise Problem(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        amount = _whole(asked.get("amount", str(left)), "amount")
        if not 0 < amount <= left:
            raise Problem(400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
        refund = self.book.give_back(charge, amount, asked.get("metadata", {}))
        self.caused += self.book.told()
        return refund


def _nested(pairs: list[tuple[str, str]]) -> Thing:
    """`a[b][0]=c` as Stripe reads it. An empty bracket counts on."""
    whole: Thing = {}
    for path, value in pairs:
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", path)
        place = whole
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise Problem(400, "Invalid object", param=path)
        place[steps[-1] or str(len(place))] = value
    return whole


def _whole(text: Any, param: str) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"-?\d{1,15}", text):
        raise Problem(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=param)
    return int(text)


def _labelled(metadata: Thing, param: str) -> None:
    if len(metadata) > 50 or any(len(name) > 40 or len(value) > 500 for name, value in metadata.items()):
        raise Problem(400, "Metadata has 50 names of 40 characters with values of 500 at most.", param=param)


def _priced(lines: Thing) -> tuple[str, int]:
    """Of one currency, in amounts that it can have."""
    totals: list[tuple[str, int]] = []
    for number, line in lines.items():
        param = f"line_items[{number}][price_data]"
        price = line.get("price_data", {})
        currency, amount = price.get("currency", ""), _whole(price.get("unit_amount"), f"{param}[unit_amount]")
        if currency not in CURRENCIES:
            raise Problem(400, f"Invalid currency: {currency}.", param=f"{param}[currency]")
        if not price.get("product_data", {}).get("name"):
            raise Problem(400, "Missing required param.", code="parameter_missing", param=f"{param}[product_data][name]")
        if amount < 0 or (currency in WHOLE_HUNDREDS and amount % 100) or (currency in THREE_DECIMALS and amount % 10):
            raise Problem(400, "Invalid amount for this currency.", code="parameter_invalid_integer", param=f"{param}[unit_amount]")
        totals.append((currency, amount * _whole(line.get("quantity"), f"line_items[{number}][quantity]")))
    if len({currency for currency, _ in totals}) != 1:
        raise Problem(400, "All line items must have the same currency.", param="line_items")
    amount = sum(part for _, part in totals)
    if amount < 50:
        raise Problem(400, "The Checkout Session's total amount must convert to at least 50 cents.", code="amount_too_small")
    if amount > 99_999_999:
        raise Problem(400, "The Checkout Session's total amount due must be no more than 99999999.", code="amount_too_large")
    return totals[0][0], amount
