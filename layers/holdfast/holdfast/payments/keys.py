"""Keys of the payments table, and of the payment accounts in the tenants table."""


def event_key(shop: str, provider: str, event: str) -> dict[str, str]:
    return {"pk": f"{shop}#{provider}#{event}", "sk": "EVENT"}


def sandbox_key(payment: str) -> dict[str, str]:
    """The sandbox provider's own book. It stands for a company outside, so no shop stands in front."""
    return {"pk": f"SANDBOX#{payment}", "sk": "BOOK"}


def account_key(shop: str, provider: str) -> dict[str, str]:
    return {"pk": shop, "sk": f"PROVIDER#{provider}"}


def accounts_of(shop: str) -> dict[str, str]:
    """Values of a query for all of them."""
    return {":pk": shop, ":sk": "PROVIDER#"}
