"""Events of one payment in any order, some twice, some in between: in the end the order shows what the provider's book says."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernel.errors import HoldfastError
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.payments.model import News, ProviderEvent
from tests.memory.bank import Bank
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.inbox import Desk
from tests.memory.stores import in_memory

Act = Callable[[Bank, Order], Any]


def becomes(**changes: Any) -> Act:
    return lambda bank, order: bank.becomes(order.payment.id, **changes)


def collected(bank: Bank, order: Order) -> None:
    """By the provider's own settings, unless we did it before."""
    if bank.book[order.payment.id].news is News.AUTHORIZED:
        bank.becomes(order.payment.id, news=News.SUCCEEDED, charge="ch_1")


def tried(bank: Bank, order: Order) -> None:
    """A card was declined; the page is still open."""


def given_back(share: int) -> Act:
    return lambda bank, order: bank.give_by_hand(order.payment.id, order.amount // share)


AGREED, CAME = becomes(news=News.AUTHORIZED), becomes(news=News.SUCCEEDED, charge="ch_1")
FAILED, EXPIRED = becomes(news=News.FAILED), becomes(news=News.EXPIRED)
LIVES: dict[str, tuple[Act, ...]] = {
    "paid": (CAME,),
    "declined, then paid": (tried, CAME),
    "agreed and collected": (AGREED, collected),
    "failed, then paid": (FAILED, CAME),
    "expired, then paid": (EXPIRED, CAME),
    "paid and given back": (CAME, given_back(1)),
    "agreed, collected, given back": (AGREED, collected, given_back(1)),
    "failed, paid, given back": (FAILED, CAME, given_back(1)),
    "given back in halves": (CAME, given_back(2), given_back(2)),
    "half given back": (AGREED, collected, given_back(2)),
    "failed": (tried, FAILED),
}


class Shop:
    """One order, and the book that its payment stands in."""

    def __init__(self) -> None:
        house = House(in_memory(Memory()))
        house.product("A", 5)
        self.desk = Desk.of(house)
        self.placed = house.place(house.session(("A", 2))).order
        self.events: list[ProviderEvent] = []

    def lives(self, act: Act) -> ProviderEvent:
        act(self.desk.bank, self.placed)
        event = self.desk.hear(self.placed.payment.id, f"evt_{len(self.events)}")
        self.events.append(event)
        return event

    def hears(self, event: ProviderEvent) -> None:
        try:
            self.desk.work_at(event)
        except HoldfastError as error:
            raise AssertionError("no try of these may fail") from error

    @property
    def order(self) -> Order:
        return self.desk.house.order(self.placed)

    def shows_the_truth(self) -> None:
        book, order = self.desk.bank.book[self.placed.payment.id], self.order
        free = self.desk.house.free("A")
        if book.news is News.FAILED:
            assert (order.status, order.payment.captured, free) == (Status.PAYMENT_FAILED, 0, 5)
            return
        assert (order.payment.captured, order.payment.refunded) == (order.amount, book.refunded)
        whole, some = book.refunded == order.amount, book.refunded > 0
        wanted = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED if some else PaymentStatus.SUCCEEDED
        assert (order.payment.status, free) == (wanted, 5 if whole else 3)
        assert self.desk.bank.asked.count("refund") == 0


@pytest.mark.parametrize("life", LIVES)
def test_all_events_after_the_end_in_every_order(life: str) -> None:
    for order in permutations(range(len(LIVES[life]))):
        shop = Shop()
        for act in LIVES[life]:
            shop.lives(act)
        for number in order:
            shop.hears(shop.events[number])
        shop.shows_the_truth()


@pytest.mark.parametrize("life", LIVES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_late_early_and_twice(life: str, data: st.DataObject) -> None:
    """Some come while the payment is still alive, all of them come in the end, and each may come again."""
    shop, waiting = Shop(), []
    for act in LIVES[life]:
        waiting.append(shop.lives(act))
        for event in data.draw(st.lists(st.sampled_from(shop.events), max_size=2)):
            shop.hears(event)
    again = data.draw(st.lists(st.sampled_from(shop.events), max_size=2))
    for event in data.draw(st.permutations([*waiting, *again])):
        shop.hears(event)
    shop.shows_the_truth()


@given(data=st.data(), life=st.sampled_from([life for life in LIVES if len(LIVES[life]) > 1]))
@settings(max_examples=60, deadline=None)
def test_the_last_event_alone_is_enough_or_one_that_asks(data: st.DataObject, life: str) -> None:
    """All others got lost: who asks learns the whole truth."""
    shop = Shop()
    for act in LIVES[life]:
        shop.lives(act)
    asking = [event for event in shop.events if event.fact is None] or shop.events[-1:]
    shop.hears(data.draw(st.sampled_from(asking)))
    shop.shows_the_truth()
