"""Calling somebody else's HTTP API: hosts that the code names, never longer than told, and not at all while it is down.

Redirects are not followed and nothing is tried twice here: whether a call may be repeated, the caller knows. No answer, 5xx and an
open circuit are one thing (`PartnerUnavailable`), 429 another (`PartnerThrottles`); every other answer is returned.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import metrics
from holdfast.platform.log import logger

if TYPE_CHECKING:
    import urllib3

    from holdfast.platform.lines import Deadline

LARGEST_ANSWER = 2 * 1024 * 1024
CONNECT_SECONDS = 2.0
_RETRY_LATER = 5
_LONGEST_WAIT = 300


class PartnerUnavailable(UnavailableError):
    """A service outside did not answer, or answered that it is broken: what was asked may have happened or not. Facts: partner."""

    code = "partner_unavailable"


class PartnerThrottles(UnavailableError):
    """A service outside wants fewer calls; this one did not happen. Facts: partner."""

    code = "partner_throttles"


class PartnerUnreadable(PartnerUnavailable):
    """A service outside answered what it is not documented to answer. Facts: partner."""

    code = "partner_unreadable"


class Reply(NamedTuple):
    """`headers` by their lower-case names."""

    partner: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """PartnerUnreadable when the body is not a JSON object."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise PartnerUnreadable(f"The answer of {self.partner} is not JSON.", partner=self.partner)
        return found


class Breaker(Protocol):
    """Lets a call through, or raises PartnerUnavailable at once while the host is known to be down. `circuit`: `partner:host`, because the
    hosts of a partner, of tests and of real money, fail each for itself.
    """

    def __call__(self, circuit: str, call: Callable[[], Reply], /) -> Reply: ...


class Partner:
    """A service outside by its name, the hosts that it has, and how long (in seconds) one call may take, from its begin to the last byte.

    `reroute`: where a deployment that is not the real one sends everything instead, with the host as the first part of the path.
    """

    def __init__(self, name: str, hosts: frozenset[str], *, breaker: Breaker, seconds: float, reroute: str = "") -> None:
        self.name = name
        self._hosts, self._breaker, self._seconds, self._reroute = hosts, breaker, seconds, reroute.rstrip("/")

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, seconds: float | None = None) -> Reply:
        """PartnerUnavailable, PartnerThrottles. ValueError for a host that is not the partner's. `seconds`: if this call has less time."""
        host = self._host(url)
        address, most = self._address(url), min(seconds or self._seconds, self._seconds)
        reply = self._breaker(f"{self.name}:{host}", lambda: self._exchange(method, address, headers, body, most))
        if reply.status == 429:
            metrics.count("PartnerThrottled")
            wait = _seconds(reply.headers.get("retry-after"))
            raise PartnerThrottles(f"{self.name} wants fewer calls.", retry_after=wait, partner=self.name)
        return reply

    def _host(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in self._hosts:
            raise ValueError(f"{parts.netloc or 'nothing'} is not a host of {self.name}")
        return parts.netloc

    def _address(self, url: str) -> str:
        return f"{self._reroute}/{url.removeprefix('https://')}" if self._reroute else url

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Reply:
        import urllib3

        from holdfast.platform.lines import Deadline

        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        try:
            with (
                Deadline(seconds) as deadline,
                _pool().request(
                    method, url, body=body, headers=dict(headers), timeout=timeout, redirect=False, retries=False, preload_content=False
                ) as answer,
            ):
                content = self._content(answer, deadline)
                reply = Reply(self.name, answer.status, {name.lower(): value for name, value in answer.headers.items()}, content)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            logger.warning("a partner did not answer", extra={"partner": self.name, "why": type(error).__name__})
            raise self._down() from error
        if reply.status >= 500:
            logger.warning("a partner is broken", extra={"partner": self.name, "status": reply.status})
            raise self._down()
        return reply

    def _content(self, answer: "urllib3.BaseHTTPResponse", deadline: "Deadline") -> bytes:
        """Not more than fits. A line that was cut looks like the end of the answer."""
        content = b""
        for part in answer.stream(64 * 1024):
            content += part
            if len(content) > LARGEST_ANSWER:
                answer.close()
                raise OSError("more than fits")
        if deadline.over:
            raise TimeoutError("cut")
        return content

    def _down(self) -> PartnerUnavailable:
        metrics.count("PartnerUnavailable")
        return PartnerUnavailable(f"{self.name} does not answer.", retry_after=_RETRY_LATER, partner=self.name)


@cache
def _pool() -> "urllib3.PoolManager":
    """One for all partners."""
    from holdfast.platform.lines import pool

    return pool()


def _seconds(retry_after: str | None) -> int:
    """The header's seconds; a date, or nothing, is our own guess."""
    return min(int(retry_after), _LONGEST_WAIT) if retry_after and re.fullmatch(r"[0-9]{1,6}", retry_after) else _RETRY_LATER


def unguarded(_: str, call: Callable[[], Reply], /) -> Reply:
    """No breaker: for who has no table to remember in."""
    return call()
