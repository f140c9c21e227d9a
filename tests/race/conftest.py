"""Races run on the stores in memory and on the emulator; moto oversells under threads by itself."""

from tests.memory.backends import emulated, house, raced, shop

__all__ = ["emulated", "house", "raced", "shop"]
