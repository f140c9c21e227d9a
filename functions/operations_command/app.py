"""What operators do by hand: invoked from the AWS console, the AWS CLI or ours, with `{"command": name, ...}`.

Answers `{"ok": true, "result": …}` or `{"ok": false, "error": {code, detail}}`; nothing is thrown at the operator.
"""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.time import utc_now
from holdfast.platform import aws
from holdfast.platform.dynamo import Table
from holdfast.platform.log import logger
from holdfast.platform.settings import FunctionSettings
from holdfast.tenants import usecases
from holdfast.tenants.repository import DynamoTenants


class Settings(FunctionSettings):
    tenants_table: str


settings = Settings.load()
tenants = DynamoTenants(Table(aws.dynamodb(), settings.tenants_table))


def create_shop(options: dict[str, Any]) -> dict[str, Any]:
    shop = usecases.create_shop(usecases.CreateShop.model_validate(options), tenants=tenants, now=utc_now())
    return shop.model_dump(mode="json")


def create_api_key(options: dict[str, Any]) -> dict[str, Any]:
    key = usecases.create_api_key(usecases.CreateApiKey.model_validate(options), tenants=tenants, now=utc_now())
    return key.model_dump(mode="json")


COMMANDS: dict[str, Callable[[dict[str, Any]], Any]] = {"create_shop": create_shop, "create_api_key": create_api_key}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    name = event.get("command")
    command = COMMANDS.get(str(name))
    if command is None:
        return _refused("unknown_command", f"Known commands: {', '.join(sorted(COMMANDS))}.")
    try:
        result = command({key: value for key, value in event.items() if key != "command"})
    except ValidationError as invalid:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors(include_input=False))
        return _refused("validation_failed", wrong)
    except HoldfastError as refusal:
        return _refused(refusal.code, refusal.detail)
    logger.info("command done", extra={"command": name, "shop": event.get("shop")})
    return {"ok": True, "result": result}


def _refused(code: str, detail: str) -> dict[str, Any]:
    logger.info("command refused", extra={"code": code})
    return {"ok": False, "error": {"code": code, "detail": detail}}
