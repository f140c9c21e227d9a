"""OpenAPI 3.1 from the routes' own declarations. Never imported by a function: `infra/openapi.py` runs it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, IdempotencyKeyReused, NotFound, UnavailableError
from holdfast.kernel.ids import SHOP_PATTERN, SKU_PATTERN
from holdfast.platform.cards import CardDataRefused
from holdfast.platform.http import MUTATIONS, PATH_ID, Api, Route
from holdfast.platform.idempotency import IdempotencyKeyInvalid, IdempotencyKeyMissing
from holdfast.platform.problems import (
    BodyTooLarge,
    IfMatchInvalid,
    MalformedJson,
    MethodNotAllowed,
    TooManyRequests,
    UnsupportedMediaType,
    ValidationFailed,
)
from holdfast.platform.reading import REQUEST_ID
from holdfast.platform.tokens import InvalidCursor

_SCHEMAS = "#/components/schemas/"
_HEADERS = "#/components/headers/"
_PARAMETERS = "#/components/parameters/"
_RESPONSES = "#/components/responses/"
SECURITY = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "A scoped key of the shop."},
    "checkoutToken": {"type": "apiKey", "in": "header", "name": "X-Checkout-Token", "description": "From the checkout session."},
    "orderToken": {"type": "apiKey", "in": "header", "name": "X-Order-Token", "description": "From place-order and the order's mails."},
    "preferencesToken": {"type": "apiKey", "in": "query", "name": "token", "description": "From the link in a customer's mails."},
    "unsubscribeToken": {"type": "apiKey", "in": "query", "name": "token", "description": "From the link that unsubscribes."},
    "providerSignature": {"type": "apiKey", "in": "header", "name": "X-Sandbox-Signature", "description": "The provider's signature."},
}
HEADERS = {
    "RequestId": {
        "description": "Names this request in our log, in problems and in events: yours, or a new one.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 0}},
    "RetrySoon": {"description": "Seconds to wait, where waiting helps.", "schema": {"type": "integer", "minimum": 0}},
    "ETag": {"description": "The version, for If-Match.", "schema": {"type": "string", "pattern": r'^"[0-9]+"$'}},
    "Allow": {"description": "The methods that the path has.", "schema": {"type": "string"}},
    "IdempotentReplayed": {"description": "There when this is the first answer again.", "schema": {"enum": ["true"]}},
}
PARAMETERS = {
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": f"Your name for this request; taken when it fits `{REQUEST_ID}` and holds no card number.",
        "schema": {"type": "string"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that you have read: 412 when there is a newer one.",
        "schema": {"type": "string", "pattern": r'^(\*|(W/)?"?[0-9]{1,11}"?)$'},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Your name for what is to happen once: the same key again gets the first answer again, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    },
    "CsrfToken": {
        "name": "X-CSRF-Token",
        "in": "header",
        "required": True,
        "description": "The session's `csrf_token`.",
        "schema": {"type": "string"},
    },
}
PATH = {"shop": SHOP_PATTERN, "sku": SKU_PATTERN}
"""Patterns of path parameters; all others are ids."""
_HANDED_OUT = {"checkout_token": ("checkoutToken", "session"), "order_token": ("orderToken", "order")}
"""A token in an answer -> the scheme that it serves, and the parameter whose value is the `id` beside it."""

_EVERYWHERE = {
    kind.status: [kind.code]
    for kind in (NotFound, MethodNotAllowed, BodyTooLarge, UnsupportedMediaType, ValidationFailed, TooManyRequests, UnavailableError)
}

Requests = Mapping[tuple[str, str], Mapping[str, Any]]
"""By method and path: bodies that the route takes, under a name each."""


def document(apis: Sequence[Api], *, title: str, version: str, description: str, requests: Requests | None = None) -> dict[str, Any]:
    """The whole contract. Deterministic: the same routes and requests give the same text."""
    routes = sorted((route for api in apis for route in api.routes), key=lambda route: (route.path, route.method))
    names = {id(route): _name(route, api.service) for api in apis for route in api.routes}
    tags = {id(route): api.service for api in apis for route in api.routes}
    taken, given, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = {"operationId": names[id(route)], "tags": [tags[id(route)]], **_operation(route, taken, given)}
        operation["responses"][str(route.status)] |= _links(route, routes, names)
        for name, value in (requests or {}).get((route.method, route.path), {}).items():
            content = operation["requestBody"]["content"]["application/json"]
            content.setdefault("examples", {})[name] = {"value": value}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    responses = {codes[0]: _problem(status, codes) for status, codes in _EVERYWHERE.items()}
    components = {"schemas": schemas, "responses": responses, "headers": HEADERS, "parameters": PARAMETERS, "securitySchemes": SECURITY}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/v1"}],
        "paths": paths,
        "components": components,
    }


def _name(route: Route, service: str) -> str:
    return route.view.__name__ if service == "storefront" else f"{service.replace('-', '_')}_{route.view.__name__}"


References = dict[type[Any], str]


def _schemas(routes: Sequence[Route]) -> tuple[References, References, dict[str, Any]]:
    """Where each model stands: as what is sent (validation) and as what is answered (serialization); and what stands there."""
    models = {(route.body, "validation") for route in routes if route.body} | {
        (route.returns, "serialization") for route in routes if route.returns
    }
    ordered = sorted(models, key=lambda pair: (pair[0].__name__ if pair[0] else "", pair[1]))
    places, definitions = models_json_schema(ordered, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    taken: References = {model: place["$ref"] for (model, mode), place in places.items() if mode == "validation"}
    given: References = {model: place["$ref"] for (model, mode), place in places.items() if mode == "serialization"}
    queried = {
        name: schema
        for route in routes
        if route.query
        for name, schema in route.query.model_json_schema(ref_template=_SCHEMAS + "{model}").get("$defs", {}).items()
    }
    return taken, given, dict(sorted({**queried, **definitions["$defs"], "Problem": PROBLEM}.items()))


PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Some codes carry facts of their own, for example `lines` of `insufficient_stock`.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; branch on this."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def _operation(route: Route, taken: References, given: References) -> dict[str, Any]:
    summary, _, rest = (route.view.__doc__ or "").strip().partition("\n")
    operation: dict[str, Any] = {
        "summary": summary.rstrip("."),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, given),
    }
    if rest.strip():
        operation["description"] = " ".join(rest.split())
    if route.security:
        operation["security"] = [{name: []} for name in route.security]
    if route.body is not None:
        others = {media_type: {"schema": {"type": "string"}} for media_type in route.readers}
        needed = any(field.is_required() for field in route.body.model_fields.values())
        content = {"application/json": {"schema": {"$ref": taken[route.body]}}, **others}
        operation["requestBody"] = {"required": needed, "content": content}
    elif route.raw:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": PATH.get(name, f"^{PATH_ID}$")}}
        for name in _names(route)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    model = route.query.model_json_schema(ref_template=_SCHEMAS + "{model}")
    needed = model.get("required", [])
    return [{"name": name, "in": "query", "required": name in needed, "schema": schema} for name, schema in model["properties"].items()]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    taken = {
        "IdempotencyKey": route.idempotent,
        "CsrfToken": "checkoutToken" in route.security and route.method in MUTATIONS,
        "IfMatch": IfMatchInvalid in route.refusals,
        "RequestId": True,
    }
    return [_reference(_PARAMETERS, name) for name, is_taken in taken.items() if is_taken]


def _reference(where: str, name: str) -> dict[str, str]:
    return {"$ref": where + name}


def _responses(route: Route, given: References) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done." if route.returns is None else route.returns.__name__}
    success["headers"] = _success_headers(route)
    json_ = {"application/json": {"schema": {"$ref": given[route.returns]}}} if route.returns else {}
    if route.writes:
        success["description"] = "One of these, as asked for."
    if route.returns or route.writes:
        success["content"] = {**json_, **{media_type: {"schema": {"type": "string"}} for media_type in route.writes}}
    by_status: dict[int, set[str]] = {}
    for refusal in refusals_of(route):
        by_status.setdefault(refusal.status, set()).add(refusal.code)
    problems = {str(status): _told(route, status, sorted(codes)) for status, codes in sorted(by_status.items())}
    others = {str(status): {**success, "description": meaning} for status, meaning in route.also.items()}
    return {str(route.status): success, **others, **problems}


def _success_headers(route: Route) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": _reference(_HEADERS, "RequestId")}
    version = route.returns.model_fields.get("version") if route.returns else None
    if version is not None:
        headers["ETag"] = _reference(_HEADERS, "ETag")
    if route.idempotent:
        headers["Idempotent-Replayed"] = _reference(_HEADERS, "IdempotentReplayed")
    return headers


def _told(route: Route, status: int, codes: list[str]) -> dict[str, Any]:
    """What many routes say word for word stands once, under its code."""
    if codes in _EVERYWHERE.values():
        return _reference(_RESPONSES, codes[0])
    problem = _problem(status, codes)
    if status == IdempotencyKeyInFlight.status and route.idempotent:
        problem["headers"]["Retry-After"] = _reference(_HEADERS, "RetrySoon")
    return problem


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    headers = {"X-Request-Id": _reference(_HEADERS, "RequestId")}
    if status in {TooManyRequests.status, UnavailableError.status}:
        headers["Retry-After"] = _reference(_HEADERS, "RetryAfter")
    if status == MethodNotAllowed.status:
        headers["Allow"] = _reference(_HEADERS, "Allow")
    return {
        "description": ", ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + "Problem", "properties": {"code": {"enum": codes}}}}},
    }


def _links(route: Route, routes: Iterable[Route], names: Mapping[int, str]) -> dict[str, Any]:
    """Where to go from a success: to what stands under the new thing's path, and to what its token opens."""
    found: dict[str, Any] = {}
    for other in routes:
        values = _values(route, other) if other is not route and route.method == "POST" and route.returns else {}
        if values:
            kept = {name: f"$request.path.{name}" for name in _names(other) if name in _names(route)}
            found[names[id(other)]] = {"operationId": names[id(other)], "parameters": {**kept, **values}}
    return {"links": found} if found else {}


def _values(route: Route, other: Route) -> dict[str, str]:
    """What of the answer to `route` is a parameter of `other`."""
    fields: Mapping[str, Any] = route.returns.model_fields if route.returns else {}
    for token, (scheme, name) in _HANDED_OUT.items():
        if token in fields and scheme in other.security:
            headers = {SECURITY[scheme]["name"]: token, **({"X-CSRF-Token": "csrf_token"} if "csrf_token" in fields else {})}
            return {name: "$response.body#/id", **{f"header.{header}": f"$response.body#/{field}" for header, field in headers.items()}}
    for name in _names(other):
        part = fields[name].annotation if name in fields else None
        if isinstance(part, type) and issubclass(part, BaseModel) and "id" in part.model_fields:
            return {name: f"$response.body#/{name}/id"}
    below = re.match(re.escape(route.path) + r"/\{(\w+)\}", other.path)
    field = below and next((field for field in (below[1], "id") if field in fields), None)
    return {below[1]: f"$response.body#/{field}"} if below and field else {}


def _names(route: Route) -> list[str]:
    return re.findall(r"\{(\w+)\}", route.path)


def refusals_of(route: Route) -> list[type[HoldfastError]]:
    """What the declaration implies, and what the route adds."""
    implied: list[type[HoldfastError]] = [MethodNotAllowed, TooManyRequests, UnavailableError]
    if "{" in route.path:
        implied.append(NotFound)
    if route.method in MUTATIONS:
        implied.append(BodyTooLarge)
    if route.body is not None:
        implied += [MalformedJson, UnsupportedMediaType, *([] if getattr(route.body, "NUMBERS_OF_GOODS", False) else [CardDataRefused])]
    if route.body is not None or route.query is not None:
        implied.append(ValidationFailed)
    if route.query is not None and "cursor" in route.query.model_fields:
        implied.append(InvalidCursor)
    if route.idempotent:
        implied += [IdempotencyKeyMissing, IdempotencyKeyInvalid, IdempotencyKeyInFlight, IdempotencyKeyReused]
    return [*implied, *route.refusals]
