"""Keys of the catalogue table: a shop's products lie under one key, in order of SKU."""


def product_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": shop, "sk": f"PRODUCT#{sku}"}
