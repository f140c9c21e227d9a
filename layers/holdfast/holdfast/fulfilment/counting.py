"""A SKU's keys as staff see them: where each stands, and never its text."""

from enum import StrEnum

from holdfast.fulfilment.model import LicenceKey, Vault
from holdfast.fulfilment.ports import Vaults
from holdfast.kernel.model import Model


class KeyState(StrEnum):
    """`free` to be handed out; `delivered` to an order, or set aside for one; `withdrawn` before anybody had it; `revoked` after."""

    FREE = "free"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


class ListedKey(Model):
    """`masked`: the last four characters of a text that has more than eight."""

    id: str
    place: int
    masked: str
    state: KeyState


def page(shop: str, sku: str, *, after: int, limit: int, vaults: Vaults) -> list[ListedKey]:
    """In the order of their places, behind the place `after`."""
    vault = vaults.vault(shop, sku)
    numbers = range(after + 1, min(after + limit, vault.imported) + 1)
    returned = vaults.returned(shop, sku, len(numbers), numbers.start) if vault.back and numbers else []
    listed = {number for places in returned for number in places.numbers if number in numbers}
    return [
        ListedKey(id=key.id, place=key.place, masked=key.masked, state=state(key, vault, returned=key.place in listed))
        for key in vaults.keys(shop, sku, numbers)
    ]


def state(key: LicenceKey, vault: Vault, *, returned: bool) -> KeyState:
    """`returned`: it is on the list of what came back."""
    if key.revoked_at:
        return KeyState.REVOKED
    if key.withdrawn_at:
        return KeyState.WITHDRAWN
    return KeyState.FREE if returned or key.place > vault.taken else KeyState.DELIVERED
