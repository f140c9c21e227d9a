"""PayPro as a payment provider like any other."""

import re
from collections.abc import Mapping
from datetime import datetime

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import AmountNotPayable, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import Created, Given, Listing, News, ProviderFact, Told, Wish
from holdfast.payments.providers.paypro import mapper, signature
from holdfast.payments.providers.paypro.mapper import Checkout, Reference, Transaction
from holdfast.payments.providers.paypro.proxy import NAME, PayProApi, Refused
from holdfast.payments.providers.paypro.settings import PayProCredentials
from holdfast.platform.calling import Partner, PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.log import logger

_NOBODYS = "0" * 64
_TOKEN = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[A-Za-z0-9-]{1,63}")
DUPLICATE_SECONDS = 30
"""For so long PayPro takes a second refund of the same amount for the first one, sent twice."""


class PayPro:
    """`payments.ports.Provider`. A payment is a checkout by its token, and what was tried in it: transactions by their uids.

    PayPro's news names a transaction and our order, never the checkout: asked by such a name, `status` answers with the transaction's
    uid as `payment` and as `charge`. It looks at all that was paid for the order all the same, so a second payment is seen either way.
    """

    name = NAME
    hearsay = False

    def __init__(self, keys: Keyring[PayProCredentials], partner: Partner) -> None:
        self.live = keys.current.live
        self._keys = keys
        self._api = PayProApi(keys.current, partner)

    def check(self) -> None:
        """Asked for a checkout that nobody made, PayPro knows who asks before it knows of none."""
        self._api.checkout(_NOBODYS)

    def create(self, wish: Wish, now: datetime) -> Created:
        """PayPro knows no repetition: asked again there are two checkouts, of which the shopper sees the second. Both end with the order's
        time to pay; should both be paid, the later one is beside the first.
        """
        try:
            made = self._api.create(mapper.checkout_of(wish, self._keys.current))
        except Refused as refused:
            if re.search("currency|amount", refused.message, re.IGNORECASE):
                raise AmountNotPayable("PayPro does not take this amount or currency.", currency=wish.amount.currency) from None
            logger.error("PayPro refused a checkout", extra={"why": refused.message})
            raise PartnerUnreadable("PayPro did not take the request.", partner=NAME) from None
        return Created(made.token, {"url": made.redirect_url})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """PayPro signs nothing for the browser: what it brings is not believed, PayPro is asked."""

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        signature.verify(self._keys, headers, raw)
        return mapper.told_of(raw, self._keys.current)

    def status(self, payment: str) -> ProviderFact:
        """`payment`: a checkout's token, or the uid of a payment, a refund or a chargeback."""
        if _TOKEN.fullmatch(payment):
            return self._by_token(payment)
        if not _UID.fullmatch(payment):
            raise PaymentUnknown
        ours, root, named = self._by_uid(payment)
        return mapper.fact_of(root.uid, ours, (*self._known(ours), root, named))

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        """PayPro collects by itself. PaymentStateConflict when it has not."""
        fact = self.status(payment)
        if fact.charge is None:
            raise PaymentStateConflict("PayPro collects by itself.", payment_status=fact.news)
        return fact

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        """Looked for by our key before it is made. PayPro has no keys of its own: should it not tell of refunds by the name that they were
        given (its documents promise that for some ways to pay), what limits a repetition is its own check for duplicates, half a
        minute long, and that no more than was paid goes back.
        """
        fact = self.status(payment)
        ours = Reference(fact.shop, fact.order)
        earlier = self._given(fact, key)
        if earlier is not None:
            return earlier
        paid = charge or fact.charge
        if paid is None:
            raise PaymentStateConflict("Nothing was collected that could be given back.", payment_status=fact.news)
        try:
            return mapper.given_of(self._api.refund(mapper.refund_of(paid, amount, key, ours)))
        except Refused as refused:
            return self._not_given(payment, key, refused)

    def void(self, payment: str, now: datetime) -> None:
        """PayPro has no way to end a checkout: it ends by itself when the order's time to pay is over. PaymentStateConflict when money
        came.
        """
        try:
            fact = self.status(payment)
        except PaymentUnknown:
            return
        if fact.charge is not None:
            raise PaymentStateConflict("PayPro has the money.", payment_status=fact.news)

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        """Never: the platform's reports are another service, with credentials of its own."""
        return None

    def _by_token(self, token: str) -> ProviderFact:
        checkout = self._api.checkout(token)
        ours = mapper.reference_of(checkout.order.tracking_id) if checkout else None
        if checkout is None or ours is None or self._of_another_world(checkout):
            raise PaymentUnknown
        family = self._family(ours, checkout) if checkout.tried else ()
        return mapper.fact_of(token, ours, family, checkout)

    def _family(self, ours: Reference, checkout: Checkout) -> tuple[Transaction, ...]:
        """What the gateway knows of the order. While it does not answer, a checkout that succeeded is believed: the money came, and what
        became of it since is asked for another time.
        """
        said = _said(checkout)
        try:
            return (*said, *self._known(ours))
        except PartnerUnavailable:
            if not said:
                raise
            return said

    def _by_uid(self, uid: str) -> tuple[Reference, Transaction, Transaction]:
        """Whose it is, the payment that it is of, and itself. PaymentUnknown."""
        named = self._api.transaction(uid)
        if named is None or self._of_another_world(named):
            raise PaymentUnknown
        root = named
        if named.parent_uid is not None:
            root = self._api.transaction(named.parent_uid) or named
        ours = mapper.reference_of(root.tracking_id) or mapper.reference_of(named.tracking_id)
        if ours is None:
            raise PaymentUnknown
        return ours, root, named

    def _known(self, ours: Reference) -> tuple[Transaction, ...]:
        return tuple(one for one in self._api.transactions(ours.tracking) if not self._of_another_world(one))

    def _of_another_world(self, told: Checkout | Transaction) -> bool:
        """Play money in a live account, or the other way round: a checkout may be older than the account's last change."""
        return told.test is not None and told.test == self.live

    def _given(self, fact: ProviderFact, key: str) -> Given | None:
        """In what is told of the order, or by the key itself: of many transactions the gateway tells the latest only."""
        named = (mapper.given_of(one) for one in self._api.transactions(key) if one.type == "refund")
        return next((given for given in (*fact.refunds, *named) if given.key == key), None)

    def _not_given(self, payment: str, key: str, refused: Refused) -> Given:
        earlier = self._given(self.status(payment), key)
        if earlier is not None:
            return earlier
        if "duplicat" in refused.message.lower():
            raise PartnerThrottles("PayPro takes it for the refund before.", retry_after=DUPLICATE_SECONDS, partner=NAME) from None
        logger.warning("PayPro refused a refund", extra={"why": refused.message})
        raise PaymentStateConflict("PayPro does not give the money back.", payment_status=News.SUCCEEDED) from None


def _said(checkout: Checkout) -> tuple[Transaction, ...]:
    """What the checkout itself says of a try that succeeded."""
    if checkout.status != "successful" or checkout.tried is None:
        return ()
    order = checkout.order
    return (Transaction(uid=checkout.tried, type="payment", status="successful", amount=order.amount, currency=order.currency),)
