"""The picture of an order's states says what the table says: all of it, and nothing else."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from holdfast.orders import machine, rules
from holdfast.orders.model import Status
from infra import catalogue, order_ways, states_picture
from infra.order_ways import Way, ways
from infra.states_picture import FRAMES, IN_WORDS, LINES, NODE, PLACES, Line, members, width
from tests.memory import chronicle

ORDERS_PAGE = catalogue.ROOT / "docs" / "orders.md"


def drawn(line: Line, way: Way) -> bool:
    return way.step in line.steps and way.source in members(line.source) and way.target in members(line.target)


def undrawn(lines: tuple[Line, ...]) -> set[Way]:
    return {
        way for way in ways() if way.step not in IN_WORDS and way.source is not way.target and not any(drawn(line, way) for line in lines)
    }


def invented(lines: tuple[Line, ...]) -> set[tuple[str, object]]:
    """Lines of a step that leads from none of their states to another of them."""
    return {(step, line.source) for line in lines for step in line.steps if not any(drawn(line, way) for way in ways() if way.step == step)}


def test_each_state_has_a_place_and_each_step_a_line_or_a_word() -> None:
    assert set(PLACES) == set(Status)
    assert {step for line in LINES for step in line.steps} | set(IN_WORDS) == set(machine.TABLE)


def test_every_way_is_drawn_and_no_other() -> None:
    assert (undrawn(LINES), invented(LINES)) == (set(), set())


def test_a_line_that_is_missing_or_one_too_many_is_noticed() -> None:
    without = tuple(line for line in LINES if line.steps != ("deliver",))
    assert undrawn(without) == {Way("deliver", Status.SHIPPED, Status.DELIVERED)}
    backwards = LINES[0]._replace(steps=("pack",), source=Status.PACKED, target=Status.PICKING)
    assert invented((*LINES, backwards)) == {("pack", Status.PACKED)}


def test_each_drawn_step_has_its_name_at_one_of_its_lines() -> None:
    labelled = {(step, line.source) for line in LINES if line.label for step in line.steps}
    assert {(step, line.source) for line in LINES for step in line.steps} == labelled


def test_the_ways_are_those_of_the_table() -> None:
    for step in machine.STEPS:
        led = [way for way in ways() if way.step == step.name]
        assert {way.source for way in led} == step.sources, step.name
        assert step.target is None or {way.target for way in led} == {step.target}


def test_a_state_that_follows_is_found_by_walking() -> None:
    targets = {step: {way.target for way in ways() if way.step == step} for step in machine.TABLE}
    assert targets["complete"] == rules.CLOSED
    assert targets["put_back"] == {Status.PROCESSING, Status.PARTIALLY_FULFILLED}
    assert targets["serve"] >= {Status.AWAITING_STOCK, Status.COMPLETED}
    assert order_ways.events_of("feed") == ("order.keys_added.v1", "order.stock_allocated.v1")


def test_what_happens_to_whole_orders_is_among_the_ways() -> None:
    """Lives that go through all stores: each change of state is one that the page tells of."""
    known = {(way.source, way.target) for way in ways()}
    for order in chronicle.every_event():
        states = [event.after["status"] for event in order.events if "status" in event.after]
        told = [Status.PENDING_PAYMENT, *map(Status, states)]
        assert [pair for pair in pairwise(told) if pair not in known] == [], order.number


def box(status: Status) -> tuple[float, float, float, float]:
    x, y = PLACES[status]
    return x - width(status) / 2, y - NODE / 2, x + width(status) / 2, y + NODE / 2


@pytest.mark.parametrize("status", Status)
def test_a_state_stands_within_its_frames_and_in_no_other(status: Status) -> None:
    left, top, right, bottom = box(status)
    for title, frame in FRAMES.items():
        inside = frame.left < left and right < frame.right and frame.top < top and bottom < frame.bottom
        outside = right < frame.left or frame.right < left or bottom < frame.top or frame.bottom < top
        assert inside if status in frame.states else outside, title


def test_no_state_stands_on_another() -> None:
    for one, other in combinations(map(box, Status), 2):
        assert one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]


def test_lines_begin_and_end_at_what_they_join() -> None:
    def reaches(point: tuple[int, int], place: Status | str) -> bool:
        frame = FRAMES[place] if not isinstance(place, Status) else None
        left, top, right, bottom = (frame.left, frame.top, frame.right, frame.bottom) if frame else box(Status(place))
        near = 6
        across, down = left - near <= point[0] <= right + near, top - near <= point[1] <= bottom + near
        within = left + near < point[0] < right - near and top + near < point[1] < bottom - near
        return across and down and not within

    assert [line for line in LINES if not reaches(line.points[0], line.source)] == []
    assert [line for line in LINES if not reaches(line.points[-1], line.target)] == []


def test_the_picture_is_well_formed_and_always_the_same() -> None:
    text = states_picture.draw()
    assert text == states_picture.draw()
    root = ElementTree.fromstring(text)
    names = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text") if node.get("class") == "name"}
    assert names == {status.replace("_", " ") for status in Status}
    assert "prefers-color-scheme: dark" in text


# The page in words.


@pytest.mark.parametrize("word", [*Status, *machine.TABLE])
def test_the_page_about_orders_names_every_state_and_step(word: str) -> None:
    assert f"`{word}`" in ORDERS_PAGE.read_text("utf-8")


def test_the_page_about_orders_names_every_policy_and_kind() -> None:
    from holdfast.orders.neighbours import LatePolicy
    from holdfast.orders.refunding import Kind
    from holdfast.orders.schemas import LateOutcome

    page = ORDERS_PAGE.read_text("utf-8")
    assert [word for word in [*LatePolicy, *LateOutcome, *Kind] if f"`{word}`" not in page] == []


def test_the_page_about_orders_names_nothing_that_is_not_there() -> None:
    """In its table of states: each is one, and each step beside it leads there."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", ORDERS_PAGE.read_text("utf-8"), re.MULTILINE)
    leads = {state: {way.step for way in ways() if way.target is state} for state in Status}
    told = {Status(state): set(re.findall(r"`(\w+)`", steps)) for state, _, steps in rows if state in list(Status)}
    assert set(told) == set(Status)
    born = {Status.PENDING_PAYMENT: {"place-order"}}
    for state, steps in told.items():
        assert steps - leads[state] - born.get(state, set()) == set(), state
