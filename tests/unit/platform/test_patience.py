"""A budget of time and of tries: kept whatever is drawn and however long a call takes. In virtual time."""

import random
from dataclasses import replace
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError, VersionConflict
from holdfast.platform.patience import IN_A_QUEUE, IN_A_REQUEST, Patience, TryAgain
from tests.unit.platform.virtual import VirtualTime

PROFILES = {"request": IN_A_REQUEST, "queue": IN_A_QUEUE}


class Endless:
    """A store that never takes it; each try takes as long as `lasts` says."""

    def __init__(self, time: VirtualTime, lasts: Any = lambda: 0.0) -> None:
        self.time, self.lasts = time, lasts
        self.begun: list[float] = []

    def __call__(self) -> None:
        self.begun.append(self.time.now)
        self.time.now += self.lasts()
        raise TryAgain("busy")


def give_up(patience: Patience, attempt: Any) -> UnavailableError:
    with pytest.raises(UnavailableError) as told:
        patience.persist(attempt)
    return told.value


def in_virtual_time(profile: Patience, time: VirtualTime) -> Patience:
    return replace(profile, sleep=time.sleep, clock=lambda: time.now, random=time.chance)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_no_try_begins_after_the_budget_whatever_is_drawn(profile: Patience) -> None:
    most = 0
    for seed in range(500):
        dice = random.Random(seed)
        time = VirtualTime(dice.random)
        store = Endless(time, lambda dice=dice: dice.uniform(0, 0.03))
        give_up(in_virtual_time(profile, time), store)
        assert store.begun[-1] - store.begun[0] <= profile.budget
        assert time.now - store.begun[0] <= profile.budget + 0.03  # the last try is not cut short
        most = max(most, len(store.begun))
    assert 2 < most <= profile.tries


@pytest.mark.parametrize("chance", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_an_endless_throttle_costs_a_known_number_of_calls(profile: Patience, chance: float) -> None:
    """Also when every pause is drawn as nothing, so that no time passes at all."""
    time = VirtualTime(lambda: chance)
    store = Endless(time)
    give_up(in_virtual_time(profile, time), store)
    assert len(store.begun) <= profile.tries
    assert len(time.pauses) == len(store.begun) - 1  # nobody waits for nothing after the last


def test_without_a_bound_of_tries_luck_becomes_a_storm() -> None:
    time = VirtualTime(lambda: 0.0)
    store = Endless(time)
    give_up(time.patience(tries=5000), store)
    assert len(store.begun) == 5000


def test_without_a_budget_a_shopper_waits_too_long() -> None:
    time = VirtualTime(lambda: 0.999)
    store = Endless(time)
    give_up(time.patience(budget=1e9), store)
    assert time.now - store.begun[0] > 2 * IN_A_REQUEST.budget


def test_a_pause_is_drawn_between_nothing_and_a_bound_that_doubles() -> None:
    drawn: list[list[float]] = [[] for _ in range(7)]
    for seed in range(400):
        time = VirtualTime(random.Random(seed).random)
        give_up(time.patience(budget=60), Endless(time))
        for place, pause in zip(drawn, time.pauses, strict=True):
            place.append(pause)
    for pauses, bound in zip(drawn, [0.025, 0.05, 0.1, 0.2, 0.2, 0.2, 0.2], strict=True):
        assert 0 <= min(pauses) < 0.05 * bound
        assert 0.95 * bound < max(pauses) <= bound
        assert 0.45 * bound < sum(pauses) / len(pauses) < 0.55 * bound


def meetings(chance: Any) -> int:
    """Fifty losers of one moment: how many meet another of them, to the millisecond, at their second try."""
    second: list[int] = []
    for seed in range(50):
        time = VirtualTime(chance(seed))
        store = Endless(time)
        give_up(time.patience(budget=60), store)
        second.append(round(store.begun[3] * 1000))
    return len(second) - len(set(second))


def test_losers_of_one_moment_do_not_meet_again() -> None:
    assert meetings(lambda seed: random.Random(seed).random) < 25


def test_without_jitter_all_of_them_meet_again() -> None:
    assert meetings(lambda seed: lambda: 1.0) == 49


def test_a_call_that_took_the_whole_budget_is_not_repeated() -> None:
    time = VirtualTime()
    store = Endless(time, lambda: 0.5)
    give_up(time.patience(), store)
    assert len(store.begun) == 1


def test_the_answer_of_a_later_try_is_the_answer() -> None:
    time = VirtualTime()
    failures = [TryAgain("busy"), TryAgain("busy")]

    def attempt() -> int:
        if failures:
            raise failures.pop()
        return 7

    assert time.patience().persist(attempt) == 7
    assert time.pauses == [0.0125, 0.025]


@pytest.mark.parametrize("fault", [VersionConflict("moved"), ValueError("a bug"), KeyError("a bug")], ids=repr)
def test_a_refusal_and_a_bug_are_not_repeated(fault: Exception) -> None:
    time, calls = VirtualTime(), iter(range(9))

    def attempt() -> None:
        next(calls)
        raise fault

    with pytest.raises(type(fault)):
        time.patience().persist(attempt)
    assert (next(calls), time.pauses) == (1, [])


def test_giving_up_says_what_was_wrong_last_and_when_to_come_again() -> None:
    time, cause = VirtualTime(), OSError("reset")

    def attempt() -> None:
        raise TryAgain("The data store does not answer.") from cause

    told = give_up(time.patience(), attempt)
    assert (told.status, told.detail, told.retry_after) == (503, "The data store does not answer.", 1)
    assert told.__cause__ is cause


def test_a_queue_outlasts_what_a_request_does_not() -> None:
    """Ten conflicts in a row, each of a call of 25 ms: a worker gets through, for a shopper it is too long."""

    def ten_conflicts(profile: Patience) -> int:
        time, left = VirtualTime(), [None] * 10

        def attempt() -> int:
            time.now += 0.025
            if left:
                left.pop()
                raise TryAgain("busy")
            return len(time.pauses)

        return in_virtual_time(profile, time).persist(attempt)

    assert ten_conflicts(IN_A_QUEUE) == 10
    with pytest.raises(UnavailableError):
        ten_conflicts(IN_A_REQUEST)
    assert 10 * IN_A_QUEUE.budget < 60  # a batch of ten messages, each in vain, within the function's time
