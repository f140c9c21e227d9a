"""Fills the demo shop: the shop itself and its admin key by the operations function, everything else over HTTP as any client would."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from infra.local import loopback
from infra.local.aws import client
from infra.local.client import Api, Unexpected, expect
from infra.local.status import SHOP
from infra.local.trouble import Trouble

CURRENCY = "EUR"


@dataclass(frozen=True)
class Product:
    sku: str
    title: str
    description: str
    kind: str
    price: int
    on_shortage: str
    units: int


CATALOGUE = (
    Product("LICENCE-KEY", "Licence key", "One key for one machine, in your mail within a second.", "digital", 1999, "backorder", 3),
    Product("RING-BOX", "Ring box", "Walnut, hand made. Five were made.", "physical", 4900, "reject", 5),
    Product("RACE-50", "Concert ticket", "Fifty seats, and many who want one.", "physical", 2500, "reject", 50),
)


def seed(endpoint: str, api_url: str, operations: str, key_file: Path) -> str:
    """Make what is missing; running it again changes nothing. Gives the admin key."""
    command(endpoint, operations, {"command": "create_shop", "shop": SHOP, "name": "Demo shop", "currency": CURRENCY})
    key = admin_key(endpoint, api_url, operations, key_file)
    try:
        with opened(api_url, key) as api:
            for product in CATALOGUE:
                stock(api, product)
    except Unexpected as refused:
        raise Trouble(f"Seeding: {refused}", "See `python3 infra/dev.py logs --function admin_http`.") from refused
    return key


def connect(api_url: str, key: str, providers_url: str) -> list[str]:
    """The shop's accounts at the stand-ins of payment providers, as a person would connect them. The same again changes nothing."""
    status, told = loopback.fetch(f"{providers_url}/_accounts", timeout=10)
    if status != HTTPStatus.OK:
        raise Trouble(f"The stand-ins of payment providers answered {status}.", "See gateway.log.")
    accounts = json.loads(told)
    try:
        with opened(api_url, key) as api:
            for provider, account in accounts.items():
                expect((200, 201), api.admin("PUT", f"/payments/providers/{provider}", account))
    except Unexpected as refused:
        raise Trouble(f"Seeding: {refused}", "See `python3 infra/dev.py logs --function payments_admin_http`.") from refused
    return list(accounts)


@contextmanager
def opened(api_url: str, key: str) -> Iterator[Api]:
    api = Api(api_url, SHOP, key)
    with closing(api.http):
        yield api


def command(endpoint: str, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the operations function; its result or a clear refusal."""
    given = client("lambda", endpoint).invoke(FunctionName=function, Payload=json.dumps(event).encode())
    payload = json.loads(given["Payload"].read() or b"null")
    if given.get("FunctionError") or not isinstance(payload, dict) or not payload.get("ok"):
        raise Trouble(
            f"Seeding: {event['command']} answered {json.dumps(payload)[:1500]}",
            "See `python3 infra/dev.py logs --function operations_command`.",
        )
    result: dict[str, Any] = payload["result"]
    return result


def admin_key(endpoint: str, api_url: str, operations: str, key_file: Path) -> str:
    """The kept one while it opens the door (each call for a key makes a new one)."""
    if key_file.exists():
        kept = key_file.read_text().strip()
        with opened(api_url, kept) as api:
            if api.admin("GET", "/products").status == HTTPStatus.OK:
                return kept
    made = command(endpoint, operations, {"command": "create_api_key", "shop": SHOP, "scopes": ["admin"], "label": "seed"})
    keep_secret(key_file, str(made["api_key"]))
    return str(made["api_key"])


def keep_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")


def stock(api: Api, product: Product) -> None:
    api.put_product(product.sku, document(product))
    if api.level(product.sku)["on_hand"] > 0:
        return
    if product.kind == "digital":
        api.add_keys(product.sku, [f"DEMO-{product.sku}-{number:04d}" for number in range(1, product.units + 1)])
    else:
        api.restock(product.sku, product.units)


def document(product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "title": product.title,
        "description": product.description,
        "kind": product.kind,
        "price": {"amount": product.price, "currency": CURRENCY},
        "on_shortage": product.on_shortage,
    }
