"""The typed layer over Chalice: a route declares what it takes, gives, needs and repeats; the rest happens here.

A view receives a `Request` with everything checked and returns a model. Refusals are raised and become
`application/problem+json` around the view, because Chalice shows a view's exception to no middleware.
The same declarations are what OpenAPI is generated from (`platform/openapi.py`).
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse
from pydantic import BaseModel

from holdfast.kernel.errors import HoldfastError, NotFound
from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.ids import SHOP_PATTERN
from holdfast.kernel.time import Clock
from holdfast.platform import metrics
from holdfast.platform.idempotency import IdempotencyKey, Replay, Replays, key_of
from holdfast.platform.log import logger
from holdfast.platform.problems import BodyTooLarge, InternalError, MethodNotAllowed, problem
from holdfast.platform.reading import content_of, empty_of, media_type_of, parse, read_body, request_id_of, require_json, values_of

B = TypeVar("B", bound=BaseModel | None)
MAX_BODY = 256 * 1024
MUTATIONS = {"POST", "PUT", "PATCH", "DELETE"}
# Matched in full: `$` alone would let a line break through at the end.
PATH_ID = r"[A-Za-z0-9._-]{1,128}"


@dataclass(frozen=True)
class Request(Generic[B]):
    """One request, checked. `key` is there on idempotent routes, `body` where the route declares one."""

    shop: str
    path: Mapping[str, str]
    query: Any
    body: B
    headers: Mapping[str, str]
    params: Mapping[str, str]
    raw: bytes
    request_id: str
    now: datetime
    caller: Actor
    idempotency: IdempotencyKey | None = None

    @property
    def key(self) -> IdempotencyKey:
        if self.idempotency is None:
            raise TypeError("only idempotent routes have a key")
        return self.idempotency


@dataclass(frozen=True)
class Answer:
    """A model with a status or headers of its own, for views that need more than the model.

    `text` instead of a model, for routes that `write` other media types: which it is stands in the header Content-Type.
    """

    body: BaseModel | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


Guard = Callable[[ChaliceRequest, Mapping[str, str]], Actor]
View = Callable[[Request[Any]], BaseModel | Answer | None]
Reader = Callable[[bytes], BaseModel]


@dataclass(frozen=True)
class Route:
    """What a route promises. `security` names the schemes of the contract; `refusals` the codes worth documenting.

    `readers`: other media types that the body may come in; `also`: other statuses of a success, and what they mean;
    `writes`: media types that the answer comes in instead of JSON.
    """

    method: str
    path: str
    view: View
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    returns: type[BaseModel] | None
    status: int
    guard: Guard | None
    security: tuple[str, ...]
    idempotent: bool
    replays: bool
    max_body: int
    raw: bool
    refusals: tuple[type[HoldfastError], ...]
    readers: Mapping[str, Reader]
    also: Mapping[int, str]
    writes: tuple[str, ...]

    @property
    def summary(self) -> str:
        return (self.view.__doc__ or self.view.__name__).strip().splitlines()[0]


ANONYMOUS = Actor(kind=ActorKind.CUSTOMER)


class _App(Chalice):
    """Chalice, with our own answer for a method that a path does not have (and for CORS preflight)."""

    owner: "Api"

    def __call__(self, event: Any, context: Any) -> Any:
        context_part = event.get("requestContext", {})
        methods = self.routes.get(context_part.get("resourcePath"), {})
        entry = methods.get(context_part.get("httpMethod"))
        if entry is None:
            return self.owner.unrouted(event, sorted(methods)).to_dict()
        if not (event.get("pathParameters") or {}).keys() >= set(entry.view_args):
            return self.owner.unrouted(event, []).to_dict()
        return super().__call__(event, context)


class Api:
    """The routes of one HTTP function. `app` is the Lambda handler; `routes` is read by tests and by OpenAPI.

    `shop_origins` answers the CORS allow-list of a shop and raises NotFound for an unknown shop.
    """

    def __init__(
        self,
        service: str,
        *,
        clock: Clock,
        shop_origins: Callable[[str], tuple[str, ...]],
        replays: Callable[[], Replays] | None = None,
    ) -> None:
        self.service = service
        self.routes: list[Route] = []
        self._clock = clock
        self._shop_origins = shop_origins
        self._replays = replays
        self.app = _App(app_name=service, configure_logs=False)
        self.app.owner = self

    def route(
        self,
        method: str,
        path: str,
        *,
        returns: type[BaseModel] | None,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        status: int = 200,
        guard: Guard | None = None,
        security: tuple[str, ...] = (),
        idempotent: bool = False,
        replays: bool = True,
        max_body: int = MAX_BODY,
        raw: bool = False,
        refusals: tuple[type[HoldfastError], ...] = (),
        readers: Mapping[str, Reader] | None = None,
        also: Mapping[int, str] | None = None,
        writes: tuple[str, ...] = (),
    ) -> Callable[[View], View]:
        """Declare a route.

        `idempotent` asks for an Idempotency-Key; with `replays=False` the use case finds its own first answer (its
        effect has an identity), otherwise the answer is kept here. `raw` passes the bytes without reading them.
        """

        def declare(view: View) -> View:
            kept = idempotent, replays, max_body, raw, refusals, readers or {}, also or {}, writes
            declared = Route(method, path, view, body, query, returns, status, guard, security, *kept)
            self.routes.append(declared)
            self.app.route(path, methods=[method], name=view.__name__, content_types=["*/*"])(self._entry(declared))
            return view

        return declare

    def get(self, path: str, **options: Any) -> Callable[[View], View]:
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[View], View]:
        return self.route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[View], View]:
        return self.route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[View], View]:
        return self.route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[View], View]:
        return self.route("DELETE", path, **options)

    def _entry(self, route: Route) -> Callable[..., ChaliceResponse]:
        def entry(**path: str) -> ChaliceResponse:
            chalice_request = self.app.current_request
            if chalice_request is None:
                raise TypeError("Chalice calls a view with a request")
            started = time.perf_counter()
            request_id = request_id_of(chalice_request.headers, chalice_request.context)
            logger.append_keys(request_id=request_id, shop=path.get("shop"))
            response = self._answer(route, chalice_request, path, request_id)
            self._finish(response, chalice_request.headers, path.get("shop"), request_id)
            spent = round((time.perf_counter() - started) * 1000, 1)
            logger.info("answered", extra={"route": f"{route.method} {route.path}", "status": response.status_code, "ms": spent})
            metrics.flush()
            return response

        return entry

    def _answer(self, route: Route, raw: ChaliceRequest, path: Mapping[str, str], request_id: str) -> ChaliceResponse:
        try:
            request = self._checked(route, raw, path, request_id)
            if route.idempotent and route.replays:
                return self._once(route, request)
            return _success(route, route.view(request))
        except HoldfastError as error:
            return problem(error, request_id)
        except Exception:
            logger.exception("unexpected error")
            return problem(InternalError("Something went wrong on our side. Nothing you can mend; please try again."), request_id)

    def _checked(self, route: Route, raw: ChaliceRequest, path: Mapping[str, str], request_id: str) -> Request[Any]:
        """From the outside in: does the shop exist, who asks, can it be read, is it valid."""
        shop = path.get("shop", "")
        if "{shop}" in route.path:
            self._shop(shop)
        if not all(re.fullmatch(PATH_ID, part) for part in path.values()):
            raise NotFound
        caller = route.guard(raw, path) if route.guard else ANONYMOUS
        content = content_of(raw) if route.method in MUTATIONS else b""
        if len(content) > route.max_body:
            raise BodyTooLarge(f"The body is larger than {route.max_body} bytes.", limit=route.max_body)
        reader = route.readers.get(media_type_of(raw.headers)) if content else None
        if route.body is not None and reader is None:
            content = content or empty_of(route.body)
            if raw.raw_body:
                require_json(raw.headers)
        key = _key_of(route, raw.headers, shop, caller, path, content) if route.idempotent else None
        return Request(
            shop=shop,
            path=path,
            query=parse(route.query, values_of(raw), "query") if route.query else None,
            body=reader(content) if reader else read_body(route.body, content) if route.body else None,
            headers=raw.headers,
            params=values_of(raw),
            raw=content,
            request_id=request_id,
            now=self._clock(),
            caller=caller,
            idempotency=key,
        )

    def _shop(self, shop: str) -> tuple[str, ...]:
        if not re.fullmatch(SHOP_PATTERN, shop):
            raise NotFound
        return self._shop_origins(shop)

    def _once(self, route: Route, request: Request[Any]) -> ChaliceResponse:
        if self._replays is None:
            raise TypeError("this function keeps no replays")
        replays = self._replays()
        first = replays.begin(request.key, request.now)
        if first is not None:
            headers = {"Content-Type": "application/json", "Idempotent-Replayed": "true"}
            return ChaliceResponse(first.body, {**headers, **_etag(json.loads(first.body).get("version"))}, first.status)
        try:
            response = _success(route, route.view(request))
        except HoldfastError:
            # Refused, or failed in a way that may be tried again at once: what was done is found again by its identity.
            replays.abandon(request.key)
            raise
        replays.finish(request.key, Replay(status=response.status_code, body=response.body), self._clock())
        return response

    def unrouted(self, event: Mapping[str, Any], methods: list[str]) -> ChaliceResponse:
        """405 with Allow for a method the path lacks; the CORS preflight of a shop's own origins."""
        request = ChaliceRequest(dict(event), None)
        request_id = request_id_of(request.headers, request.context)
        shop = (event.get("pathParameters") or {}).get("shop")
        logger.append_keys(request_id=request_id, shop=shop)
        if not methods:
            response = problem(NotFound(), request_id)
        elif event["requestContext"]["httpMethod"] == "OPTIONS":
            response = ChaliceResponse("", {"Allow": ", ".join([*methods, "OPTIONS"])}, 204)
        else:
            response = problem(MethodNotAllowed(f"Allowed here: {', '.join(methods)}."), request_id)
            response.headers["Allow"] = ", ".join(methods)
        self._finish(response, request.headers, shop, request_id, preflight=methods)
        logger.info("unrouted", extra={"status": response.status_code})
        return response

    def _finish(
        self, response: ChaliceResponse, headers: Mapping[str, str], shop: str | None, request_id: str, preflight: list[str] | None = None
    ) -> None:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers |= {
            "X-Request-Id": request_id,
            "X-Content-Type-Options": "nosniff",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        }
        origin = headers.get("origin")
        if origin and shop and origin in self._origins(shop):
            response.headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_PREFLIGHT}
            if preflight:
                response.headers["Access-Control-Allow-Methods"] = ", ".join(preflight)

    def _origins(self, shop: str) -> tuple[str, ...]:
        """The answer stands already: that the allow-list cannot be read must not take it away."""
        try:
            return self._shop(shop)
        except HoldfastError:
            return ()
        except Exception:
            logger.exception("the shop's origins cannot be read")
            return ()


_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, If-Match, X-Checkout-Token, X-CSRF-Token, X-Order-Token, X-Request-Id",
    "Access-Control-Expose-Headers": "ETag, Idempotent-Replayed, Retry-After, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


def _key_of(route: Route, headers: Mapping[str, str], shop: str, caller: Actor, path: Mapping[str, str], content: bytes) -> IdempotencyKey:
    scope = (shop, caller.kind, caller.id or "", route.method, route.path, *path.values())
    return key_of(headers.get("idempotency-key"), scope, content)


def _success(route: Route, result: BaseModel | Answer | None) -> ChaliceResponse:
    answer = result if isinstance(result, Answer) else Answer(result)
    headers: dict[str, str | list[str]] = dict(answer.headers)
    if answer.text is not None:
        return ChaliceResponse(answer.text, headers, answer.status or route.status)
    if answer.body is None:
        return ChaliceResponse("", headers, answer.status or 204)
    headers |= {"Content-Type": "application/json", **_etag(getattr(answer.body, "version", None))}
    return ChaliceResponse(answer.body.model_dump_json(), headers, answer.status or route.status)


def _etag(version: object) -> dict[str, str]:
    return {} if version is None else {"ETag": f'"{version}"'}
