"""Keys of the tenants table."""

SHOPS = "SHOPS"


def shop_key(shop: str) -> dict[str, str]:
    return {"pk": shop, "sk": "SHOP"}


def shop_list_key(shop: str) -> dict[str, str]:
    """The list of all shops, for schedules: a few hundred bytes each under one key, read once per tick."""
    return {"pk": SHOPS, "sk": shop}


def api_key_key(shop: str, key_hash: str) -> dict[str, str]:
    return {"pk": shop, "sk": f"KEY#{key_hash}"}
