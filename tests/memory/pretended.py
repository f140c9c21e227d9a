"""Till, a payment provider that there is not, where connectors are looked for: `Till` only says what it was made of."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock

from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import CredentialsRefused, SignatureInvalid
from holdfast.payments.model import Told
from holdfast.platform.calling import Partner
from holdfast.wiring import accounts, providers
from tests.memory.accounts import TillCredentials

EVENTS = ("till.paid", "till.lost")


class Till:
    name = "till"
    hearsay = False

    def __init__(self, keys: Keyring[TillCredentials], partner: Partner) -> None:
        self.keys, self.partner, self.live = keys, partner, keys.current.live

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        """The signature is the secret itself."""
        if headers.get("x-till") not in {keys.signing_secret for keys in self.keys.all}:
            raise SignatureInvalid("The signature is not of this body.")
        return Told(id="evt_1", type="till.paid", live=self.live)

    def check(self) -> None:
        if "refuse" in self.keys.current.api_key:
            raise CredentialsRefused("Till does not know these credentials.", provider="till")


@contextmanager
def pretended() -> Iterator[list[str]]:
    """Names of the modules that were loaded for connectors meanwhile."""
    loaded: list[str] = []

    def load(name: str) -> Any:
        loaded.append(name)
        return SimpleNamespace(CONNECTOR=Till, CREDENTIALS=TillCredentials, HOSTS=TillCredentials.HOSTS, EVENTS=EVENTS)

    accounts.form_of.cache_clear()
    with mock.patch.object(providers, "REAL", ("till",)), mock.patch.object(providers, "import_module", load):
        yield loaded
    accounts.form_of.cache_clear()
