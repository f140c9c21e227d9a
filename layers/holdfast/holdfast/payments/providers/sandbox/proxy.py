"""The wire of the sandbox: its book, in a table instead of behind an address."""

from datetime import datetime
from enum import StrEnum

from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.keys import sandbox_key
from holdfast.payments.model import News
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Table, record


class Action(StrEnum):
    """What the shopper (or the clock) does at the provider."""

    PAY = "pay"
    DECLINE = "decline"
    EXPIRE = "expire"
    REFUND = "refund"


RESULT = {Action.PAY: News.SUCCEEDED, Action.DECLINE: News.FAILED, Action.EXPIRE: News.EXPIRED, Action.REFUND: News.REFUNDED}
FROM = {
    News.SUCCEEDED: {News.PENDING, News.FAILED},  # a declined card may be followed by a good one
    News.FAILED: {News.PENDING},
    News.EXPIRED: {News.PENDING},
    News.REFUNDED: {News.SUCCEEDED},
}


class SandboxBook:
    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, book: Book) -> None:
        """Asked again for the same order, the book stays as it is: it may be paid already."""
        try:
            self._table.put({**sandbox_key(book.id), **record(book)}, NOT_THERE)
        except ConditionFailed:
            return

    def look_up(self, payment: str) -> Book:
        item = self._table.get(sandbox_key(payment))
        if item is None:
            raise PaymentUnknown
        return Book.model_validate(item)

    def act(self, payment: str, action: Action, now: datetime) -> Book:
        """The book after the shopper's action. The same again changes nothing; PaymentStateConflict when it cannot be done."""
        return self._change(payment, RESULT[action], now, allowed=FROM[RESULT[action]])

    def refund(self, payment: str, now: datetime) -> Book:
        """The merchant gives back what he was told he got. A test may have told him with a webhook of its own, signed with
        the sandbox's secret; so any payment can be refunded.
        """
        return self._change(payment, News.REFUNDED, now, allowed=set(News))

    def _change(self, payment: str, wanted: News, now: datetime, *, allowed: set[News]) -> Book:
        while True:
            book = self.look_up(payment)
            if book.status is wanted:
                return book
            if book.status not in allowed:
                raise PaymentStateConflict(f"A payment that is {book.status} cannot become {wanted}.", payment_status=book.status)
            changed = book.model_copy(update={"status": wanted, "changed_at": now})
            unchanged = Expression("#status = :before", {"#status": "status"}, {":before": book.status})
            try:
                self._table.put({**sandbox_key(payment), **record(changed)}, unchanged)
                return changed
            except ConditionFailed:
                continue
