"""Fixtures: the stores in memory, on moto (one thread only) and on the emulator; each test has a shop of its own."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from moto import mock_aws

from tests.memory import tables
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import Stores, in_memory, on_dynamo

_RUN = uuid4().hex[:6]
_numbers = count()


@pytest.fixture(scope="session")
def emulated(emulator: str) -> Stores:
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"}, max_pool_connections=32)
    client = botocore.session.get_session().create_client("dynamodb", endpoint_url=emulator, config=config)
    return on_dynamo(client, tables.create(client, uuid4().hex[:8]))


@pytest.fixture(scope="module")
def mocked() -> Iterator[Stores]:
    with mock_aws():
        client = botocore.session.get_session().create_client("dynamodb")
        yield on_dynamo(client, tables.create(client, "moto"))


@pytest.fixture
def shop() -> str:
    return f"shop-{_RUN}-{next(_numbers)}"


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def stores(request: pytest.FixtureRequest) -> Stores:
    """All three, for contracts: what one of them does, the others do."""
    return _stores(request)


@pytest.fixture(params=["memory", pytest.param("emulator", marks=pytest.mark.emulator)])
def raced(request: pytest.FixtureRequest) -> Stores:
    """The two that may be used from many threads."""
    return _stores(request)


@pytest.fixture
def house(raced: Stores, shop: str) -> House:
    return House(raced, shop)


def _stores(request: pytest.FixtureRequest) -> Stores:
    made: dict[str, str] = {"moto": "mocked", "emulator": "emulated"}
    if request.param == "memory":
        return in_memory(Memory())
    found: Stores = request.getfixturevalue(made[request.param])
    return found
