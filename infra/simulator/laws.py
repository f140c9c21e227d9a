"""The laws of a level's history, H1 to H6. Each image carries its version, so the order is known and a look at each suffices.

H1  versions are whole: no gap, none twice, and every call that was answered "done" has left its image, once
H2  what ended before another thing began comes before it
H3  every change was allowed by its condition and is one that stock knows; every refusal had a moment at which it was right;
    every hold that was granted has its units
H4  on hand = available + locked, nothing below zero, no lock with more than was asked
H5  each lock ends in one way; before its expiry only by who may end it; sold once
H6  what was there, came in and was sold is what is there
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from infra.simulator.history import Call, History, Image, LevelKey, Result, Touch, Verdict
from infra.simulator.lives import judge_lives
from infra.simulator.steps import Unlawful, between


def verdicts(history: History) -> list[Verdict]:
    """Nothing, if everything was lawful."""
    levels: dict[LevelKey, list[Image]] = defaultdict(list)
    for image in history.images:
        levels[image.key].append(image)
    calls = {call.id: call for call in history.calls}
    found = [verdict for images in levels.values() for verdict in _judge_level(images, calls, history)]
    found += _judge_calls(history, levels)
    return [*found, *judge_lives(history)]


def _judge_level(images: list[Image], calls: dict[int, Call], history: History) -> Iterator[Verdict]:
    latest = float("-inf")
    before: Image | None = None
    for image in images:
        yield from _counted(before, image, pool=history.pools(image.key[2]))
        if before is not None:
            yield from _follows(before, image, history)
        cause = calls.get(image.cause) if image.cause is not None else None
        if cause is not None:
            yield from _caused(cause, before, image)
            if cause.ended < latest:
                yield Verdict("H2", f"{_named(image)} is of call {cause.id}, which ended before another began that came earlier")
            latest = max(latest, cause.begun)
        before = image


def _counted(before: Image | None, image: Image, *, pool: bool) -> Iterator[Verdict]:
    """A pool whose cap was lowered may have given more permissions than it has now; nobody gets another one from it."""
    if image.on_hand != image.available + image.locked:
        yield Verdict("H4", f"{_named(image)}: on hand {image.on_hand} is not available {image.available} + locked {image.locked}")
    lowered = pool and before is not None and (image.on_hand < before.on_hand or image.available >= before.available)
    if (image.available < 0 and not lowered) or any(units < 1 for units, _ in image.entries.values()):
        yield Verdict("H4", f"{_named(image)}: available {image.available}, entries {dict(image.entries)}")


def _follows(before: Image, image: Image, history: History) -> Iterator[Verdict]:
    if image.version != before.version + 1:
        yield Verdict("H1", f"{_named(image)} follows version {before.version}")
    if image.at < before.at:
        yield Verdict("H2", f"{_named(image)} is of {image.at:.6f} s, version {before.version} of {before.at:.6f} s")
    if history.pools(image.key[2]):
        return
    try:
        between(before, image, history.own_entry)
    except Unlawful as error:
        yield Verdict("H3", f"{_named(image)} is no change that stock knows: {error}")


def _caused(cause: Call, before: Image | None, image: Image) -> Iterator[Verdict]:
    if cause.result is Result.REFUSED:
        yield Verdict("H3", f"{_named(image)} is of call {cause.id}, which was refused")
    if image.at < cause.begun:
        yield Verdict("H2", f"{_named(image)} is of call {cause.id}, which began only at {cause.begun:.6f} s")
    for touch in cause.touches:
        if touch.key == image.key and not touch.holds(before):
            yield Verdict("H3", f"{_named(image)}: the condition of call {cause.id} did not hold of what stood there")


def _judge_calls(history: History, levels: dict[LevelKey, list[Image]]) -> Iterator[Verdict]:
    done: dict[tuple[int, LevelKey], int] = defaultdict(int)
    for image in history.images:
        if image.cause is not None:
            done[image.cause, image.key] += 1
    times = {key: [image.at for image in images] for key, images in levels.items()}
    for call in history.calls:
        for touch in call.touches:
            count = done[call.id, touch.key]
            if count > 1:
                yield Verdict("H1", f"call {call.id} changed {_level(touch.key)} {count} times")
            if call.result is Result.OK and not count:
                yield Verdict("H1", f"call {call.id} was answered as done, and no version of {_level(touch.key)} is its own")
            if touch.refused and not _ever_false(call, touch, levels.get(touch.key, []), times.get(touch.key, [])):
                yield Verdict("H3", f"call {call.id} was refused at {_level(touch.key)}, where its condition held all the time")


def _ever_false(call: Call, touch: Touch, images: list[Image], times: list[float]) -> bool:
    """Whether there was a moment, while it was under way, at which its condition did not hold."""
    first = bisect_right(times, call.begun) - 1
    if first < 0 and not touch.holds(None):
        return True
    last = bisect_right(times, call.ended)
    return any(not touch.holds(image) for image in images[max(0, first) : last])


def _named(image: Image) -> str:
    return f"version {image.version} of {_level(image.key)}"


def _level(key: LevelKey) -> str:
    return "#".join(key)
