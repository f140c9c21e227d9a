"""What comes in over HTTP, from bytes to checked models. Whatever it is, it is read or refused; what was sent is never repeated back."""

import json
import re
from collections.abc import Mapping
from typing import Any

from chalice.app import Request as ChaliceRequest
from pydantic import BaseModel, ValidationError

from holdfast.platform.cards import holds_card, refuse_cards
from holdfast.platform.problems import IfMatchInvalid, MalformedJson, UnsupportedMediaType, ValidationFailed

# Matched in full: `$` alone would let a line break through at the end.
REQUEST_ID = r"[A-Za-z0-9._:/+=-]{1,128}"


def content_of(request: ChaliceRequest) -> bytes:
    try:
        body: str | bytes = request.raw_body
        return body.encode() if isinstance(body, str) else body
    except ValueError:  # half a surrogate pair, or not base64
        raise MalformedJson("The body is not text.") from None


def empty_of(model: type[BaseModel]) -> bytes:
    """Where nothing is required, no body is an empty one."""
    return b"" if any(field.is_required() for field in model.model_fields.values()) else b"{}"


def request_id_of(headers: Mapping[str, str], context: Mapping[str, Any]) -> str:
    """The caller's, or the gateway's own: it is logged and stored, so it may be no card's number either."""
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(REQUEST_ID, given) and not holds_card(given) else str(context.get("requestId", ""))


def values_of(request: ChaliceRequest) -> dict[str, str]:
    """The query. A parameter that comes several times is a list, as with commas: no value is silently passed over."""
    given = request.query_params
    return {name: ",".join(given.getlist(name)) for name in given} if given else {}


def parse(model: type[BaseModel], content: Any, where: str) -> Any:
    """The content as `model`, or ValidationFailed with a pointer per error. What was sent is never repeated back."""
    try:
        # JSON mode: strict about types, yet an instant may be text.
        return model.model_validate_json(json.dumps(content)) if where == "body" else model.model_validate_strings(content)
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None
    except (ValidationError, ValueError) as invalid:
        raise ValidationFailed(
            f"The {where} is not what this route takes.", errors=_errors(invalid) if isinstance(invalid, ValidationError) else []
        ) from None


def _errors(invalid: ValidationError) -> list[dict[str, str]]:
    return [
        {"pointer": "".join(f"/{_escaped(step)}" for step in error["loc"]), "code": error["type"], "detail": error["msg"]}
        for error in invalid.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]


def _escaped(step: int | str) -> str:
    """RFC 6901: a name may contain the separator."""
    return str(step)[:64].replace("~", "~0").replace("/", "~1")


def read_body(model: type[BaseModel], content: bytes) -> Any:
    """The bytes as `model`. MalformedJson, CardDataRefused, ValidationFailed."""
    found = read_json(content)
    if not getattr(model, "NUMBERS_OF_GOODS", False):
        refuse_cards(found)
    return parse(model, found, "body")


def read_json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constants)
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not JSON.") from None


def _no_constants(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def media_type_of(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


def require_json(headers: Mapping[str, str]) -> None:
    if media_type_of(headers) != "application/json":
        raise UnsupportedMediaType("Send Content-Type: application/json.")


def if_match(headers: Mapping[str, str]) -> int | None:
    """The version that the caller has read; None when any will do. IfMatchInvalid."""
    given = headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    text = given.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise IfMatchInvalid('Send the ETag as it was answered, for example If-Match: "3".')
    return int(text)
