"""Races run on the stores in memory, on the simulator and on the emulator; moto oversells under threads by itself.

A negative control takes away one named condition and must see the harm: a race test that stays green without its
condition proves nothing.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.fulfilment import repository as fulfilment
from holdfast.fulfilment import vault_repository as vaults
from holdfast.notifications import low_marks, people_repository
from holdfast.notifications import repository as notifications
from holdfast.orders import repository as orders
from holdfast.orders import search_repository
from holdfast.orders import session_repository as sessions
from holdfast.payments import account_store, discrepancy_store, run_store
from holdfast.payments import repository as payments
from holdfast.stock import documents
from holdfast.stock import repository as stock
from holdfast.webhooks import repository as webhooks
from tests.memory.backends import emulated, raced, shop, simulated
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import Stores, in_memory

__all__ = ["careless", "emulated", "house", "raced", "shop", "simulated"]

# An alternative that holds on every item there is.
_ALWAYS = {
    "ENOUGH_LEFT": (stock, "attribute_exists(#avail)"),
    "NOT_TAKEN_YET": (stock, "attribute_exists(#lk)"),
    "NOBODY_WAITS": (stock, "attribute_exists(#lk)"),
    "SAME_ENTRY": (stock, "attribute_exists(#lk)"),
    "STILL_HELD": (stock, "attribute_exists(#lk)"),
    "SAME_LAST": (stock, "attribute_exists(#on_hand)"),
    "NO_LAST": (stock, "attribute_exists(#on_hand)"),
    "SAME_LEVEL": (stock, "attribute_exists(#ver)"),
    "SAME_HEAD": (stock, "attribute_exists(#version)"),
    "EMPTY": (stock, "attribute_exists(#lk)"),
    "SAME_CLAIM": (documents, "attribute_exists(#claim)"),
    "SAME_IMAGE": (documents, "attribute_exists(#ver)"),
    "NOT_EXTENDED": (documents, "attribute_exists(#extended)"),
    "SAME_VAULT": (vaults, "#version >= :seen"),
    "SAME_KEY": (vaults, "attribute_exists(#version)"),
    "SAME_DEBT": (fulfilment, "attribute_exists(#owed)"),
    "NONE_OPEN": (fulfilment, "attribute_exists(#open)"),
    "STILL_OPEN": (fulfilment, "attribute_exists(#open)"),
    "NO_MARK": (low_marks, "attribute_exists(#pk)"),
    "SAME_MARK": (low_marks, "attribute_exists(#version)"),
    "NOT_TOLD_YET": (notifications, "attribute_exists(#pk)"),
    "SAME_NOTIFICATION": (notifications, "attribute_exists(#version)"),
    "NO_WISH": (people_repository, "attribute_exists(#pk)"),
    "FEW_ENOUGH": (people_repository, "attribute_exists(#waiting)"),
    "SAME_CHOICE": (people_repository, "attribute_exists(#version)"),
    "SAME_DIRECTORY": (search_repository, "attribute_exists(#rev)"),
    "FIRST_TIME": (webhooks, "attribute_exists(#pk)"),
    "FREE_PLACE": (webhooks, "attribute_exists(#pk)"),
    "SAME_DELIVERY": (webhooks, "attribute_exists(#version)"),
    "SAME_WAKE": (webhooks, "attribute_exists(#xsk)"),
    "NEVER_SEEN": (payments, "attribute_exists(#pk)"),
    "SAME_EVENT": (payments, "attribute_exists(#version)"),
    "SAME_ACCOUNT": (account_store, "attribute_exists(#version)"),
    "ONE_PART": (run_store, "attribute_exists(#pk)"),
    "FIRST_FOUND": (discrepancy_store, "attribute_exists(#pk)"),
    "SAME_DISCREPANCY": (discrepancy_store, "attribute_exists(#version)"),
}


@pytest.fixture
def house(raced: Stores, shop: str) -> House:
    return House(_own(raced), shop)


@pytest.fixture
def careless(request: pytest.FixtureRequest, raced: Stores, shop: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    """A house whose stores lack the named conditions."""

    def build(*without: str) -> House:
        if request.node.callspec.params["raced"] == "memory":
            return House(in_memory(Memory(*without)), shop)
        for name in without:
            if name == "VERSION_BEFORE":
                monkeypatch.setattr(orders, "_version_before", _any_version)
            elif name == "SESSION_AS_SEEN":
                monkeypatch.setattr(sessions, "_as_seen", _any_version)
            else:
                module, always = _ALWAYS[name]
                monkeypatch.setattr(module, name, f"({getattr(module, name)} OR {always})")
        return House(_own(raced), shop)

    return build


def _any_version(order: Any) -> Any:
    return orders.Expression("#version = :before OR attribute_exists(#version)", {"#version": "version"}, {":before": order.version - 1})


def _own(stores: Stores) -> Stores:
    """Parts of its own, so that a schedule that one test puts on a method is not the next one's."""
    parts = {field.name: copy.copy(getattr(stores, field.name)) for field in dataclasses.fields(stores) if field.name != "commit"}
    parts["stock"].levels, parts["stock"].locks = copy.copy(stores.stock.levels), copy.copy(stores.stock.locks)
    for part in ("vaults", "debts", "queues"):
        setattr(parts["fulfilment"], part, copy.copy(getattr(stores.fulfilment, part)))
    return Stores(**parts, commit=stores.commit)
