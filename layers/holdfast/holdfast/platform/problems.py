"""Refusals as `application/problem+json` (RFC 9457), and those that belong to HTTP itself."""

import json

from chalice.app import Response as ChaliceResponse

from holdfast.kernel.errors import BadRequest, HoldfastError, Invalid, Refusal, TooLarge, UnavailableError

PROBLEMS = "https://holdfast.dev/problems/"


class MalformedJson(BadRequest):
    """The body is not JSON: broken, not text, or nested too deeply."""

    code = "malformed_json"


class ValidationFailed(Invalid):
    """The body is JSON but not what the route takes. Facts: errors of pointer, code, detail."""

    code = "validation_failed"


class BodyTooLarge(TooLarge):
    """The body is longer than the route takes. Facts: limit, in bytes."""

    code = "body_too_large"


class UnsupportedMediaType(HoldfastError):
    """Bodies are application/json."""

    code, status, title = "unsupported_media_type", 415, "Unsupported media type"


class IfMatchInvalid(BadRequest):
    """If-Match takes an ETag as it was answered."""

    code = "if_match_invalid"


class MethodNotAllowed(HoldfastError):
    """The path exists and has other methods; the header Allow names them."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class TooManyRequests(Refusal):
    """More requests than the API takes at once; API Gateway says so itself. Facts: none; wait as Retry-After says."""

    code, status, title = "too_many_requests", 429, "Too many requests"


class InternalError(HoldfastError):
    """A fault of ours; the log of this request_id says which."""

    code, status, title = "internal_error", 500, "Internal error"


def problem(error: HoldfastError, request_id: str) -> ChaliceResponse:
    """RFC 9457. `retry_after` is a header as well as a fact."""
    body = {
        **error.facts,  # first: no fact may stand in for a member of the standard
        "type": PROBLEMS + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json"}
    retry_after = error.retry_after if isinstance(error, UnavailableError) else error.facts.get("retry_after")
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return ChaliceResponse(json.dumps(body, separators=(",", ":")), headers, error.status)
