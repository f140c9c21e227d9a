"""`world`: every function on an AWS in this process."""

from collections.abc import Iterator

import pytest

from tests.unit.functions import world as worlds


@pytest.fixture
def world() -> Iterator[worlds.World]:
    with worlds.furnished() as made:
        yield made
