"""Keys of the payments table."""


def event_key(shop: str, provider: str, event: str) -> dict[str, str]:
    return {"pk": f"{shop}#{provider}#{event}", "sk": "EVENT"}


def sandbox_key(payment: str) -> dict[str, str]:
    """The sandbox provider's own book. It stands for a company outside, so no shop stands in front."""
    return {"pk": f"SANDBOX#{payment}", "sk": "BOOK"}
