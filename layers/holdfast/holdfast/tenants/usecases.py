"""Opening a shop, handing out keys, recognising them."""

import hashlib
import secrets
from datetime import datetime

from pydantic import ConfigDict, Field

from holdfast.kernel.ids import ShopId, new_id
from holdfast.kernel.model import Model
from holdfast.kernel.money import Currency
from holdfast.tenants.errors import ApiKeyInvalid, ScopeMissing, ShopExists, StaleSettings, UnknownShop
from holdfast.tenants.model import ApiKey, MessageName, Scope, Shop, ShopSettings
from holdfast.tenants.ports import ApiKeys, Tenants


class CreateShop(ShopSettings):
    """The currency stays; the settings may be changed later."""

    model_config = ConfigDict(extra="forbid")

    shop: ShopId
    currency: Currency
    mails_off: tuple[MessageName, ...] = Field(default=(), max_length=40)


class CreateApiKey(Model):
    shop: ShopId
    scopes: tuple[Scope, ...]
    label: str = ""


class NewApiKey(Model):
    """`api_key` is shown this once and cannot be shown again."""

    id: str
    shop: ShopId
    scopes: tuple[Scope, ...]
    api_key: str = Field(repr=False)


def create_shop(command: CreateShop, *, tenants: Tenants, now: datetime) -> Shop:
    """The shop; the same again for the same wish. ShopExists when the id is taken by a different one."""
    settings = {name: getattr(command, name) for name in ShopSettings.model_fields}
    shop = Shop(id=command.shop, currency=command.currency, created_at=now, **settings)
    if tenants.add_shop(shop):
        return shop
    standing = tenants.shop(command.shop)
    if standing is None or standing.model_copy(update={"created_at": shop.created_at, "version": shop.version}) != shop:
        raise ShopExists("A shop of that id exists with other settings.", shop=command.shop)
    return standing


def change_settings(shop: str, wanted: ShopSettings, *, tenants: Tenants, expected: int | None = None) -> Shop:
    """All settings at once; what is the same already changes nothing. `expected` is the version from If-Match: StaleSettings when
    another one stands. UnknownShop.
    """
    while True:
        standing = tenants.shop(shop)
        if standing is None:
            raise UnknownShop
        if expected not in (None, standing.version):
            raise StaleSettings("The settings were changed by somebody else. Read them again.", version=standing.version)
        same = standing.model_copy(update={name: getattr(wanted, name) for name in ShopSettings.model_fields})
        if same == standing:
            return standing
        changed = same.model_copy(update={"version": standing.version + 1})
        if tenants.save_shop(changed):
            return changed


def create_api_key(command: CreateApiKey, *, tenants: Tenants, now: datetime) -> NewApiKey:
    if tenants.shop(command.shop) is None:
        raise UnknownShop
    text = f"hf_{command.shop}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=new_id("key", now),
        shop=command.shop,
        label=command.label,
        scopes=command.scopes,
        hash=hash_of(text),
        created_at=now,
    )
    tenants.add_api_key(key)
    return NewApiKey(id=key.id, shop=key.shop, scopes=key.scopes, api_key=text)


def authorise(text: str, shop: str, needed: Scope, *, keys: ApiKeys) -> ApiKey:
    """The key behind the text, if it may do what is needed. A shop that the key is not for is told like an unknown one."""
    key = keys.api_key(shop, hash_of(text))
    if key is None and _made_for_another(text, shop):
        raise UnknownShop
    if key is None:
        raise ApiKeyInvalid("The API key is not a key of this shop.")
    if not key.may(needed):
        raise ScopeMissing(f"This needs a key with the scope {needed}.", needed=needed)
    return key


def _made_for_another(text: str, shop: str) -> bool:
    """A key names its shop: `hf_{shop}_{secret}`."""
    parts = text.split("_", 2)
    return len(parts) == 3 and parts[0] == "hf" and parts[1] != shop


def hash_of(text: str) -> str:
    """A plain hash is enough: the text is 256 random bits, not a password."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
