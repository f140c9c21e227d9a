"""Razorpay as a payment provider like any other: the shopper pays in its own window on the storefront, so that no card comes near us."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import AmountNotPayable, ConfirmationInvalid, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import Created, Given, Listing, News, ProviderFact, Told, Wish
from holdfast.payments.providers.razorpay import mapper, signature
from holdfast.payments.providers.razorpay.mapper import Order, Refund, Try
from holdfast.payments.providers.razorpay.proxy import PAGE, RazorpayApi, Refused, understood, unreadable
from holdfast.payments.providers.razorpay.settings import RazorpayCredentials
from holdfast.platform.calling import Partner

CAME = frozenset({News.SUCCEEDED, News.REFUNDED})


class Razorpay:
    name = "razorpay"
    hearsay = False

    def __init__(self, keys: Keyring[RazorpayCredentials], partner: Partner) -> None:
        self.live = keys.current.live
        self._keys = keys
        self._api = RazorpayApi(keys.current, partner)

    def check(self) -> None:
        self._api.newest_order()

    def create(self, wish: Wish, now: datetime) -> Created:
        """Razorpay has no key for this, so an order that bears our receipt is asked for first: an earlier try's answer may be lost."""
        body = mapper.order_body(wish)
        order = self._earlier(wish, body) or self._opened(body)
        client = {"key_id": self._keys.current.key_id, "order_id": order.id, "amount": order.amount, "currency": order.currency}
        return Created(order.id, client)

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """What its Checkout hands to the page: `razorpay_order_id`, `razorpay_payment_id`, `razorpay_signature`. It says that somebody paid
        for this order and not how much, so the payment is still asked for.
        """
        if brought.get("razorpay_order_id", payment) != payment:
            raise ConfirmationInvalid("This is of another payment.")
        paid, signed = brought.get("razorpay_payment_id", ""), brought.get("razorpay_signature", "")
        signature.verify_payment([known.key_secret for known in self._keys.all], payment, paid, signed)

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        """Events do not say whether they are about real money: the account whose secret signed them does."""
        known = self._keys.all
        signer = signature.verify([one.webhook_secret for one in known], headers.get(signature.HEADER), raw)
        return mapper.told(raw, headers.get("x-razorpay-event-id"), live=known[signer].live)

    def status(self, payment: str) -> ProviderFact:
        return self._fact(*self._tried(payment))

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        """A payment is captured once and in full, so it needs no key. What was captured just now has neither refunds nor
        disputes, so nothing more is asked.
        """
        order, tries = self._tried(payment)
        fact = self._fact(order, tries)
        if fact.news in CAME:
            return fact
        if fact.news is not News.AUTHORIZED or fact.charge is None:
            raise _conflict("There is nothing to collect.", fact.news)
        try:
            taken = self._api.capture(fact.charge, mapper.razorpay_amount(amount), amount.currency)
        except Refused:
            again = self.status(payment)  # an account may be set to capture by itself
            if again.news not in CAME:
                raise _conflict("Razorpay will not collect this.", again.news) from None
            return again
        if not taken.came or taken.id != fact.charge:
            return self.status(payment)
        return understood(lambda: mapper.fact_of(order, [taken if one.id == taken.id else one for one in tries]))

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        """The refunds that there are are asked first: how long Razorpay remembers a key is not told. One that failed stays failed."""
        paid = _payment_id(charge) if charge else self._paid(payment)
        earlier = [refund for refund in self._api.refunds(paid) if refund.key == key]
        if earlier:
            return understood(lambda: mapper.given_of(earlier[0]))
        try:
            made = self._api.give_back(paid, mapper.refund_body(amount, key), mapper.refund_id(key))
        except Refused:
            raise _conflict("Razorpay will not give this back.", News.SUCCEEDED) from None
        return understood(lambda: mapper.given_of(made))

    def void(self, payment: str, now: datetime) -> None:
        """Razorpay's orders cannot be cancelled and do not expire: whoever still has the page open can pay. Money that comes so is told by
        its webhook and found by the reconciler, and the finaliser gives it back, or serves the order, as the shop's policy for late money
        says. What was only agreed to and is never captured, Razorpay gives back by itself.
        """
        if mapper.charge_of(*self._tried(payment)) is not None:
            raise _conflict("It is paid.", News.SUCCEEDED)

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        """With what went back in all, and without the refunds and disputes one by one: those need a call per payment."""
        skip = int(cursor or 0)
        orders = self._api.orders(since, until, skip)
        facts = understood(
            lambda: tuple(mapper.fact_of(order, order.payments.items if order.payments else []) for order in orders if order.ours)
        )
        return Listing(facts, str(skip + PAGE) if len(orders) == PAGE else None)

    def _earlier(self, wish: Wish, body: Mapping[str, object]) -> Order | None:
        """PaymentStateConflict when the order was made there with another amount: it may be paid by now."""
        known = [order for order in self._api.orders_of(wish.order) if (order.note("shop"), order.note("order")) == (wish.shop, wish.order)]
        same = [order for order in known if (order.amount, order.currency) == (body["amount"], body["currency"])]
        if known and not same:
            raise _conflict("Razorpay has this order with another amount.", News.PENDING)
        return min(same, key=lambda order: order.id, default=None)

    def _opened(self, body: Mapping[str, object]) -> Order:
        try:
            return self._api.open(body)
        except Refused as refused:
            if refused.field in {"amount", "currency"} or re.search("amount|currency", refused.reason, re.IGNORECASE):
                raise AmountNotPayable("Razorpay does not take this amount or currency.", currency=body["currency"]) from None
            raise unreadable() from None

    def _order(self, payment: str) -> Order:
        """By its own name or that of a payment for it. PaymentUnknown also for one that is not ours."""
        order = self._api.order(_order_id(self._home(payment)))
        if not order.ours:
            raise PaymentUnknown
        return order

    def _tried(self, payment: str) -> tuple[Order, list[Try]]:
        """PaymentUnknown."""
        order = self._order(payment)
        return order, [] if order.untried else self._api.tries(order.id)

    def _fact(self, order: Order, tries: Sequence[Try]) -> ProviderFact:
        """What went back, and what is disputed, is asked for where money came."""
        charge = mapper.charge_of(order, tries)
        if charge is None:
            return understood(lambda: mapper.fact_of(order, tries))
        refunds = [*self._api.refunds(charge.id), *self._beside(charge, tries)]
        disputes = self._api.disputes(charge)
        return understood(lambda: mapper.fact_of(order, tries, refunds, disputes))

    def _home(self, payment: str) -> str:
        """Payments of links and pages belong to no order: PaymentUnknown."""
        if not payment.startswith("pay_"):
            return payment
        return self._api.attempt(_payment_id(payment)).order_id or ""

    def _beside(self, charge: Try, tries: Sequence[Try]) -> list[Refund]:
        """What we gave back of money that came beside the payment's own."""
        others = [one for one in tries if one.came and one.id != charge.id]
        return [refund for other in others for refund in self._api.refunds(other.id) if refund.key]

    def _paid(self, payment: str) -> str:
        """The charge that can be given back. PaymentStateConflict."""
        charge = mapper.charge_of(*self._tried(payment))
        if charge is None:
            raise _conflict("No money came, so none can go back.", News.PENDING)
        return charge.id


def _order_id(payment: str) -> str:
    """It becomes a part of an address. PaymentUnknown for anything else."""
    if not re.fullmatch("order_[A-Za-z0-9]{1,100}", payment):
        raise PaymentUnknown
    return payment


def _payment_id(payment: str) -> str:
    if not re.fullmatch("pay_[A-Za-z0-9]{1,100}", payment):
        raise PaymentUnknown
    return payment


def _conflict(detail: str, news: News) -> PaymentStateConflict:
    return PaymentStateConflict(detail, payment_status=news)
