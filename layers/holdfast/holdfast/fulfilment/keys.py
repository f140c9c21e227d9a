"""Keys of the fulfilment table."""

from holdfast.fulfilment.model import Debt
from holdfast.kernel.time import rfc3339


def vault_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}", "sk": "VAULT"}


def place_key(shop: str, sku: str, place: int) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}#{place // 1000}", "sk": f"KEY#{place:09d}"}


def fingerprint_key(shop: str, fingerprint: str) -> dict[str, str]:
    """One item per key text and shop: what makes a second import of the same key fail. The text itself is not in it."""
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
    """In order of payment; the order's id decides between two of the same millisecond."""
    return {"pk": debts_of(debt.shop, debt.sku), "sk": f"{rfc3339(debt.paid_at)}#{debt.order}"}
