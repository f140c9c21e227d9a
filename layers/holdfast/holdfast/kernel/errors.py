"""Everything that can be answered instead of a success, as one tree.

HoldfastError                     code, status, detail, facts
├── Refusal                       the caller can act on it; a 4xx
│   ├── BadRequest 400   ├── Unauthenticated 401   ├── Forbidden 403   ├── NotFound 404
│   ├── Conflict 409     ├── TooLarge 413          └── Invalid 422
└── UnavailableError 503          a dependency is down; try again later (carries retry_after seconds)

Contexts subclass the second row and set `code`. One place maps them to HTTP: `platform/http.py`.
"""

from typing import Any, ClassVar


class HoldfastError(Exception):
    """`facts` become named members of the problem document; `code` is stable and part of the contract."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Refusal(HoldfastError):
    """The request was understood and is not granted. Nothing was changed."""


class BadRequest(Refusal):
    """It cannot be read."""

    code, status, title = "bad_request", 400, "Bad request"


class Unauthenticated(Refusal):
    """Who is asking? A token or key is missing or not known."""

    code, status, title = "unauthenticated", 401, "Unauthenticated"


class Forbidden(Refusal):
    """Known, but not allowed."""

    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(Refusal):
    """Unknown and foreign things are told in the same words, so that an answer reveals nothing."""

    code, status, title = "not_found", 404, "Not found"

    def __init__(self, detail: str = "There is nothing here, or it is not yours to see.", **facts: Any) -> None:
        super().__init__(detail, **facts)


class Conflict(Refusal):
    """Not in the state that the thing is in."""

    code, status, title = "conflict", 409, "Conflict"


class TooLarge(Refusal):
    """More than is taken at once."""

    code, status, title = "too_large", 413, "Content too large"


class Invalid(Refusal):
    """Readable, and not what is taken here."""

    code, status, title = "invalid", 422, "Unprocessable content"


class VersionConflict(Conflict):
    """Somebody changed the thing between our read and our write. Read again and decide again."""

    code = "version_conflict"


class UnavailableError(HoldfastError):
    """A dependency does not answer in time. Safe to repeat after `retry_after` seconds."""

    code, status, title = "unavailable", 503, "Service unavailable"

    def __init__(self, detail: str, retry_after: int = 1, **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.retry_after = retry_after


class IdempotencyKeyInFlight(Conflict):
    """The first request under this key is still being worked on."""

    code = "idempotency_key_in_flight"


class IdempotencyKeyReused(Invalid):
    """The key was used before, for something else."""

    code = "idempotency_key_reused"
