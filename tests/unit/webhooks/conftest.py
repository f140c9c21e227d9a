"""`shop`: a shop with webhooks, its store in memory."""

import pytest

from tests.memory.engine import Memory
from tests.memory.mailroom import Shop
from tests.memory.webhooks import MemoryWebhooks


@pytest.fixture
def shop() -> Shop:
    return Shop(MemoryWebhooks(Memory()), "demo")
