"""Razorpay's book: orders, payments, refunds and disputes, and what becomes of them."""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from infra.providers.wire import Clock, Webhook

Thing = dict[str, Any]

DAY = 86_400
NEVER_CHANGES = {"order_id", "payment_id", "receipt"}
"""By these things are found without a look at all the others."""


class RazorpayBook:
    """Things by their names, in the order in which they were made; and the webhooks that tell of them, until somebody takes them.

    `captures`: what is authorised is captured at once, as most accounts are set. `refunds_begin`: the state of a fresh refund.
    """

    def __init__(self, *, webhook_secret: str, clock: Clock) -> None:
        self._webhook_secret, self._clock = webhook_secret, clock
        self.things: dict[str, Thing] = {}
        self._shelves: dict[tuple[str, str, str], list[Thing]] = defaultdict(list)
        self.captures = True
        self.refunds_begin = "processed"
        self._events = 0
        self._told: list[Webhook] = []

    @property
    def now(self) -> int:
        return int(self._clock().timestamp())

    def put(self, kind: str, prefix: str, **facts: Any) -> Thing:
        """Names have fourteen letters behind their prefix."""
        name = f"{prefix}_{hashlib.sha256(f'{prefix}{len(self.things)}'.encode()).hexdigest()[:14]}"
        thing = self.things[name] = {"id": name, "entity": kind, **facts, "created_at": self.now}
        for field in ("entity", *NEVER_CHANGES & facts.keys()):
            self._shelves[kind, field, str(thing[field])].append(thing)
        return thing

    def of(self, kind: str, **facts: Any) -> list[Thing]:
        """The newest first."""
        field = next(iter(NEVER_CHANGES & facts.keys()), "entity")
        found = self._shelves.get((kind, field, str(facts.get(field, kind))), [])
        return [thing for thing in reversed(found) if all(thing[name] == value for name, value in facts.items())]

    def told(self) -> list[Webhook]:
        """What was not taken yet."""
        told, self._told = self._told, []
        return told

    def tell(self, kind: str, **things: Thing) -> None:
        self._events += 1
        event = {
            "entity": "event",
            "account_id": "acc_BFQ7uQEaa7j2z7",
            "event": kind,
            "contains": list(things),
            "payload": {name: {"entity": thing} for name, thing in things.items()},
            "created_at": self.now,
        }
        self._told.append(self.signed(json.dumps(event, separators=(",", ":")).encode(), f"Ev{self._events:012d}"))

    def signed(self, body: bytes, event_id: str) -> Webhook:
        signature = hmac.new(self._webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        return Webhook({"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": event_id, "Content-Type": "application/json"}, body)

    def capture(self, payment: Thing) -> None:
        payment.update(status="captured", captured=True)
        order = self.things[payment["order_id"]]
        paid_before = order["status"] == "paid"
        order.update(status="paid", amount_paid=order["amount_paid"] + payment["amount"], amount_due=0)
        self.tell("payment.captured", payment=payment)
        if not paid_before:
            self.tell("order.paid", payment=payment, order=order)

    def give_back(self, payment: Thing, amount: int, receipt: str | None = None, notes: Thing | None = None) -> Thing:
        self._count_back(payment, amount)
        refund = self.put(
            "refund",
            "rfnd",
            amount=amount,
            currency=payment["currency"],
            payment_id=payment["id"],
            notes=notes or [],
            receipt=receipt,
            acquirer_data={"arn": None},
            batch_id=None,
            status=self.refunds_begin,
            speed_requested="normal",
            speed_processed="normal",
        )
        self.tell("refund.created", refund=refund, payment=payment)
        if refund["status"] == "processed":
            self.tell("refund.processed", refund=refund, payment=payment)
        return refund

    def end_refund(self, refund: str, status: str) -> list[Webhook]:
        """The bank is done with it: `processed` or `failed`."""
        thing = self.things[refund]
        payment = self.things[thing["payment_id"]]
        thing["status"] = status
        if status == "failed":
            self._count_back(payment, -thing["amount"])
        self.tell(f"refund.{status}", refund=thing, payment=payment)
        return self.told()

    def _count_back(self, payment: Thing, amount: int) -> None:
        payment["amount_refunded"] += amount
        whole = payment["amount_refunded"] == payment["amount"]
        payment["refund_status"] = "full" if whole else "partial" if payment["amount_refunded"] else None
        payment["status"] = "refunded" if whole else "captured"

    def act(self, name: str, action: str) -> list[Webhook]:
        thing = self.things[name]
        order = self.things[thing["order_id"]] if thing["entity"] == "payment" else thing
        verb, _, amount = action.partition(":")
        ways: Mapping[str, Callable[[Thing], None]] = {
            "pay": lambda order: self._pay(order, again=False),
            "pay_again": lambda order: self._pay(order, again=True),
            "authorize": self._authorize,
            "decline": self._decline,
            "late": self._late,
            "lapse": self._lapse,
            "refund": lambda order: self._refund_by_hand(order, int(amount) if amount else None),
            "dispute": self._dispute,
            "dispute_review": lambda order: self._move_dispute(order, "under_review"),
            "dispute_won": lambda order: self._move_dispute(order, "won"),
            "dispute_lost": lambda order: self._move_dispute(order, "lost"),
            "dispute_closed": lambda order: self._move_dispute(order, "closed"),
        }
        if verb not in ways:
            raise ValueError(f"Razorpay knows no {action}")
        ways[verb](order)
        return self.told()

    def _tried(self, order: Thing) -> Thing:
        if order["status"] == "created":
            order["status"] = "attempted"
        order["attempts"] += 1
        return self.put(
            "payment",
            "pay",
            amount=order["amount"],
            currency=order["currency"],
            status="created",
            order_id=order["id"],
            method="upi",
            amount_refunded=0,
            refund_status=None,
            captured=False,
            notes=[],
            error_code=None,
        )

    def _pay(self, order: Thing, *, again: bool) -> None:
        """Again: a bank tells days later that an earlier try went through, too."""
        if (order["status"] == "paid") is not again:
            raise ValueError("it is paid" if order["status"] == "paid" else "it was not paid yet")
        payment = self._tried(order)
        self._agree(payment)
        if payment["status"] == "authorized":
            self.capture(payment)

    def _agree(self, payment: Thing) -> None:
        payment.update(status="authorized", error_code=None)
        self.tell("payment.authorized", payment=payment)
        if self.captures:
            self.capture(payment)

    def _authorize(self, order: Thing) -> None:
        if order["status"] == "paid" or self.of("payment", order_id=order["id"], status="authorized"):
            raise ValueError("another payment stands there")
        captures, self.captures = self.captures, False
        self._agree(self._tried(order))
        self.captures = captures

    def _decline(self, order: Thing) -> None:
        if order["status"] == "paid":
            raise ValueError("it is paid")
        payment = self._tried(order)
        payment.update(status="failed", error_code="BAD_REQUEST_ERROR")
        self.tell("payment.failed", payment=payment)

    def _late(self, order: Thing) -> None:
        """The bank was asked again: what was taken for a failure had gone through."""
        failed = self.of("payment", order_id=order["id"], status="failed")
        if not failed:
            raise ValueError("no try failed")
        self._agree(failed[0])

    def _lapse(self, order: Thing) -> None:
        """Nobody captured it in time, so it goes back by itself."""
        waiting = self.of("payment", order_id=order["id"], status="authorized")
        if not waiting:
            raise ValueError("nothing waits to be captured")
        waiting[0].update(status="refunded", amount_refunded=waiting[0]["amount"], refund_status="full")

    def _captured(self, order: Thing) -> Thing:
        found = self.of("payment", order_id=order["id"], captured=True)
        if not found:
            raise ValueError("nothing was paid")
        return found[-1]

    def _refund_by_hand(self, order: Thing, amount: int | None) -> None:
        payment = self._captured(order)
        left = payment["amount"] - payment["amount_refunded"]
        if not 0 < (left if amount is None else amount) <= left:
            raise ValueError("more than is left")
        self.give_back(payment, left if amount is None else amount)

    def _dispute(self, order: Thing) -> None:
        payment = self._captured(order)
        dispute = self.put(
            "dispute",
            "disp",
            payment_id=payment["id"],
            amount=payment["amount"],
            currency=payment["currency"],
            amount_deducted=0,
            reason_code="chargeback",
            respond_by=self.now + 5 * DAY,
            status="open",
            phase="chargeback",
        )
        self.tell("payment.dispute.created", payment=payment, dispute=dispute)

    def _move_dispute(self, order: Thing, status: str) -> None:
        payment = self._captured(order)
        running = [one for one in self.of("dispute", payment_id=payment["id"]) if one["status"] in {"open", "under_review"}]
        if not running:
            raise ValueError("there is no open dispute")
        running[0].update(status=status, amount_deducted=running[0]["amount"] if status == "lost" else 0)
        self.tell(f"payment.dispute.{status}", payment=payment, dispute=running[0])
