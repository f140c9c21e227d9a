"""Every contract is asked of the stores in memory, on everything that speaks DynamoDB."""

from tests.memory.backends import amazons, emulated, mocked, shop, simulated, stores

__all__ = ["amazons", "emulated", "mocked", "shop", "simulated", "stores"]
