"""The wire of Razorpay: JSON both ways, and its errors in our words."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from holdfast.kernel.time import epoch
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentUnknown
from holdfast.payments.providers.razorpay.mapper import Disputed, Disputes, Order, Orders, Refund, Refunds, Said, Tries, Try
from holdfast.payments.providers.razorpay.settings import RazorpayCredentials
from holdfast.platform.calling import Partner, PartnerUnavailable, PartnerUnreadable, Reply
from holdfast.platform.log import logger

BASE = "https://api.razorpay.com/v1"
PAGE = 100
MOST_PAGES = 20
UNKNOWN = ("does not exist", "is not a valid id")
NOT_LET_IN = ("authentication failed", "api key provided is invalid", "key/secret")
OTHER_WISH = "different request"

Answer = TypeVar("Answer", bound=Said)
Meaning = TypeVar("Meaning")


class Refused(Exception):
    """Razorpay understood and will not: `reason` is its sentence, `field` what it is about."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


def understood(translate: Callable[[], Meaning]) -> Meaning:
    """PartnerUnreadable for what cannot be told in our words; its content goes into no log."""
    try:
        return translate()
    except (ValueError, AmountNotPayable):
        raise unreadable() from None


def unreadable() -> PartnerUnreadable:
    return PartnerUnreadable("The answer of Razorpay is not as documented.", partner="razorpay")


class RazorpayApi:
    def __init__(self, credentials: RazorpayCredentials, partner: Partner) -> None:
        pair = f"{credentials.key_id}:{credentials.key_secret}".encode()
        self._headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        self._partner = partner

    def orders_of(self, receipt: str) -> list[Order]:
        return self._get("orders", [("receipt", receipt), ("count", str(PAGE))], Orders).items

    def open(self, body: Mapping[str, Any]) -> Order:
        return self._post("orders", body, {}, Order)

    def order(self, order: str) -> Order:
        """PaymentUnknown."""
        return self._get(f"orders/{order}", [], Order)

    def orders(self, since: datetime, until: datetime, skip: int) -> list[Order]:
        """Those made in that time, with their payments, a page of them."""
        asked = [("from", str(epoch(since))), ("to", str(epoch(until))), ("expand[]", "payments")]
        return self._get("orders", [*asked, ("count", str(PAGE)), ("skip", str(skip))], Orders).items

    def newest_order(self) -> list[Order]:
        return self._get("orders", [("count", "1")], Orders).items

    def tries(self, order: str) -> list[Try]:
        return self._get(f"orders/{order}/payments", [], Tries).items

    def attempt(self, payment: str) -> Try:
        """PaymentUnknown."""
        return self._get(f"payments/{payment}", [], Try)

    def capture(self, payment: str, amount: int, currency: str) -> Try:
        """It cannot be done twice: a payment that was captured is refused."""
        return self._post(f"payments/{payment}/capture", {"amount": amount, "currency": currency}, {}, Try)

    def refunds(self, payment: str) -> list[Refund]:
        return [refund for page in self._pages(f"payments/{payment}/refunds", Refunds) for refund in page]

    def give_back(self, payment: str, body: Mapping[str, Any], key: str) -> Refund:
        return self._post(f"payments/{payment}/refund", body, {"X-Refund-Idempotency": key}, Refund)

    def disputes(self, charge: Try) -> list[Disputed]:
        """There is no list by payment, only one of all, the newest first: it is read down to the day of the payment, or
        for so many pages: of a payment with very many after it the rest is known, and that is worth more than none of it.
        """
        found: list[Disputed] = []
        for number, page in enumerate(self._pages("disputes", Disputes), start=1):
            found += [dispute for dispute in page if dispute.payment_id == charge.id]
            if all(dispute.created_at < charge.created_at for dispute in page):
                break
            if number == MOST_PAGES and len(page) == PAGE:
                logger.warning("not all disputes were read", extra={"partner": "razorpay", "payment": charge.id})
                break
        return found

    def _pages(self, path: str, kind: type[Refunds] | type[Disputes]) -> Iterator[list[Any]]:
        """PartnerUnreadable for more than can be true."""
        for page in range(MOST_PAGES):
            items: list[Any] = list(self._get(path, [("count", str(PAGE)), ("skip", str(page * PAGE))], kind).items)
            yield items
            if len(items) < PAGE:
                return
        raise unreadable()

    def _get(self, path: str, query: Sequence[tuple[str, str]], kind: type[Answer]) -> Answer:
        """PaymentUnknown. Where nothing is wished nothing can be refused: PartnerUnreadable."""
        url = f"{BASE}/{path}?{urlencode(query)}" if query else f"{BASE}/{path}"
        reply = self._partner.call("GET", url, self._headers)
        try:
            return self._read(reply, kind)
        except Refused:
            raise unreadable() from None

    def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], kind: type[Answer]) -> Answer:
        told = {**self._headers, "Content-Type": "application/json", **headers}
        return self._read(self._partner.call("POST", f"{BASE}/{path}", told, json.dumps(body).encode()), kind)

    def _read(self, reply: Reply, kind: type[Answer]) -> Answer:
        if not reply.ok:
            self._refuse(reply)
        content = reply.json()
        return understood(lambda: kind.model_validate(content))

    def _refuse(self, reply: Reply) -> NoReturn:
        """Much of what others say with a status, Razorpay says in the sentence of a 400."""
        if reply.status in {401, 403}:
            raise _not_let_in()
        error = reply.json().get("error")  # a page of somebody in between is no answer of Razorpay
        if not isinstance(error, dict):
            raise unreadable()
        reason = str(error.get("description") or "")
        said = reason.lower()
        if any(words in said for words in NOT_LET_IN):
            raise _not_let_in()
        if reply.status == 404 or any(words in said for words in UNKNOWN):
            raise PaymentUnknown
        if reply.status == 409 and OTHER_WISH not in said:
            raise PartnerUnavailable("Razorpay is at the same work already.", retry_after=2, partner="razorpay")
        if reply.status not in {400, 409}:
            raise unreadable()
        raise Refused(reason, str(error.get("field") or ""))


def _not_let_in() -> CredentialsRefused:
    return CredentialsRefused("Razorpay does not take these credentials for this.", provider="razorpay")
