"""One HTTP request to somebody else's server, which may be slow, broken, or an attempt to make us call our own.

The name is looked up here, every address behind it is judged, and the socket is opened to the very address that was judged: a name
that leads elsewhere a moment later (DNS rebinding) is not asked a second time. The certificate is still that of the name.
Redirects are not followed, cookies not kept, proxies not used, and after some seconds the line is cut, whatever it is doing.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from holdfast.webhooks.errors import UrlRefused
from holdfast.webhooks.model import Outcome, Reply
from holdfast.webhooks.targets import Doors, NotPublic, Target, judged, target_of

READ_BYTES = 4096
"""More of an answer is not read."""
SHOWN = 500
"""Characters of it that are kept for the log."""
CONNECT_SECONDS = 3
"""For each of a name's addresses; the next one may answer, as where there is no way out by IPv6."""
MOST_ADDRESSES = 3

_MEANINGS: tuple[tuple[type[Exception], Outcome, str], ...] = (
    (NotPublic, Outcome.FORBIDDEN, "not an address that webhooks are sent to"),
    (UrlRefused, Outcome.FORBIDDEN, "not an address that webhooks are sent to"),
    (TimeoutError, Outcome.TIMED_OUT, "no answer in time"),
    (ssl.SSLCertVerificationError, Outcome.UNREACHABLE, "certificate"),
    (ssl.SSLError, Outcome.UNREACHABLE, "tls"),
    (socket.gaierror, Outcome.UNREACHABLE, "no such name"),
    (http.client.HTTPException, Outcome.UNREACHABLE, "not http"),
    (OSError, Outcome.UNREACHABLE, "no connection"),
    (UnicodeError, Outcome.UNREACHABLE, "no such name"),
)
"""The first that fits. Said in general words: the log is read by the shop's staff, and what is inside here is not theirs to explore."""
_FAILURES = tuple(kind for kind, _, _ in _MEANINGS)

Resolve = Callable[[str, int], list[str]]


def resolved(host: str, port: int) -> list[str]:
    """All addresses of a name. OSError when there are none."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@cache
def trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


class HttpPoster:
    """`webhooks.ports.Poster`. `seconds`: the whole of a request, from the name's look-up to the answer's last byte."""

    def __init__(self, doors: Doors, seconds: int, resolve: Resolve = resolved, tls: Callable[[], ssl.SSLContext] = trusted) -> None:
        self._doors, self._seconds, self._resolve, self._tls = doors, seconds, resolve, tls
        self._resolvers = ThreadPoolExecutor(4, "resolver")  # a look-up cannot be cut short, only be left behind

    def post(self, url: str, headers: Mapping[str, str], body: str) -> Reply:
        started = time.perf_counter_ns()
        ends = time.monotonic() + self._seconds

        def reply(outcome: Outcome, detail: str | None = None, **told: str | int | None) -> Reply:
            spent = (time.perf_counter_ns() - started) // 1_000_000
            return Reply.model_validate({"outcome": outcome, "milliseconds": spent, "detail": detail, **told})

        try:
            status, retry_after, answer = self._exchange(url, headers, body.encode(), ends)
        except _FAILURES as error:
            return reply(*_meaning(error))
        outcome = Outcome.DELIVERED if 200 <= status < 300 else Outcome.REFUSED
        return reply(outcome, status=status, retry_after=retry_after, answer=shown(answer))

    def _exchange(self, url: str, headers: Mapping[str, str], body: bytes, ends: float) -> tuple[int, str | None, bytes]:
        target = target_of(url, self._doors)  # again: what a deployment allows may have changed since it was registered
        addresses = judged(self._look_up(target, ends), target)
        with _line(_connected(addresses, target.port, ends), ends) as (line, cut):
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = self._tls().wrap_socket(line, server_hostname=target.host) if target.secure else line
            try:
                connection.request("POST", target.path, body, {"Host": target.authority, "Accept-Encoding": "identity", **headers})
                answer = connection.getresponse()
                if cut.is_set():  # an end of the line looks like an end of the head
                    raise TimeoutError("cut")
                return answer.status, answer.headers.get("Retry-After"), _beginning(answer)
            finally:
                connection.close()

    def _look_up(self, target: Target, ends: float) -> list[str]:
        return self._resolvers.submit(self._resolve, target.host, target.port).result(_left(ends))


def _connected(addresses: Sequence[str], port: int, ends: float) -> socket.socket:
    """To the first address that answers."""
    *others, last = addresses[:MOST_ADDRESSES]
    for address in others:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), timeout=min(_left(ends), CONNECT_SECONDS))
    return socket.create_connection((last, port), timeout=min(_left(ends), CONNECT_SECONDS))


@contextmanager
def _line(line: socket.socket, ends: float) -> Iterator[tuple[socket.socket, threading.Event]]:
    """A connection that is cut when its time is over: a server that sends a byte now and then is never idle, and never done."""
    seconds = max(ends - time.monotonic(), 0)
    line.settimeout(seconds or None)
    with line.dup() as handle:  # TLS takes the socket over; what is shut down here is the connection behind both
        cut = threading.Event()

        def end() -> None:
            cut.set()
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

        watch = threading.Timer(seconds, end)
        watch.daemon = True
        watch.start()
        try:
            yield line, cut
        except (OSError, http.client.HTTPException) as error:
            if cut.is_set():
                raise TimeoutError("cut") from error
            raise
        finally:
            watch.cancel()
            watch.join(1)
            line.close()


def _beginning(answer: http.client.HTTPResponse) -> bytes:
    """The status is the answer; a body that is broken or does not end is only missing from the log."""
    try:
        return answer.read(READ_BYTES)
    except (OSError, http.client.HTTPException):
        return b""


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left


def shown(answer: bytes) -> str:
    """The beginning of an answer as text, without what could write to a terminal."""
    text = answer.decode("utf-8", "replace")[:SHOWN]
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _meaning(error: Exception) -> tuple[Outcome, str]:
    return next((outcome, detail) for kind, outcome, detail in _MEANINGS if isinstance(error, kind))
