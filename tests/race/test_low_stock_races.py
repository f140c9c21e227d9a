"""Two workers look at a shelf that has just fallen to its threshold: staff is told once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from holdfast.notifications.model import Notice
from holdfast.notifications.watching import Standing, watch
from tests.memory.house import House
from tests.memory.samples import NOW
from tests.memory.threads import meet, together

Careless = Callable[..., House]
CROSSINGS = {"the first time": "NO_MARK", "a later time": "SAME_MARK"}


class Shelf:
    def __init__(self, available: int) -> None:
        self.available = available

    def standing(self, shop: str, sku: str, now: datetime) -> Standing:
        return Standing(title="The A", available=self.available, threshold=5)


def both_look(house: House, crossing: str) -> int:
    """By how many names and times it was told: so many mails."""
    marks, told = house.stores.marks, list[Notice]()
    if crossing == "a later time":
        for units in (5, 6):
            watch(house.shop, "A", shelf=Shelf(units), marks=marks, tell=lambda _: None, now=NOW)
    meet(marks, "mark", 2)  # both have seen that nobody was told
    workers = [NOW + timedelta(milliseconds=number) for number in (1, 2)]
    together(
        [lambda now=now: watch(house.shop, "A", shelf=Shelf(5), marks=marks, tell=told.append, now=now) for now in workers]  # type: ignore[misc]
    )
    return len({(notice.event, notice.at) for notice in told})


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_two_workers_tell_of_one_fall(house: House, crossing: str) -> None:
    assert both_look(house, crossing) == 1


@pytest.mark.parametrize(("crossing", "guard"), CROSSINGS.items())
def test_without_the_guard_they_tell_of_two(careless: Careless, crossing: str, guard: str) -> None:
    assert both_look(careless(guard), crossing) == 2
