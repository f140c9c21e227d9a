"""The wire of Stripe: forms in, JSON out, one pinned version, and its errors in our words."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from holdfast.kernel.time import epoch
from holdfast.payments.errors import CredentialsRefused, PaymentUnknown
from holdfast.payments.providers.stripe.mapper import Disputed, Disputes, Form, Refund, Refunds, Said, Session, Sessions
from holdfast.payments.providers.stripe.settings import StripeCredentials
from holdfast.platform.calling import Partner, PartnerUnavailable, PartnerUnreadable, Reply

VERSION = "2026-10-28.endive"
BASE = "https://api.stripe.com/v1"
PAGE = 100
MOST_PAGES = 20
"""Of refunds or disputes of one payment: more is no answer that can be right."""
MISSING = "resource_missing"
CHARGE = "payment_intent.latest_charge"

Answer = TypeVar("Answer", bound=Said)


class Refused(Exception):
    """Stripe understood and will not: `code` and `param` are its own names for why."""

    def __init__(self, code: str, param: str) -> None:
        super().__init__(f"{code} {param}")
        self.code, self.param = code, param


def unreadable() -> PartnerUnreadable:
    return PartnerUnreadable("The answer of Stripe is not as documented.", partner="stripe")


class StripeApi:
    def __init__(self, credentials: StripeCredentials, partner: Partner) -> None:
        self._credentials, self._partner = credentials, partner

    def open(self, form: Form, key: str) -> Session:
        return self._post("checkout/sessions", form, key, Session)

    def session(self, session: str) -> Session:
        """With its PaymentIntent and Charge. PaymentUnknown."""
        return self._get(f"checkout/sessions/{session}", [("expand[]", CHARGE)], Session)

    def session_of(self, intent: str) -> Session:
        """PaymentUnknown when it came from no session."""
        found = self._get("checkout/sessions", [("payment_intent", intent), ("expand[]", f"data.{CHARGE}")], Sessions).data
        if not found:
            raise PaymentUnknown
        return found[0]

    def sessions(self, since: datetime, until: datetime, after: str | None) -> Sessions:
        """Those made from `since` on and before `until`, a page of them."""
        asked = [
            ("created[gte]", str(epoch(since))),
            ("created[lt]", str(epoch(until))),
            ("limit", str(PAGE)),
            ("expand[]", f"data.{CHARGE}"),
        ]
        return self._get("checkout/sessions", [*asked, ("starting_after", after)] if after else asked, Sessions)

    def newest_session(self) -> Sessions:
        return self._get("checkout/sessions", [("limit", "1")], Sessions)

    def expire(self, session: str) -> Session:
        return self._post(f"checkout/sessions/{session}/expire", [], None, Session)

    def capture(self, intent: str, amount: int, key: str) -> None:
        self._post(f"payment_intents/{intent}/capture", [("amount_to_capture", str(amount))], key, Said)

    def refunds(self, intent: str) -> list[Refund]:
        return [refund for page in self._pages("refunds", intent, Refunds) for refund in page.data]

    def give_back(self, form: Form, key: str) -> Refund:
        return self._post("refunds", form, key, Refund)

    def disputes(self, intent: str) -> list[Disputed]:
        return [dispute for page in self._pages("disputes", intent, Disputes) for dispute in page.data]

    def _pages(self, path: str, intent: str, kind: type[Refunds] | type[Disputes]) -> Iterator[Any]:
        after: list[tuple[str, str]] = []
        for _ in range(MOST_PAGES):
            page = self._get(path, [("payment_intent", intent), ("limit", str(PAGE)), *after], kind)
            yield page
            if not page.has_more or not page.data:
                return
            after = [("starting_after", page.data[-1].id)]
        raise unreadable()

    def _get(self, path: str, query: Sequence[tuple[str, str]], kind: type[Answer]) -> Answer:
        """PaymentUnknown. Where nothing is wished nothing can be refused: PartnerUnreadable."""
        reply = self._partner.call("GET", f"{BASE}/{path}?{urlencode(query)}", self._headers())
        try:
            return self._read(reply, kind)
        except Refused as refused:
            if refused.code == MISSING:
                raise PaymentUnknown from None
            raise unreadable() from None

    def _post(self, path: str, form: Form, key: str | None, kind: type[Answer]) -> Answer:
        """`key` names what is wished: Stripe does it once, and for a day answers a repeat as it answered the first try, an error, too.
        So there is none for what may be done twice.
        """
        once = {"Idempotency-Key": hashlib.sha256(key.encode()).hexdigest()} if key else {}
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded", **once}
        return self._read(self._partner.call("POST", f"{BASE}/{path}", headers, urlencode(form).encode()), kind)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._credentials.secret_key}", "Stripe-Version": VERSION}

    def _read(self, reply: Reply, kind: type[Answer]) -> Answer:
        if not reply.ok:
            self._refuse(reply)
        try:
            return kind.model_validate(reply.json())
        except ValueError:
            raise unreadable() from None  # its content goes into no log

    def _refuse(self, reply: Reply) -> NoReturn:
        if reply.status in {401, 403}:
            raise CredentialsRefused("Stripe does not take these credentials for this.", provider="stripe")
        error = reply.json().get("error")  # a page of somebody in between is no answer of Stripe
        if not isinstance(error, dict):
            raise unreadable()
        if reply.status == 404:
            raise PaymentUnknown
        if reply.status == 409:
            raise PartnerUnavailable("Stripe is at the same work already.", retry_after=2, partner="stripe")
        if reply.status not in {400, 402}:
            raise unreadable()
        raise Refused(str(error.get("code") or error.get("type") or ""), str(error.get("param") or ""))
