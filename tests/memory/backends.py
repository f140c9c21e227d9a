"""Fixtures: the stores in memory, on the simulator, on moto (one thread only), on the emulator and, where there is a Java, on
DynamoDB Local; each test has a shop of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from moto import mock_aws

from infra.local.paths import LOCAL
from infra.simulator import template
from infra.simulator.dynamo import Client
from infra.simulator.history import Image
from tests.memory import dynamo_local
from tests.memory.dynamo_local_client import Modernised
from tests.memory.engine import Memory
from tests.memory.histories import WatchedMemory, demand_lawful, watched
from tests.memory.house import House
from tests.memory.stores import Stores, in_memory, on_dynamo

_RUN = uuid4().hex[:6]
_numbers = count()
ON = {"simulated": "simulated", "moto": "mocked", "local": "amazons", "emulator": "emulated"}
"""The fixture of each store that has a wire."""
EMULATOR = pytest.param("emulator", marks=pytest.mark.emulator)
WIRED = ["simulated", "moto", *(["local"] if dynamo_local.home() else []), EMULATOR]


@pytest.fixture(scope="session")
def emulated(emulator: str) -> Stores:
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"}, max_pool_connections=32)
    client = botocore.session.get_session().create_client("dynamodb", endpoint_url=emulator, config=config)
    return on_dynamo(client, template.create(client, uuid4().hex[:8]))


@pytest.fixture(scope="module")
def mocked() -> Iterator[Stores]:
    with mock_aws():
        client = botocore.session.get_session().create_client("dynamodb")
        yield on_dynamo(client, template.create(client, "moto"))


@pytest.fixture(scope="session")
def simulated() -> Stores:
    client = Client()
    return on_dynamo(client, template.create(client, "simulated"))  # type: ignore[arg-type]  it has what is called


@pytest.fixture(scope="session")
def amazons() -> Iterator[Stores]:
    """DynamoDB Local."""
    with dynamo_local.serving(LOCAL / "logs" / f"dynamodb-local-{_RUN}.log") as endpoint:
        client = botocore.session.get_session().create_client("dynamodb", endpoint_url=endpoint)
        yield on_dynamo(Modernised(client), template.create(client, "local"))  # type: ignore[arg-type]
        client.close()


@pytest.fixture
def shop() -> str:
    return f"shop-{_RUN}-{next(_numbers)}"


@pytest.fixture(params=["memory", *WIRED])
def stores(request: pytest.FixtureRequest) -> Stores:
    """All of them, for contracts: what one of them does, the others do."""
    return _stores(request)


@pytest.fixture(params=["memory", "simulated", EMULATOR])
def raced(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Those that may be used from many threads. What happened to stock is judged at the end, unless the test takes guards away."""
    images: list[Image] = []
    with ExitStack() as watching:
        if request.param == "memory":
            yield in_memory(WatchedMemory(images))
        else:
            found = _stores(request)
            if request.param == "simulated":
                watching.enter_context(watched(_client(found), images))
            yield found
    if "careless" not in request.fixturenames:
        demand_lawful(images)


@pytest.fixture
def house(raced: Stores, shop: str) -> House:
    return House(raced, shop)


def _client(stores: Stores) -> Any:
    return stores.stock.levels._table.client  # type: ignore[attr-defined]


def _stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return in_memory(Memory())
    found: Stores = request.getfixturevalue(ON[request.param])
    return found
