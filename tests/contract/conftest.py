"""Every contract is asked of the stores in memory, on moto and on the emulator."""

from tests.memory.backends import emulated, mocked, shop, stores

__all__ = ["emulated", "mocked", "shop", "stores"]
