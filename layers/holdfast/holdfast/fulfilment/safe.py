"""Where key texts are sealed and opened: each for its shop, its SKU and its place, so that none opens in another's."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

from holdfast.platform import envelope
from holdfast.platform.envelope import DataKey


class DataKeys(Protocol):
    """Data keys by context. UnavailableError when the key service does not answer."""

    def for_sealing(self, context: Mapping[str, str]) -> DataKey: ...
    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes: ...


class Safe:
    def __init__(self, data_keys: DataKeys) -> None:
        self._data_keys = data_keys
        self._secrets: dict[str, bytes] = {}

    def seal(self, shop: str, sku: str, place: int, text: str) -> str:
        return envelope.sealed(text, self._data_keys.for_sealing(_of_vault(shop, sku)), _place(shop, sku, place))

    def open(self, shop: str, sku: str, place: int, sealed: str) -> str:
        """ValueError when it was sealed for another place."""
        plain = self._data_keys.unwrap(envelope.wrapped_in(sealed), _of_vault(shop, sku))
        return envelope.opened(sealed, plain, _place(shop, sku, place))

    def shut(self, shop: str, sku: str, name: str, text: str) -> str:
        """Texts that wait to be imported, under a name that is no place."""
        return envelope.sealed(text, self._data_keys.for_sealing(_of_vault(shop, sku)), _waiting(shop, sku, name))

    def unshut(self, shop: str, sku: str, name: str, sealed: str) -> str:
        """ValueError when it was sealed under another name."""
        plain = self._data_keys.unwrap(envelope.wrapped_in(sealed), _of_vault(shop, sku))
        return envelope.opened(sealed, plain, _waiting(shop, sku, name))

    def new_secret(self, shop: str) -> bytes:
        """A shop's secret for fingerprints, wrapped: made once and kept."""
        return self._data_keys.for_sealing(_of_fingerprints(shop)).wrapped

    def secret(self, shop: str, stored: Callable[[str], bytes | None]) -> bytes | None:
        """The shop's secret for fingerprints, as `stored` has it: asked once, because it never changes."""
        if shop not in self._secrets:
            found = stored(shop)
            if found is None:
                return None
            self._secrets[shop] = found
        return self._secrets[shop]

    def fingerprint(self, shop: str, secret: bytes, text: str) -> str:
        """The same for the same text in the same shop. Who reads the table cannot try out texts: the secret is wrapped, too."""
        return hmac.digest(self._data_keys.unwrap(secret, _of_fingerprints(shop)), text.encode(), hashlib.sha256).hex()


def _of_vault(shop: str, sku: str) -> dict[str, str]:
    return {"purpose": "licence-keys", "shop": shop, "sku": sku}


def _of_fingerprints(shop: str) -> dict[str, str]:
    return {"purpose": "licence-key-fingerprints", "shop": shop}


def _place(shop: str, sku: str, place: int) -> str:
    return f"{shop}#{sku}#{place}"


def _waiting(shop: str, sku: str, name: str) -> str:
    return f"{shop}#{sku}#WAITING#{name}"
