"""A provider tells of money in any order, twice, late, and of what people did in its own pages: the order ends with what is true there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order
from holdfast.orders.neighbours import PaymentFact
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import DisputeState, GivenState
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.wiring.payments import fact_of
from tests.memory.acquirer import Acquirer, AcquirerHouse, AcquirerStage
from tests.memory.acquirer_book import Mood
from tests.memory.audit import audit, audit_end
from tests.memory.engine import Memory
from tests.memory.stores import in_memory

STATES = {GivenState.PENDING: RefundState.DUE, GivenState.DONE: RefundState.DONE, GivenState.FAILED: RefundState.FAILED}
AMOUNTS = st.sampled_from([1, 500, 1999, 3998])


@dataclass(frozen=True)
class Happening:
    """Something at the bank."""

    name: str
    does: Callable[[AcquirerHouse, Order], Any]

    def __repr__(self) -> str:
        return self.name


def bank(name: str, *args: Any) -> Happening:
    return Happening(f"{name}{args}", lambda house, order: getattr(house.bank, name)(order.payment.id, *args))


HAPPENINGS = st.one_of(
    st.just(Happening("paid twice", lambda house, order: house.bank.come(order.payment.id, order.amount))),
    st.just(Happening("paid elsewhere", lambda house, order: house.bank.pay_elsewhere(order, order.amount))),
    AMOUNTS.map(lambda amount: bank("give_back", amount)),
    st.sampled_from(DisputeState).map(lambda state: bank("dispute", state)),
    st.sampled_from([GivenState.DONE, GivenState.FAILED]).map(lambda state: bank("ends", state)),
    st.just(Happening("failed after all", lambda house, order: house.bank.ends(order.payment.id, GivenState.FAILED, done_too=True))),
    st.sampled_from(Mood).map(lambda mood: Happening(f"be {mood}", lambda house, _: house.bank.be(mood))),
)


def facts(house: AcquirerHouse, order: Order) -> list[PaymentFact]:
    """What the bank says at this moment of all payments for the order."""
    told = [fact_of(book.fact(), "sandbox") for book in house.bank.books() if book.order_id == order.id]
    return [fact for fact in told if fact is not None]


def shop() -> tuple[Memory, AcquirerHouse]:
    memory = Memory()
    stores = in_memory(memory)
    stores.provider = Acquirer(memory)
    house = AcquirerHouse(stores)
    house.product("BOX", 9)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER, backorder_cap=9)
    return memory, house


def happens(house: AcquirerHouse, order: Order, happening: Happening) -> list[PaymentFact]:
    try:
        happening.does(house, order)
    except PaymentStateConflict:
        return []
    return facts(house, order)


def as_the_bank_says(house: AcquirerHouse, order: Order) -> None:
    standing = house.order(order)
    book = house.bank.book(order.payment.id)
    assert standing.payment.captured == book.amount
    assert standing.payment.refunded == sum(book.refunds.values())
    assert {one.id: one.state for one in standing.disputes} == {name: one.state for name, one in book.disputes.items()}
    lost = sum(one.amount for one in book.disputes.values() if one.state is DisputeState.LOST)
    assert standing.payment.charged_back == lost
    known = {refund.ref: refund.state for refund in standing.refunds if refund.ref}
    for other in house.bank.books():
        for piece in other.pieces:
            if piece.charge == other.charge:  # what it does with others it says to who asks for them
                assert known.get(piece.ref, STATES[piece.state]) is STATES[piece.state], piece


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.data(), st.lists(HAPPENINGS, max_size=5), st.lists(HAPPENINGS, max_size=4), st.booleans(), st.sampled_from([None, 500, 3998, 5997])
)
def test_whatever_the_order_of_news(
    data: st.DataObject, first: list[Happening], then: list[Happening], served: bool, refunded: int | None
) -> None:
    """Everything that the bank said at any time, shuffled and repeated; staff give money back in between."""
    memory, house = shop()
    order = house.place(house.session(("BOX", 2), ("KEY", 1)), accept_partial=True).order
    house.at_provider(order, Action.PAY)
    news = facts(house, order)
    for happening in first:
        news += happens(house, order, happening)
    tell(house, data, news)
    if served:
        house.serve(order)
    if refunded:
        try:
            house.refund(order, RefundKind.AMOUNT, amount=refunded)
            house.finish_refunds(order)
        except HoldfastError:
            pass
    news += facts(house, order)
    for happening in then:
        news += happens(house, order, happening)
    tell(house, data, news)
    as_the_bank_says(house, order)
    audit(memory)
    house.bank.be(Mood.DONE)
    AcquirerStage(memory, house).settle_down()
    audit_end(memory)


def tell(house: AcquirerHouse, data: st.DataObject, news: list[PaymentFact]) -> None:
    places = st.lists(st.integers(0, len(news) - 1), max_size=4)
    for place in data.draw(st.permutations([*range(len(news)), *data.draw(places)])):
        house.settle(news[place])
        audit(house.bank.memory)
