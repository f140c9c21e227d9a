"""Lives of orders that between them have every event there is."""

from dataclasses import replace
from datetime import timedelta

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.session import Address
from holdfast.payments.model import DisputeState, GivenState
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.acquirer import Acquirer, AcquirerHouse
from tests.memory.acquirer_book import Mood
from tests.memory.engine import Memory
from tests.memory.house import HOLD, House
from tests.memory.stores import in_memory

PERSONAL = ("ada@example.com", "eve@example.com", "+49 30 1234567", "Ada Lovelace", "Analytical Street 1", "ring twice", "seems nervous")
"""What stands in these orders and is nobody else's business."""


def every_event() -> list[Order]:
    """Orders as they lie in the store at the end."""
    house = House(in_memory(Memory()))
    house.product("BOX", 20)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    house.product("LOT", 1, Kind.PHYSICAL, OnShortage.BACKORDER)
    lives = [
        parcel(house),
        owed(house),
        bad_keys(house),
        pre_paid(house),
        odd_money(house),
        *unpaid(house),
        late(house),
        provider_gave_back(house),
    ]
    memory = Memory()
    elsewhere = AcquirerHouse(replace(in_memory(memory), provider=Acquirer(memory)))
    elsewhere.product("BOX", 20)
    return [*(house.order(order) for order in lives), *(elsewhere.order(order) for order in provider_decides(elsewhere))]


def parcel(house: House) -> Order:
    """Edited, noted, picked, put back, picked again, packed, shipped, brought in vain, delivered, completed, sent back and refunded;
    its mail resent.
    """
    order = house.buy(("BOX", 2))
    house.browser_returns(order)
    house.serve(order)
    address = Address(name="Ada Lovelace", line1="Analytical Street 1", city="London", postal_code="E1", country="GB")
    house.edit(order, email="eve@example.com", phone="+49 30 1234567", address=address, notes="ring twice")
    house.note(order, "Ada Lovelace seems nervous", "note-1")
    for wanted in (Status.PICKING, Status.PROCESSING, Status.PICKING, Status.PACKED):
        house.bring_to(order, wanted)
    house.bring_to(order, Status.SHIPPED, data={"tracking_numbers": ["1Z999AA10123456784"], "carrier": "ups"})
    house.trouble(order, reason="nobody was there to take it in")
    house.bring_to(order, Status.DELIVERED)
    house.bring_to(order, Status.COMPLETED)
    back = house.send_back(order, {"BOX": 2}).returns[0]
    house.receive(order, back.id, restocked={"BOX": 1}, written_off={"BOX": 1})
    house.finish_refunds(order)
    return house.resend(order, email="ada@example.com")


def owed(house: House) -> Order:
    """One of two keys is there; the other comes later than promised, and its mail goes out again. A part of the money goes back."""
    order = house.place(house.session(("KEY", 2)), "owed", accept_partial=True).order
    house.extend(order)
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    house.serve(order)
    house.now += timedelta(hours=25)
    house.tell_delays()
    house.import_keys("KEY", ["later"], "second")
    house.feed("KEY")
    house.resend(order)
    house.refund(order, RefundKind.AMOUNT, amount=5)
    return house.finish_refunds(order)


def bad_keys(house: House) -> Order:
    """One of its keys is replaced, and then taken back for good."""
    house.product("CODE", 2, Kind.DIGITAL)
    order = house.buy(("CODE", 1))
    house.browser_returns(order)
    house.serve(order)
    house.index(order)
    house.replace(house.key("CODE", 1).id)
    house.index(order)
    house.revoke(house.key("CODE", 2).id)
    return house.order(order)


def pre_paid(house: House) -> Order:
    """Nothing is there; a part of it comes; the rest is given up by staff, with all the money."""
    order = house.place(house.session(("LOT", 2)), "first", accept_partial=True).order
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    house.serve(order)
    none = house.place(house.session(("LOT", 2)), "second", accept_partial=True).order
    house.at_provider(none, Action.PAY)
    house.browser_returns(none)
    house.serve(none)
    house.restock("LOT", 2, "second")
    house.feed("LOT")
    house.cancel(none)
    return house.finish_refunds(none)


def odd_money(house: House) -> Order:
    """Money that does not match, and a person who takes it."""
    order = house.place(house.session(("BOX", 1)), "odd").order
    house.settle(house.fact(order, amount=order.amount - 1))
    return house.accept(order)


def unpaid(house: House) -> list[Order]:
    """Three that never get their money: declined, replaced by a second try, run out."""
    session = house.session(("BOX", 1))
    replaced = house.place(session, "first").order
    declined = house.place(session, "second").order
    house.at_provider(declined, Action.DECLINE)
    house.browser_returns(declined)
    swept = house.place(house.session(("BOX", 1)), "swept").order
    house.now += 2 * HOLD
    house.sweep()
    return [replaced, declined, swept]


def late(house: House) -> Order:
    """The money comes when another has bought a part: that part's money goes back."""
    house.late_payment = LatePayment.PARTIAL
    house.product("FEW", 3)
    order = house.place(house.session(("FEW", 3)), "late").order
    house.now += 2 * HOLD
    house.sweep()
    other = house.buy(("FEW", 2))
    house.browser_returns(other)
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    return house.finish_refunds(order)


def provider_gave_back(house: House) -> Order:
    """Somebody gave the money back in the provider's own console."""
    order = house.buy(("BOX", 1))
    house.browser_returns(order)
    house.at_provider(order, Action.REFUND)
    house.browser_returns(order)
    return order


def provider_decides(house: AcquirerHouse) -> list[Order]:
    """Paid twice; given back slowly, and not at all; disputed, won and lost; and one whose payment ends after its hold."""
    order = house.buy(("BOX", 2))
    house.bank.come(order.payment.id, order.amount)
    house.browser_returns(order)
    house.serve(order)
    house.bank.be(Mood.PENDING)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    house.finish_refunds(order)
    house.bank.ends(order.payment.id, GivenState.FAILED)
    house.browser_returns(order)
    for state in (DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.LOST, DisputeState.WON):
        house.bank.dispute(order.payment.id, state)
        house.browser_returns(order)
    left = house.place(house.session(("BOX", 1))).order
    house.now += 2 * HOLD
    house.sweep()
    house.at_provider(left, Action.EXPIRE)
    house.browser_returns(left)
    return [order, left]
