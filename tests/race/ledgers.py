"""The ledger of a SKU, walked as an auditor would: back from each part, document by document."""

from holdfast.stock.model import LevelKey
from tests.memory.house import House

MANY = 10_000


class Gap(Exception):
    """The chain of a part does not add up, or does not come to its beginning."""


def chain(house: House, sku: str, part: str = "0") -> list[str]:
    """The documents of a part, newest first. Gap."""
    level = house.level(sku, part)
    found: list[str] = []
    balance, last = level.on_hand, level.last
    while last is not None:
        document = house.stores.stock.ledger.movement(house.shop, last)
        line = document.booking(sku, part) if document else None
        if line is None or line.balance != balance or last in found or len(found) > MANY:
            raise Gap(part, last, balance, line)
        found.append(last)
        balance, last = line.balance - line.quantity, line.before
    if balance:
        raise Gap(part, balance)
    return found


def documents(house: House, sku: str) -> set[str]:
    """All documents of the SKU that its chains lead to; every part is checked."""
    head = house.stores.stock.levels.head(house.shop, sku)
    assert head is not None
    names = [*(str(number) for number in range(head.ever)), *(place.name for place in head.locations[1:])]
    keys = [LevelKey(shop=house.shop, sku=sku, part=name) for name in names]
    return {document for key in house.stores.stock.levels.levels(keys) for document in chain(house, sku, key.part)}
