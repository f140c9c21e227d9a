"""Stripe as a payment provider like any other: a hosted page per order, so that no card comes near us."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import AmountNotPayable, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import Created, Given, Listing, News, ProviderFact, Told, Wish
from holdfast.payments.providers.stripe import mapper, signature
from holdfast.payments.providers.stripe.mapper import Form, Session
from holdfast.payments.providers.stripe.proxy import Refused, StripeApi, unreadable
from holdfast.payments.providers.stripe.settings import StripeCredentials
from holdfast.platform.calling import Partner

CAME = frozenset({News.SUCCEEDED, News.REFUNDED})
OVER = frozenset({News.EXPIRED, News.FAILED})

Meaning = TypeVar("Meaning")


class Stripe:
    name = "stripe"
    hearsay = False

    def __init__(self, keys: Keyring[StripeCredentials], partner: Partner) -> None:
        self.live = keys.current.live
        self._keys = keys
        self._api = StripeApi(keys.current, partner)

    def check(self) -> None:
        self._api.newest_session()

    def create(self, wish: Wish, now: datetime) -> Created:
        """Asked again for the same it is the same session. If the order's hold was renewed meanwhile it is a new one: nobody was ever
        shown the first.
        """
        form = mapper.session_form(wish, self._keys.current.return_url, self._keys.current.cancel_url, now)
        session = self._opened(wish.order, form)
        if session.url is None:
            raise unreadable()
        return Created(session.id, {"url": session.url})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """The browser brings nothing that Stripe has signed: it is asked, always."""

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        signature.verify([known.webhook_secret for known in self._keys.all], headers.get(signature.HEADER), raw, now)
        return mapper.told(raw)

    def status(self, payment: str) -> ProviderFact:
        return self._fact(self._session(payment))

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        fact = self.status(payment)
        if fact.news in CAME:
            return fact
        if fact.news is not News.AUTHORIZED or fact.charge is None:
            raise _conflict("There is nothing to collect.", fact.news)
        try:
            self._api.capture(fact.charge, mapper.stripe_amount(amount), f"capture {key}")
        except Refused:
            raise _conflict("Stripe will not collect this.", fact.news) from None
        return self.status(payment)

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        """Stripe forgets keys after a day, so the refunds that there are are asked first. One that failed stays failed under its key."""
        intent, news = (charge, News.SUCCEEDED) if charge else self._paid(payment)
        earlier = [refund for refund in self._api.refunds(intent) if refund.key == key]
        if earlier:
            return _understood(lambda: mapper.given_of(earlier[0]))
        try:
            made = self._api.give_back(mapper.refund_form(intent, amount, key), f"refund {key}")
        except Refused:
            raise _conflict("Stripe will not give this back.", news) from None
        return _understood(lambda: mapper.given_of(made))

    def void(self, payment: str, now: datetime) -> None:
        """The page is closed. A payment that its bank still works at (a debit, say) cannot be called back."""
        try:
            self._api.expire(_session_id(payment))
        except Refused:
            news = self.status(payment).news
            if news not in OVER:
                raise _conflict("It is paid, or may be any moment.", news) from None

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        """With what went back in all, and without the refunds and disputes one by one: those need a call per payment."""
        page = self._api.sessions(since, until, cursor)
        facts = _understood(lambda: tuple(mapper.fact_of(session) for session in page.data if session.ours))
        return Listing(facts, page.data[-1].id if page.has_more and page.data else None)

    def _opened(self, order: str, form: Form) -> Session:
        try:
            return self._api.open(form, f"session {order} {urlencode(form)}")
        except Refused as refused:
            if refused.param == "customer_email" and refused.param in dict(form):  # they are stricter; it only fills in a field of the page
                return self._opened(order, [(name, value) for name, value in form if name != "customer_email"])
            if refused.code.startswith("amount_") or re.search("currency|amount", refused.param):
                currency = dict(form)["line_items[0][price_data][currency]"].upper()
                raise AmountNotPayable("Stripe does not take this amount or currency.", currency=currency) from None
            raise unreadable() from None

    def _session(self, payment: str) -> Session:
        """By its own name or that of its PaymentIntent. PaymentUnknown also for one that is not ours."""
        session = self._api.session_of(payment) if re.fullmatch("pi_[A-Za-z0-9_]{1,250}", payment) else self._session_by_id(payment)
        if not session.ours:
            raise PaymentUnknown
        return session

    def _session_by_id(self, payment: str) -> Session:
        return self._api.session(_session_id(payment))

    def _paid(self, payment: str) -> tuple[str, News]:
        """The charge that can be given back. PaymentStateConflict."""
        fact = _understood(lambda: mapper.fact_of(self._session(payment)))
        if fact.news not in CAME or fact.charge is None:
            raise _conflict("No money came, so none can go back.", fact.news)
        return fact.charge, fact.news

    def _fact(self, session: Session) -> ProviderFact:
        """What went back, and what is disputed, is asked for where money came."""
        fact = _understood(lambda: mapper.fact_of(session))
        if fact.news not in CAME or fact.charge is None:
            return fact
        refunds, disputes = self._api.refunds(fact.charge), self._api.disputes(fact.charge)
        return _understood(lambda: mapper.fact_of(session, refunds, disputes))


def _session_id(payment: str) -> str:
    """It becomes a part of an address. PaymentUnknown for anything else."""
    if not re.fullmatch("cs_[A-Za-z0-9_]{1,250}", payment):
        raise PaymentUnknown
    return payment


def _understood(translate: Callable[[], Meaning]) -> Meaning:
    try:
        return translate()
    except ValueError:
        raise unreadable() from None


def _conflict(detail: str, news: News) -> PaymentStateConflict:
    return PaymentStateConflict(detail, payment_status=news)
