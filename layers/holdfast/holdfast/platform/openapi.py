"""OpenAPI 3.1 from the routes' own declarations. Never imported by a function: `infra/openapi.py` runs it."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, IdempotencyKeyReused, NotFound, UnavailableError
from holdfast.platform.http import MUTATIONS, Api, Route
from holdfast.platform.idempotency import IdempotencyKeyInvalid, IdempotencyKeyMissing
from holdfast.platform.problems import BodyTooLarge, MalformedJson, MethodNotAllowed, UnsupportedMediaType, ValidationFailed
from holdfast.platform.tokens import InvalidCursor

_SCHEMAS = "#/components/schemas/"
SECURITY = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "A scoped key of the shop."},
    "checkoutToken": {"type": "apiKey", "in": "header", "name": "X-Checkout-Token", "description": "From the checkout session."},
    "orderToken": {"type": "apiKey", "in": "header", "name": "X-Order-Token", "description": "From place-order and the order's mails."},
    "providerSignature": {"type": "apiKey", "in": "header", "name": "X-Sandbox-Signature", "description": "The provider's signature."},
}


def document(apis: Sequence[Api], *, title: str, version: str, description: str) -> dict[str, Any]:
    """The whole contract. Deterministic: the same routes give the same text."""
    routes = sorted((route for api in apis for route in api.routes), key=lambda route: (route.path, route.method))
    tags = {id(route): api.service for api in apis for route in api.routes}
    taken, given, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, tags[id(route)], taken, given)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/v1"}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SECURITY},
    }


References = dict[type[Any], str]


def _schemas(routes: Iterable[Route]) -> tuple[References, References, dict[str, Any]]:
    """Where each model stands: as what is sent (validation) and as what is answered (serialization); and what stands there."""
    models = {(route.body, "validation") for route in routes if route.body} | {
        (route.returns, "serialization") for route in routes if route.returns
    }
    ordered = sorted(models, key=lambda pair: (pair[0].__name__ if pair[0] else "", pair[1]))
    places, definitions = models_json_schema(ordered, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    taken: References = {model: place["$ref"] for (model, mode), place in places.items() if mode == "validation"}
    given: References = {model: place["$ref"] for (model, mode), place in places.items() if mode == "serialization"}
    return taken, given, dict(sorted({**definitions["$defs"], "Problem": PROBLEM}.items()))


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


def _operation(route: Route, tag: str, taken: References, given: References) -> dict[str, Any]:
    summary, _, rest = (route.view.__doc__ or "").strip().partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.view.__name__ if tag == "storefront" else f"{tag.replace('-', '_')}_{route.view.__name__}",
        "tags": [tag],
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
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"$ref": taken[route.body]}}, **others}}
    elif route.raw:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"\{(\w+)\}", route.path)]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties = route.query.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    needed = []
    if route.idempotent:
        needed.append(("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"}))
    if "checkoutToken" in route.security and route.method in MUTATIONS:
        needed.append(("X-CSRF-Token", {"type": "string"}))
    return [{"name": name, "in": "header", "required": True, "schema": schema} for name, schema in needed]


def _responses(route: Route, given: References) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done." if route.returns is None else route.returns.__name__}
    if route.returns is not None:
        success["content"] = {"application/json": {"schema": {"$ref": given[route.returns]}}}
    by_status: dict[int, list[str]] = {}
    for refusal in refusals_of(route):
        by_status.setdefault(refusal.status, []).append(refusal.code)
    problems = {
        str(status): {
            "description": ", ".join(f"`{code}`" for code in sorted(set(codes))),
            "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + "Problem"}}},
        }
        for status, codes in sorted(by_status.items())
    }
    others = {str(status): {**success, "description": meaning} for status, meaning in route.also.items()}
    return {str(route.status): success, **others, **problems}


def refusals_of(route: Route) -> list[type[HoldfastError]]:
    """What the declaration implies, and what the route adds."""
    implied: list[type[HoldfastError]] = [MethodNotAllowed, UnavailableError]
    if "{" in route.path:
        implied.append(NotFound)
    if route.method in MUTATIONS:
        implied.append(BodyTooLarge)
    if route.body is not None:
        implied += [MalformedJson, UnsupportedMediaType]
    if route.body is not None or route.query is not None:
        implied.append(ValidationFailed)
    if route.query is not None and "cursor" in route.query.model_fields:
        implied.append(InvalidCursor)
    if route.idempotent:
        implied += [IdempotencyKeyMissing, IdempotencyKeyInvalid, IdempotencyKeyInFlight, IdempotencyKeyReused]
    return [*implied, *route.refusals]
