"""Keys of the fulfilment table."""

from holdfast.fulfilment.model import Debt, Places
from holdfast.kernel.ids import mark_of


def vault_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}", "sk": "VAULT"}


def place_key(shop: str, sku: str, place: int) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}#{place // 1000}", "sk": f"KEY#{place:09d}"}


def returned_of(shop: str, sku: str) -> str:
    return f"{shop}#{sku}#RETURNED"


def returned_key(shop: str, sku: str, places: Places) -> dict[str, str]:
    """By the last place: the first one moves when some of them go out."""
    return {"pk": returned_of(shop, sku), "sk": f"PLACES#{places.last:09d}"}


def fingerprint_key(shop: str, fingerprint: str) -> dict[str, str]:
    """One item per key text and shop: what makes a second import of the same key fail. The text itself is not in it.

    It lies under the last characters of the key's id, so that the id leads to the key.
    """
    return {"pk": fingerprints_of(shop, mark_of(fingerprint)), "sk": fingerprint}


def fingerprints_of(shop: str, mark: str) -> str:
    return f"{shop}#KEYHASH#{mark}"


def old_fingerprint_key(shop: str, fingerprint: str) -> dict[str, str]:
    """Of keys from before their ids led to them."""
    return {"pk": f"{shop}#KEYHASH#{fingerprint}", "sk": "HASH"}


def fingerprint_secret_key(shop: str) -> dict[str, str]:
    return {"pk": f"{shop}#KEYHASH", "sk": "SECRET"}


def delivery_key(shop: str, order: str, wave: int, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{order}", "sk": f"DELIVERY#{wave:06d}#{sku}"}


def reveal_key(shop: str, order: str, at: str) -> dict[str, str]:
    return {"pk": f"{shop}#{order}", "sk": f"REVEAL#{at}"}


def debts_of(shop: str, sku: str) -> str:
    return f"{shop}#{sku}#DEBTS"


def debt_key(debt: Debt) -> dict[str, str]:
    return {"pk": debts_of(debt.shop, debt.sku), "sk": debt.position}


def queues_of(shop: str) -> str:
    return f"{shop}#QUEUES"


def queue_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": queues_of(shop), "sk": sku}


def batch_key(shop: str, sku: str, number: int) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}#BATCHES", "sk": f"BATCH#{number:09d}"}
