"""PayPal as a payment provider like any other."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from holdfast.kernel.money import Money
from holdfast.kernel.time import rfc3339
from holdfast.payments.accounts import Keyring
from holdfast.payments.certificates import NotTrusted, trusted_key
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import Created, Dispute, Given, Listing, News, ProviderFact, Told, Wish
from holdfast.payments.providers.paypal import events, mapper, signature
from holdfast.payments.providers.paypal.mapper import Order
from holdfast.payments.providers.paypal.proxy import NAME, Certificates, PayPalApi, Refused, forward, roots, shared_certificates
from holdfast.payments.providers.paypal.settings import PayPalCredentials
from holdfast.platform.calling import Partner, PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.log import logger

_ID = re.compile(r"[A-Z0-9]{1,36}")
_NOT_PAYABLE = re.compile(r"CURRENCY|AMOUNT|DECIMAL|CANNOT_BE_ZERO|MAX_VALUE|LIMIT_EXCEEDED")
_ANOTHER_WAY = {
    *{"INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"},
    *{"ORDER_NOT_APPROVED", "ORDER_COMPLETION_IN_PROGRESS"},
}
"""Why a capture does nothing and the shopper may still pay: with another card, or by approving again."""


class PayPal:
    """`payments.ports.Provider`. An order is paid when it was captured; approved is not paid.

    PayPal forgets an order that was not approved within some three hours: it is unknown then.
    """

    name = NAME
    hearsay = False

    def __init__(
        self,
        keys: Keyring[PayPalCredentials],
        partner: Partner,
        *,
        seconds: Callable[[], int] = forward,
        authorities: Callable[[], bytes] = roots,
        certificates: Callable[[], Certificates] = shared_certificates,
    ) -> None:
        self.live = keys.current.live
        self._keys, self._partner = keys, partner
        self._api = PayPalApi(keys.current, partner, seconds)
        self._authorities, self._certificates = authorities, certificates

    def check(self) -> None:
        """The app is known, and the webhook is its own: signatures are made for that."""
        if not self._api.has_webhook(self._keys.current.webhook_id):
            raise CredentialsRefused("This app of PayPal has no such webhook.", provider=NAME)

    def create(self, wish: Wish, now: datetime) -> Created:
        """The same order again for some hours; later PayPal would make another, of which it captures one where the account minds."""
        try:
            made = self._api.create(mapper.order_of(wish, self._keys.current), wish.order)
        except Refused as refused:
            if _NOT_PAYABLE.search(refused.issue):
                raise AmountNotPayable("PayPal does not take this amount or currency.", currency=wish.amount.currency) from None
            raise _misunderstood(refused) from None
        if made.page is None:
            raise PartnerUnreadable("PayPal made an order that nobody can approve.", partner=NAME)
        return Created(made.id, {"url": made.page})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """PayPal signs nothing for the browser: what it brings is not believed, PayPal is asked."""

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        """Also PartnerUnavailable or PartnerThrottles: where we cannot judge a certificate and PayPal cannot be asked. It delivers again.

        `live` is the account's mode: PayPal's events do not say.
        """
        told = signature.read(headers, self._keys.current.mode, now)
        if not self._signed(told, raw, now):
            raise signature.refused()
        return events.told_of(raw, self.live)

    def status(self, payment: str) -> ProviderFact:
        """`payment`: an order, or a capture of one. Disputes are missing where the app may not see them."""
        fact = self._ours(self._order_named(payment))
        return fact if fact.charge is None else fact.model_copy(update={"disputes": self._disputes(fact.charge)})

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        """All of what was approved, if that is the amount. Declined, it waits for the shopper to choose another way; approved anew, it is
        asked for anew, lest PayPal repeat its answer.
        """
        order = self._order(payment)
        before = self._ours(order)
        if before.charge is not None:
            return before
        if (before.amount, before.currency) != (amount.amount, amount.currency):
            raise PaymentStateConflict("PayPal would collect another amount.", payment_status=before.news)
        try:
            after = mapper.fact_of(self._api.collect(payment, _hashed(f"{key} {order.update_time}")))
        except Refused as refused:
            return self._not_collected(payment, refused)
        return after or self._ours(self._order(payment))

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        order = self._order(payment)
        fact = self._ours(order)
        earlier = self._given(order, key)
        if earlier is not None:
            return earlier
        captured = charge or fact.charge
        if captured is None:
            raise PaymentStateConflict("Nothing was collected that could be given back.", payment_status=fact.news)
        try:
            return mapper.given_of(self._api.refund(captured, mapper.refund_of(amount, key), _hashed(key)))
        except Refused as refused:
            return self._not_given(payment, key, refused)

    def void(self, payment: str, now: datetime) -> None:
        """PayPal has no way to give up an order. One that nobody approved is forgotten after some hours; one that is approved is never
        collected by us afterwards, and lapses: PayPal lets go of the money. PaymentStateConflict when money came, or is on its way.
        """
        order = self._api.order(payment) if _ID.fullmatch(payment) else None
        if order is not None and any(capture.came or capture.status == "PENDING" for capture in order.captures):
            raise PaymentStateConflict("PayPal has collected the money, or is about to.", payment_status=News.SUCCEEDED)

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        """What was paid in that time: PayPal keeps the events of captures, whether or not we got them, and each order is asked for
        after that. Without disputes. The search through transactions would say as much, hours later, and many accounts may not use it.
        """
        try:
            captures, following = self._api.paid(rfc3339(since), rfc3339(until), cursor)
        except Refused as refused:
            raise _misunderstood(refused) from None
        named = dict.fromkeys(capture.order or capture.id for capture in captures)
        facts = (self._known(name) for name in named)
        return Listing(tuple(fact for fact in facts if fact is not None), following)

    def _signed(self, told: signature.Transmission, raw: bytes, now: datetime) -> bool:
        """With a certificate that we trust, ours is the last word; else PayPal's is."""
        webhooks = [keys.webhook_id for keys in self._keys.all]
        try:
            chain = self._certificates().at(told.certificate, self._partner)
            if chain is None:
                return False
            key = trusted_key(chain, domain="paypal.com", roots=self._authorities(), now=now)
        except (NotTrusted, PartnerUnavailable, PartnerThrottles) as error:
            logger.warning("PayPal is asked for its signature", extra={"why": type(error).__name__})
            return any(self._vouched(signature.question(told, webhook, raw)) for webhook in webhooks)
        return any(signature.holds(told, key, webhook, raw) for webhook in webhooks)

    def _vouched(self, question: bytes) -> bool:
        try:
            return self._api.verified(question)
        except Refused:
            return False
        except CredentialsRefused:
            logger.error("PayPal does not vouch for its own signature: it does not know our credentials")
            raise PartnerUnavailable("PayPal cannot be asked for its signature.", retry_after=60, partner=NAME) from None

    def _disputes(self, charge: str) -> tuple[Dispute, ...]:
        try:
            return tuple(mapper.dispute_of(case) for case in self._api.disputes(charge))
        except CredentialsRefused:
            logger.warning("PayPal does not let this app see disputes")
            return ()
        except Refused as refused:
            raise _misunderstood(refused) from None

    def _not_collected(self, payment: str, refused: Refused) -> ProviderFact:
        """It may have been collected by an earlier try whose answer was lost."""
        if refused.issue == "NOT_FOUND":
            raise PaymentUnknown from None
        fact = self._ours(self._order(payment))
        if fact.charge is not None:
            return fact
        if refused.issue in _ANOTHER_WAY:
            return fact.model_copy(update={"news": News.PENDING})
        raise _conflict("PayPal does not collect the money.", refused) from None

    def _not_given(self, payment: str, key: str, refused: Refused) -> Given:
        """It may have been given by an earlier try that was under way while we looked."""
        earlier = self._given(self._order(payment), key)
        if earlier is not None:
            return earlier
        raise _conflict("PayPal does not give the money back.", refused) from None

    def _given(self, order: Order, key: str) -> Given | None:
        return next((given for given in map(mapper.given_of, order.refunds) if given.key == key), None)

    def _order_named(self, name: str) -> Order:
        """An order, or that of a capture: their names look alike."""
        if not _ID.fullmatch(name):
            raise PaymentUnknown
        order = self._api.order(name)
        if order is None:
            capture = self._api.capture(name)
            order = self._api.order(capture.order) if capture is not None and capture.order else None
        if order is None:
            raise PaymentUnknown
        return order

    def _order(self, payment: str) -> Order:
        order = self._api.order(payment) if _ID.fullmatch(payment) else None
        if order is None:
            raise PaymentUnknown
        return order

    def _ours(self, order: Order) -> ProviderFact:
        fact = mapper.fact_of(order)
        if fact is None:
            raise PaymentUnknown
        return fact

    def _known(self, name: str) -> ProviderFact | None:
        try:
            return mapper.fact_of(self._order_named(name))
        except PaymentUnknown:
            return None


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _conflict(detail: str, refused: Refused) -> PaymentStateConflict:
    return PaymentStateConflict(detail, payment_status=refused.issue.lower())


def _misunderstood(refused: Refused) -> PartnerUnreadable:
    """A request of ours that PayPal does not take: a mistake of the connector, or a rule that is not documented."""
    logger.error("PayPal refused a request", extra={"issue": refused.issue})
    return PartnerUnreadable("PayPal did not take the request.", partner=NAME)
