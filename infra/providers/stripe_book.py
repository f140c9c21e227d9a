"""Stripe's book: sessions, payment intents, charges, refunds and disputes, and what becomes of them."""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from infra.providers.wire import Clock, Webhook

Thing = dict[str, Any]

VERSION = "2026-10-28.endive"
DAY = 86_400


class StripeBook:
    """Things by their names, in the order in which they were made; and the webhooks that tell of them, until somebody takes them."""

    def __init__(self, *, live: bool, webhook_secret: str, clock: Clock) -> None:
        self._live, self._webhook_secret, self._clock = live, webhook_secret, clock
        self.things: dict[str, Thing] = {}
        self.kinds: dict[str, list[Thing]] = defaultdict(list)
        self._sessions: dict[str, Thing] = {}
        self.wishes: dict[str, Thing] = {}
        """What a session asked for its payment intent, which only the first try makes."""
        self._events = 0
        self._told: list[Webhook] = []

    @property
    def now(self) -> int:
        return int(self._clock().timestamp())

    def name(self, prefix: str) -> str:
        """As long, and in the letters, of a real one."""
        world = "" if prefix != "cs" else "live_" if self._live else "test_"
        return f"{prefix}_{world}{hashlib.sha256(f'{prefix}{len(self.things)}'.encode()).hexdigest()[:24]}"

    def put(self, name: str, kind: str, **facts: Any) -> Thing:
        thing = self.things[name] = {"id": name, "object": kind, "created": self.now, "livemode": self._live, **facts}
        self.kinds[kind].append(thing)
        return thing

    def told(self) -> list[Webhook]:
        """What was not taken yet."""
        told, self._told = self._told, []
        return told

    def tell(self, kind: str, thing: Thing) -> None:
        self._events += 1
        event = {
            "id": f"evt_{hashlib.sha256(f'{kind}{self._events}'.encode()).hexdigest()[:24]}",
            "object": "event",
            "api_version": VERSION,
            "created": self.now,
            "data": {"object": thing},
            "livemode": self._live,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self._told.append(self.signed(json.dumps(event, indent=2).encode()))

    def signed(self, body: bytes) -> Webhook:
        stamp = str(self.now)
        signature = hmac.new(self._webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={signature},v0={'0' * 64}", "Content-Type": "application/json; charset=utf-8"}
        return Webhook(headers, body)

    def close(self, session: Thing) -> None:
        session.update(status="expired", url=None)
        self.tell("checkout.session.expired", session)
        if session["payment_intent"]:
            intent = self.things[session["payment_intent"]]
            intent["status"] = "canceled"
            self.tell("payment_intent.canceled", intent)

    def give_back(self, charge: Thing, amount: int, metadata: Thing) -> Thing:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        of = {"charge": charge["id"], "payment_intent": charge["payment_intent"]}
        refund = self.put(
            self.name("re"), "refund", amount=amount, currency=charge["currency"], status="succeeded", metadata=metadata, **of
        )
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        return refund

    def act(self, payment: str, action: str) -> list[Webhook]:
        thing = self.things[payment]
        session = thing if thing["object"] == "checkout.session" else self.session_of(thing)
        name, _, amount = action.partition(":")
        ways: Mapping[str, Callable[[Thing], None]] = {
            "pay": self._pay,
            "decline": self._decline,
            "expire": self._run_out,
            "authorize": self._authorize,
            "process": self._process,
            "refund": lambda session: self._refund_by_hand(session, int(amount) if amount else None),
            "dispute": self._dispute,
            "dispute_won": lambda session: self._end_dispute(session, "won"),
            "dispute_lost": lambda session: self._end_dispute(session, "lost"),
        }
        if name not in ways:
            raise ValueError(f"Stripe knows no {action}")
        ways[name](session)
        return self.told()

    def fail_refund(self, refund: str) -> list[Webhook]:
        """The bank sends it back, days later."""
        thing = self.things[refund]
        charge = self.things[thing["charge"]]
        thing["status"] = "failed"
        charge["amount_refunded"] -= thing["amount"]
        charge["refunded"] = False
        self.tell("refund.failed", thing)
        return self.told()

    def _pay(self, session: Thing) -> None:
        intent = self._tried(session, "open", "processing")
        self.succeed(session, intent, intent["amount"])

    def succeed(self, session: Thing, intent: Thing, amount: int) -> None:
        later = session["status"] == "complete" and intent["status"] == "processing"
        charge = self.things.get(intent["latest_charge"] or "") if intent["status"] == "requires_capture" else None
        charge = charge or self._charge(intent)
        charge.update(status="succeeded", paid=True, captured=True, amount_captured=amount)
        intent.update(status="succeeded", amount_received=amount, amount_capturable=0, latest_charge=charge["id"])
        was_complete = session["status"] == "complete"
        session.update(status="complete", payment_status="paid", url=None)
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)
        if later or not was_complete:
            self.tell("checkout.session.async_payment_succeeded" if later else "checkout.session.completed", session)

    def _decline(self, session: Thing) -> None:
        intent = self._tried(session, "open", "processing")
        later = intent["status"] == "processing"
        charge = self._charge(intent)
        charge.update(status="failed", failure_code="card_declined")
        intent.update(status="requires_payment_method", latest_charge=charge["id"], last_payment_error={"code": "card_declined"})
        self.tell("charge.failed", charge)
        self.tell("payment_intent.payment_failed", intent)
        if later:
            self.tell("checkout.session.async_payment_failed", session)

    def _run_out(self, session: Thing) -> None:
        if session["status"] != "open":
            raise ValueError("only an open session expires")
        self.close(session)

    def _authorize(self, session: Thing) -> None:
        if self.wishes[session["id"]].get("capture_method") != "manual":
            raise ValueError("only a session that asks for it is captured by hand")
        intent = self._tried(session, "open")
        charge = self._charge(intent)
        charge.update(status="succeeded", paid=True)
        intent.update(status="requires_capture", amount_capturable=intent["amount"], latest_charge=charge["id"])
        session.update(status="complete", url=None)
        self.tell("payment_intent.amount_capturable_updated", intent)
        self.tell("checkout.session.completed", session)

    def _process(self, session: Thing) -> None:
        """A debit that the bank takes days for."""
        intent = self._tried(session, "open")
        intent["status"] = "processing"
        session.update(status="complete", url=None)
        self.tell("payment_intent.processing", intent)
        self.tell("checkout.session.completed", session)

    def _refund_by_hand(self, session: Thing, amount: int | None) -> None:
        charge = self._charged(session)
        left = charge["amount_captured"] - charge["amount_refunded"]
        if not 0 < (left if amount is None else amount) <= left:
            raise ValueError("more than is left")
        self.give_back(charge, left if amount is None else amount, {})

    def _dispute(self, session: Thing) -> None:
        charge = self._charged(session)
        charge["disputed"] = True
        dispute = self.put(
            self.name("dp"),
            "dispute",
            amount=charge["amount_captured"],
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=charge["payment_intent"],
            reason="fraudulent",
            status="needs_response",
            evidence_details={"due_by": self.now + 7 * DAY, "has_evidence": False, "past_due": False, "submission_count": 0},
            metadata={},
        )
        self.tell("charge.dispute.created", dispute)
        self.tell("charge.dispute.funds_withdrawn", dispute)

    def _end_dispute(self, session: Thing, status: str) -> None:
        open_ones = [
            thing
            for thing in self.kinds["dispute"]
            if thing["payment_intent"] == session["payment_intent"] and thing["status"] == "needs_response"
        ]
        if not open_ones:
            raise ValueError("there is no open dispute")
        open_ones[-1]["status"] = status
        self.tell("charge.dispute.closed", open_ones[-1])

    def listed(self, kind: str, intent: str | None) -> list[Thing]:
        """All of a kind, or those that may be of that payment intent."""
        if kind != "checkout.session" or intent is None:
            return self.kinds[kind]
        return [self._sessions[intent]] if intent in self._sessions else []

    def session_of(self, intent: Thing) -> Thing:
        return self._sessions[intent["id"]]

    def _tried(self, session: Thing, *states: str) -> Thing:
        """The session's payment intent, which the first try makes. ValueError when it cannot be tried."""
        intent = self.things[session["payment_intent"]] if session["payment_intent"] else None
        state = "processing" if intent and intent["status"] == "processing" else session["status"]
        if state not in states:
            raise ValueError(f"a session that is {state} cannot be paid")
        return intent or self._intent(session)

    def _intent(self, session: Thing) -> Thing:
        wanted = self.wishes[session["id"]]
        intent = self.put(
            self.name("pi"),
            "payment_intent",
            amount=session["amount_total"],
            amount_received=0,
            amount_capturable=0,
            currency=session["currency"],
            capture_method=wanted.get("capture_method", "automatic"),
            metadata=wanted.get("metadata", {}),
            latest_charge=None,
            status="requires_payment_method",
        )
        session["payment_intent"] = intent["id"]
        self._sessions[intent["id"]] = session
        return intent

    def _charge(self, intent: Thing) -> Thing:
        return self.put(
            self.name("ch"),
            "charge",
            amount=intent["amount"],
            amount_captured=0,
            amount_refunded=0,
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=dict(intent["metadata"]),
            captured=False,
            paid=False,
            disputed=False,
            refunded=False,
            status="pending",
        )

    def _charged(self, session: Thing) -> Thing:
        intent = self.things.get(session["payment_intent"] or "", {"status": ""})
        if intent["status"] != "succeeded":
            raise ValueError("nothing was paid")
        return self.things[intent["latest_charge"]]
