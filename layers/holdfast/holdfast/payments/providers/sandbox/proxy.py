"""The wire of the sandbox: its book, in a table instead of behind an address."""

from collections.abc import Callable
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
    News.EXPIRED: {News.PENDING, News.FAILED},
    News.REFUNDED: {News.SUCCEEDED},
}


UNCHANGED = "#status = :status AND #refunds = :refunds"
_NAMES = {"#status": "status", "#refunds": "refunds"}


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
        return self._change(payment, lambda book: acted(book, action, now))

    def refund(self, payment: str, amount: int, key: str) -> Book:
        """The merchant gives back, once per key, what he was told he got."""
        return self._change(payment, lambda book: given_back(book, amount, key))

    def void(self, payment: str, now: datetime) -> Book:
        """The merchant gives up a payment that did not come. One that came stays: PaymentStateConflict."""
        return self._change(payment, lambda book: given_up(book, now))

    def _change(self, payment: str, change: Callable[[Book], Book]) -> Book:
        while True:
            book = self.look_up(payment)
            changed = change(book)
            if changed == book:
                return book
            seen = {":status": book.status, ":refunds": dict(book.refunds)}
            try:
                self._table.put({**sandbox_key(payment), **record(changed)}, Expression(UNCHANGED, _NAMES, seen))
                return changed
            except ConditionFailed:
                continue


def acted(book: Book, action: Action, now: datetime) -> Book:
    """The book after it. The same again changes nothing; PaymentStateConflict when it cannot be done."""
    wanted = RESULT[action]
    if book.status is wanted:
        return book
    if book.status not in FROM[wanted]:
        raise PaymentStateConflict(f"A payment that is {book.status} cannot become {wanted}.", payment_status=book.status)
    given = {"refunds": {**book.refunds, "by hand": book.left}} if action is Action.REFUND else {}
    return book.model_copy(update={"status": wanted, "changed_at": now, **given})


def given_back(book: Book, amount: int, key: str) -> Book:
    """Each key gives back once. A test may have told the merchant of money with a webhook of its own, signed with the sandbox's
    secret, so any payment can be refunded; more than came never goes back: PaymentStateConflict.
    """
    if key in book.refunds or book.status is News.REFUNDED:
        return book
    if amount > book.left:
        raise PaymentStateConflict("More than is left of the payment.", payment_status=book.status)
    given = book.model_copy(update={"refunds": {**book.refunds, key: amount}})
    return given if given.left else given.model_copy(update={"status": News.REFUNDED})


def given_up(book: Book, now: datetime) -> Book:
    """Also one that was declined: a good card could follow."""
    return acted(book, Action.EXPIRE, now)
