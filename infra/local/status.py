"""What `status --json` prints: tools and tests find everything through it, nothing is hard-coded."""

import re
from collections.abc import Mapping
from typing import Any

from infra.local.aws import client
from infra.local.ports import HOST
from infra.local.trouble import Trouble

SHOP = "demo"
STAGE = "v1"
PROVIDERS = "/providers"
"""Where the gateway has its stand-ins of payment providers."""
PAGES = {"home": "/", "shop": f"/shop/{SHOP}", "inbox": "/inbox", "admin": "/admin", "docs": "/docs"}

Status = dict[str, Any]


def outputs(endpoint: str, stack: str) -> dict[str, str]:
    found = client("cloudformation", endpoint).describe_stacks(StackName=stack)["Stacks"][0]
    return {row["OutputKey"]: row["OutputValue"] for row in found.get("Outputs", [])}


def compose(endpoint: str, port: int, known: Mapping[str, str], parameters: Mapping[str, str], admin_key: str) -> Status:
    base = f"http://{HOST}:{port}"
    return {
        "api_url": f"{base}/{STAGE}",
        "emulator_url": endpoint,
        "providers_url": base + PROVIDERS,
        "pages": {name: base + path for name, path in PAGES.items()},
        "shop": SHOP,
        "admin_key": admin_key,
        "sandbox_webhook_secret": secret(endpoint, known.get("SandboxSecretArn")),
        "tables": tables(known),
        "functions": functions(known),
        "api_id": known.get("ApiId", ""),
        "outputs": dict(known),
        "hold_seconds": int(parameters.get("HoldSeconds", 0)),
        "hold_grace_seconds": int(parameters.get("HoldGraceSeconds", 0)),
    }


def tables(known: Mapping[str, str]) -> dict[str, str]:
    """`StockTable` -> `stock`."""
    return {snake(name.removesuffix("Table")): value for name, value in known.items() if name.endswith("Table")}


def functions(known: Mapping[str, str]) -> dict[str, str]:
    """`StorefrontHttpFunction` -> `storefront_http`, its folder in functions/."""
    return {snake(name.removesuffix("Function")): value for name, value in known.items() if name.endswith("Function")}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def secret(endpoint: str, arn: str | None) -> str:
    return str(client("secretsmanager", endpoint).get_secret_value(SecretId=arn)["SecretString"]) if arn else ""


def needed(known: Mapping[str, str], name: str) -> str:
    if name not in known:
        raise Trouble(f"The template has no output {name}.", "Local tools find the parts of the stack by its outputs.")
    return known[name]
