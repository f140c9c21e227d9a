"""The laws of a history: a lawful one has no verdicts, and each law's breach is seen and named."""

from dataclasses import replace
from typing import Any

import pytest

from infra.simulator.history import Call, History, Image, Intent, Result, Touch, Verdict, Wanted
from infra.simulator.laws import verdicts

ZERO, ONE = ("shop", "A", "0"), ("shop", "A", "1")
EXPIRY = 900_000
"""Milliseconds after the beginning, which is 0."""
ENDLESS = float("inf")


def image(at: float, version: int, on_hand: int, available: int, *, key: Any = ZERO, cause: int | None = None, **entries: int) -> Image:
    held = {name: (units, EXPIRY) for name, units in entries.items()}
    return Image(at, key, version, on_hand, available, held, commit=round(at * 1000), cause=cause)


def enough(units: int) -> Any:
    return lambda seen: seen is not None and seen.available >= units


def call(number: int, begun: float, ended: float, *touches: Touch, result: Result = Result.OK) -> Call:
    return Call(number, begun, ended, result, touches)


def intent(what: Wanted, name: str, begun: float, ended: float, units: int = 0, result: Result = Result.OK) -> Intent:
    return Intent(what, "shop", name, begun, ended, result, {"A": units} if units else {})


def lawful() -> History:
    """Three units in two parts. `a` holds one and buys it; `b` holds one and gives it back; `c` holds one, which dies and `d` has it."""
    later = {"d": (1, 2 * EXPIRY)}
    images = [
        image(0, 1, 2, 2),
        image(0, 1, 1, 1, key=ONE),
        image(1, 2, 2, 1, cause=0, a=1),
        image(2, 3, 2, 0, cause=1, a=1, b=1),
        image(3, 2, 1, 0, key=ONE, cause=2, c=1),
        image(4, 4, 1, 0, cause=3, b=1),
        image(5, 5, 1, 1, cause=4),
        replace(image(901, 3, 1, 0, key=ONE, cause=6), entries=later),
    ]
    free = Touch(ZERO, enough(1))
    calls = [
        call(0, 0.9, 1.1, free),
        call(1, 1.9, 2.1, free),
        call(2, 2.9, 3.1, Touch(ONE, enough(1))),
        call(3, 3.9, 4.1, Touch(ZERO, lambda seen: seen is not None and "a" in seen.entries)),
        call(4, 4.9, 5.1, Touch(ZERO, lambda seen: seen is not None and "b" in seen.entries)),
        call(5, 3.2, 3.4, Touch(ONE, enough(1), refused=True), result=Result.REFUSED),
        call(6, 900.9, 901.1, Touch(ONE, lambda seen: seen is not None and "c" in seen.entries)),
    ]
    intents = [
        *(intent(Wanted.HOLD, name, at, at + 0.3, 1) for name, at in (("a", 0.8), ("b", 1.8), ("c", 2.8), ("d", 900.8))),
        intent(Wanted.HOLD, "e", 3.1, 3.5, 1, Result.REFUSED),
        intent(Wanted.CONFIRM, "a", 3.8, 4.2, 1),
        intent(Wanted.RELEASE, "b", 4.8, 5.2),
    ]
    return History(images, calls, intents, booked={})


def change(history: History, place: int, **changes: Any) -> History:
    """With another image in that place."""
    images = list(history.images)
    images[place] = replace(images[place], **changes)
    return replace(history, images=images)


def without(history: History, *, image: int | None = None, intents: Any = None) -> History:
    images = [one for place, one in enumerate(history.images) if place != image]
    kept = [one for one in history.intents or () if intents is None or not intents(one)]
    return replace(history, images=images, intents=kept)


def with_calls(history: History, *calls: Call) -> History:
    known = {one.id: one for one in (*history.calls, *calls)}
    return replace(history, calls=list(known.values()))


def said(history: History) -> list[str]:
    return [f"{verdict.law} {verdict.text}" for verdict in verdicts(history)]


def test_a_lawful_history_has_no_verdicts() -> None:
    assert verdicts(lawful()) == []


def test_images_alone_can_be_judged() -> None:
    history = replace(lawful(), calls=(), intents=None, booked=None)
    assert verdicts(history) == []
    assert {verdict.law for verdict in verdicts(change(history, 2, available=2))} == {"H4"}


DOCTORED: dict[str, tuple[History, str, str]] = {
    "a version is missing": (without(lawful(), image=3), "H1", "version 4 of shop#A#0 follows version 2"),
    "a version is there twice": (change(lawful(), 3, version=2), "H1", "version 2 of shop#A#0 follows version 2"),
    "a call is done and left nothing": (change(lawful(), 2, cause=None), "H1", "call 0 was answered as done, and no version of shop#A#0"),
    "a call was carried out twice": (change(lawful(), 3, cause=0), "H1", "call 0 changed shop#A#0 2 times"),
    "a change comes before the call that made it": (
        with_calls(lawful(), replace(lawful().calls[0], begun=1.05)),
        "H2",
        "version 2 of shop#A#0 is of call 0, which began only at 1.05",
    ),
    "what ended first comes last": (
        with_calls(lawful(), replace(lawful().calls[1], begun=0.2, ended=0.4)),
        "H2",
        "version 3 of shop#A#0 is of call 1, which ended before another began that came earlier",
    ),
    "time runs backwards": (change(lawful(), 3, at=0.5), "H2", "version 3 of shop#A#0 is of 0.5"),
    "a change was not allowed": (
        with_calls(lawful(), replace(lawful().calls[1], touches=(Touch(ZERO, enough(5)),))),
        "H3",
        "version 3 of shop#A#0: the condition of call 1 did not hold",
    ),
    "a refused call changed something": (change(lawful(), 4, cause=5), "H3", "version 2 of shop#A#1 is of call 5, which was refused"),
    "a refusal was never right": (
        with_calls(lawful(), replace(lawful().calls[5], begun=1.0, ended=1.2)),
        "H3",
        "call 5 was refused at shop#A#1, where its condition held all the time",
    ),
    "units vanish with a sale": (change(lawful(), 5, on_hand=0, entries={}), "H3", "version 4 of shop#A#0 is no change that stock knows"),
    "a grant without units": (
        replace(lawful(), intents=[*(lawful().intents or ()), intent(Wanted.HOLD, "f", 6, 7, 1)]),
        "H3",
        "lock f at shop#A was granted 1 units, and never had them",
    ),
    "units from nowhere": (change(lawful(), 2, available=2), "H4", "version 2 of shop#A#0: on hand 2 is not available 2 + locked 1"),
    "below zero": (
        change(lawful(), 3, available=-1, entries={"a": (1, EXPIRY), "b": (2, EXPIRY)}),
        "H4",
        "version 3 of shop#A#0: available -1",
    ),
    "a lock in two parts": (change(lawful(), 4, entries={"a": (1, EXPIRY)}), "H4", "lock a at shop#A had 2 units and had asked for 1"),
    "more than was asked": (
        change(lawful(), 2, available=0, entries={"a": (2, EXPIRY)}),
        "H4",
        "lock a at shop#A had 2 units and had asked for 1",
    ),
    "sold, and nobody confirmed": (
        without(lawful(), intents=lambda one: one.what is Wanted.CONFIRM),
        "H5",
        "lock a at shop#A was sold, and nobody had confirmed it",
    ),
    "given back, and nobody asked": (
        without(lawful(), intents=lambda one: one.what is Wanted.RELEASE),
        "H5",
        "lock b at shop#A lost 1 units 895000 ms before its expiry, and nobody had asked for it",
    ),
    "expired before its time": (
        change(lawful(), 7, at=899.5),
        "H5",
        "lock c at shop#A lost 1 units 500 ms before its expiry, and nobody had asked for it",
    ),
    "confirmed, and not sold": (
        change(lawful(), 5, on_hand=2, available=1),
        "H5",
        "lock a at shop#A was confirmed, and 0 of 1 units were sold",
    ),
    "refused, and still has units": (
        replace(
            lawful(),
            intents=[*(lawful().intents or ())[:3], *(lawful().intents or ())[4:], intent(Wanted.HOLD, "d", 900, 902, 1, Result.REFUSED)],
        ),
        "H5",
        "lock d at shop#A was refused, and still has units",
    ),
    "units lost between the parts": (
        replace(lawful(), booked={("shop", "A"): 1}),
        "H6",
        "shop#A: 3 at first, 1 booked, 1 sold, and 2 at last",
    ),
}


@pytest.mark.parametrize(("history", "law", "text"), DOCTORED.values(), ids=DOCTORED)
def test_each_breach_is_seen_and_named(history: History, law: str, text: str) -> None:
    found = [one for one in said(history) if one.startswith(f"{law} {text}")]
    assert found, said(history)


def test_each_law_has_its_negative_control() -> None:
    assert {law for _, law, _ in DOCTORED.values()} == {"H1", "H2", "H3", "H4", "H5", "H6"}


def test_a_lock_that_is_sold_in_two_lives() -> None:
    images = [
        image(0, 1, 2, 2),
        image(1, 2, 2, 1, a=1),
        image(2, 3, 1, 1),
        image(3, 4, 1, 0, a=1),
        image(4, 5, 0, 0),
    ]
    assert said(History(images)) == ["H5 lock a at shop#A was sold in 2 lives"]


def test_a_lock_that_is_sold_in_part_and_given_back_in_part() -> None:
    images = [
        image(0, 1, 1, 1),
        image(0, 1, 1, 1, key=ONE),
        image(1, 2, 1, 0, a=1),
        image(1, 2, 1, 0, key=ONE, a=1),
        image(2, 3, 0, 0),
        image(2.5, 3, 1, 1, key=ONE),
    ]
    intents = [intent(Wanted.HOLD, "a", 0.5, 1.5, 2), intent(Wanted.CONFIRM, "a", 1.8, ENDLESS, 2, Result.UNKNOWN)]
    history = History(images, intents=[*intents, intent(Wanted.RELEASE, "a", 2.2, 2.6)])
    assert said(history) == ["H5 lock a at shop#A was sold in part and given back in part"]


def test_a_transfer_is_no_delivery() -> None:
    """Its two sides come to nothing; one side alone is a leak."""
    images = [image(0, 1, 2, 2), image(0, 1, 0, 0, key=ONE), image(1, 2, 1, 1), image(1, 2, 1, 1, key=ONE)]
    assert verdicts(History(images, booked={})) == []
    assert said(History(images[:3], booked={})) == ["H6 shop#A: 2 at first, 0 booked, 0 sold, and 1 at last"]


def test_an_extension_is_no_end() -> None:
    longer = replace(image(2, 3, 1, 0), entries={"a": (1, 2 * EXPIRY)})
    images = [image(0, 1, 1, 1), image(1, 2, 1, 0, a=1), longer, image(3, 4, 0, 0)]
    intents = [intent(Wanted.HOLD, "a", 0.9, 1.1, 1), intent(Wanted.EXTEND, "a", 1.9, 2.1), intent(Wanted.CONFIRM, "a", 2.9, 3.1, 1)]
    assert verdicts(History(images, intents=intents, booked={})) == []


def test_the_shops_own_reserve_is_no_lock() -> None:
    images = [image(0, 1, 5, 5), image(1, 2, 5, 3, safety=2), image(2, 3, 6, 3, safety=3), image(3, 4, 6, 6)]
    assert verdicts(History(images, intents=[], booked={("shop", "A"): 1})) == []


def test_a_pool_counts_no_goods() -> None:
    pool = ("shop", "A", "promise")
    images = [image(0, 1, 5, 5, key=pool), image(1, 2, 4, 4, key=pool), image(2, 3, 3, 4, key=pool)]
    assert said(History(images, intents=[], booked={})) == ["H4 version 3 of shop#A#promise: on hand 3 is not available 4 + locked 0"]


def test_a_pool_whose_cap_is_lowered_gives_no_more() -> None:
    pool = ("shop", "A", "promise")
    images = [
        image(0, 1, 3, 3, key=pool),
        image(1, 2, 3, 1, key=pool, a=2),
        image(2, 3, 1, -1, key=pool, a=2),
        image(3, 4, 1, 0, key=pool, b=1),
    ]
    assert verdicts(History(images)) == []
    greedy = [*images[:3], image(3, 4, 1, -2, key=pool, a=2, b=1)]
    assert said(History(greedy)) == [f"H4 version 4 of shop#A#promise: available -2, entries {dict(greedy[3].entries)}"]


def test_a_late_take_whose_sender_gave_it_up_is_not_held_against_him() -> None:
    """He took other units meanwhile, and the late ones die by the clock. Nobody may have more than that."""
    images = [
        image(0, 1, 1, 1),
        image(0, 1, 1, 1, key=ONE),
        image(1, 2, 1, 0, key=ONE, cause=1, a=1),
        image(2, 2, 1, 0, cause=0, a=1),
    ]
    calls = [call(0, 0.5, ENDLESS, Touch(ZERO, enough(1)), result=Result.UNKNOWN), call(1, 0.9, 1.1, Touch(ONE, enough(1)))]
    history = History(images, calls, [intent(Wanted.HOLD, "a", 0.4, 1.2, 1)], booked={})
    assert verdicts(history) == []
    known = replace(history, calls=[replace(calls[0], ended=2.1, result=Result.OK), calls[1]])
    assert said(known) == ["H4 lock a at shop#A had 2 units and had asked for 1"]


def test_a_verdict_reads_as_law_and_text() -> None:
    assert str(Verdict("H1", "so")) == "H1: so"
