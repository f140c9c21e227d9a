"""A shop that sells over the acquirer in memory, and the end of its day."""

from dataclasses import replace

from holdfast.catalogue.model import Kind, OnShortage
from tests.memory.acquirer import Acquirer, AcquirerHouse, AcquirerStage
from tests.memory.audit import audit, audit_end
from tests.memory.engine import Memory
from tests.memory.stores import in_memory

EACH = 1999


def shop() -> tuple[Memory, AcquirerHouse]:
    memory = Memory()
    house = AcquirerHouse(replace(in_memory(memory), provider=Acquirer(memory)))
    house.product("BOX", 9)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER, backorder_cap=9)
    return memory, house


def end(house: AcquirerHouse, memory: Memory) -> None:
    audit(memory)
    AcquirerStage(memory, house).settle_down()
    audit_end(memory)
