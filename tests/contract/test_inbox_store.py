"""The port of the inbox: each event once, changes over what was seen, and an index in which what has not ended lies apart."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.time import rfc3339
from holdfast.payments import browsing, keys
from holdfast.payments.browsing import Wanted
from holdfast.payments.model import OPEN, EventState, ProviderEvent
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

SOON = LATER + timedelta(days=1)


def event(shop: str, number: int, **changes: Any) -> ProviderEvent:
    told = {"id": f"evt_{number}", "received_at": NOW + timedelta(seconds=number), **changes}
    return samples.provider_event(shop, **told)


def names(stores: Stores, shop: str, *states: EventState) -> list[str]:
    wanted = Wanted(states=frozenset(states))
    return [found.id for found in browsing.look(shop, wanted, limit=100, after=None, inbox=stores.inbox, now=SOON).events]


@pytest.mark.parametrize("identity", ["evt 1/ü#:é", "x" * 500, "4d1c-77:successful", "sha256.0", "é" * 200])
def test_an_id_of_any_kind_is_found_by_its_name(stores: Stores, shop: str, identity: str) -> None:
    kept = event(shop, 1, id=identity)
    assert stores.inbox.add(kept) == kept
    assert stores.inbox.add(kept.model_copy(update={"raw": "another"})) == kept
    assert stores.inbox.get(shop, "sandbox", identity) == kept
    assert browsing.read(shop, keys.webhook_id("sandbox", identity), inbox=stores.inbox, now=SOON) == kept
    assert names(stores, shop) == [identity]


def test_an_event_comes_back_as_it_was(stores: Stores, shop: str) -> None:
    full = event(
        shop,
        1,
        live=True,
        payment="pi_1",
        raw="AAH/",
        encoded=True,
        request_id="r-1",
        state=EventState.DEAD,
        reason="unavailable",
        order="ord_1",
        attempts=12,
        worked_at=LATER,
        version=7,
    )
    stores.inbox.add(full)
    assert stores.inbox.get(shop, "sandbox", full.id) == full


def test_the_largest_body_fits(stores: Stores, shop: str) -> None:
    """256 KB of bytes that are no text, in base64: below the 400 KB of an item."""
    large = event(shop, 1, raw="A" * (4 * (256 * 1024 // 3 + 1)), encoded=True)
    stores.inbox.add(large)
    assert stores.inbox.get(shop, "sandbox", large.id) == large


def test_an_event_is_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = event(shop, 1)
    ours = first.model_copy(update={"state": EventState.FAILED, "version": 2})
    theirs = first.model_copy(update={"state": EventState.IGNORED, "version": 2})
    assert not stores.inbox.save(ours)
    stores.inbox.add(first)
    assert stores.inbox.save(ours)
    assert stores.inbox.save(ours)  # delivered twice
    assert not stores.inbox.save(theirs)
    assert stores.inbox.save(ours.model_copy(update={"state": EventState.APPLIED, "version": 3}))


def test_events_lie_on_the_shelf_of_their_state(stores: Stores, shop: str) -> None:
    for number, state in enumerate(EventState):
        stores.inbox.add(event(shop, number, state=state))
    stores.inbox.add(event(f"{shop}-x", 50))
    everything = [f"evt_{number}" for number in reversed(range(len(EventState)))]
    assert names(stores, shop) == everything
    for number, state in enumerate(EventState):
        assert names(stores, shop, state) == [f"evt_{number}"]
    assert names(stores, shop, *OPEN) == ["evt_5", "evt_4", "evt_1", "evt_0"]


def test_an_event_leaves_its_shelf_when_it_changes(stores: Stores, shop: str) -> None:
    kept = event(shop, 1)
    stores.inbox.add(kept)
    for version, state in enumerate([EventState.UNMATCHED, EventState.FAILED, EventState.DEAD, EventState.APPLIED], 2):
        kept = kept.model_copy(update={"state": state, "version": version})
        assert stores.inbox.save(kept)
        assert {found: names(stores, shop, found) for found in EventState if names(stores, shop, found)} == {state: [kept.id]}


def test_positions_are_newest_first_from_low_on_and_before_high(stores: Stores, shop: str) -> None:
    rows = [event(shop, number) for number in range(8)]
    for row in rows:
        stores.inbox.add(row)
    positions = [keys.position(row) for row in rows]

    def listed(low: str, high: str, limit: int) -> list[str]:
        return stores.inbox.listed(shop, keys.SHELVES, low, high, limit)

    assert listed("0", "9", 100) == positions[::-1]
    assert listed("0", "9", 3) == positions[:4:-1]
    assert listed("0", positions[5], 100) == positions[4::-1]
    assert listed(rfc3339(rows[2].received_at), rfc3339(rows[4].received_at), 100) == [positions[3], positions[2]]
    assert listed(positions[3], positions[3], 100) == listed(positions[5], positions[2], 100) == []
    assert stores.inbox.listed(f"{shop}-x", keys.SHELVES, "0", "9", 100) == []
    assert stores.inbox.read(shop, positions) == dict(zip(positions, rows, strict=True))
    assert stores.inbox.read(shop, []) == {}
    assert stores.inbox.read(shop, [positions[1], keys.position(event(shop, 77))]) == {positions[1]: rows[1]}
