"""Connections that are cut when the time of a call is over, whatever the other side is doing.

urllib3's own time-outs begin anew with each byte, and with each address of a name: a server that sends a byte now and then is never
idle, and never done. The look-up of a name is the one thing that cannot be cut.
"""

import contextlib
import os
import socket
import threading
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_ADDRESSES = 3
IDLE_SECONDS = 30.0
"""A connection that lay longer is not used again: who sleeps as long as a function does is not told that the other side, or the way to
it, has forgotten the line.
"""

_call = threading.local()


class Deadline:
    """One call's time in seconds, for as long as the `with` lasts; urllib3 calls in the thread that opened it. `over`: the line was cut."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()
        self.over = False

    def __enter__(self) -> "Deadline":
        _call.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _call.deadline = None
        self._hold(None)

    @property
    def left(self) -> float:
        """TimeoutError when nothing is left."""
        left = self._ends - time.monotonic()
        if left <= 0 or self.over:
            raise TimeoutError("no time left")
        return left

    def watch(self, line: socket.socket) -> None:
        """By a handle of our own: TLS takes the line over, and urllib3 lets go of it before the last byte came."""
        self._hold(socket.socket(line.family, line.type, line.proto, os.dup(line.fileno())))
        if self.over:
            self._cut()

    def _hold(self, handle: socket.socket | None) -> None:
        with self._lock:
            former, self._handle = self._handle, handle
        if former is not None:
            former.close()

    def _cut(self) -> None:
        self.over = True
        with self._lock, contextlib.suppress(OSError):
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    used: float = 0.0

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.monotonic() - self.used < IDLE_SECONDS

    def _new_conn(self) -> socket.socket:
        line = _connected(self._dns_host, self.port, float(self.timeout or 0), self.socket_options or ())
        _watch(line)
        return line

    def request(self, *given: Any, **named: Any) -> None:
        if self.sock is not None:
            _watch(self.sock)
        super().request(*given, **named)
        self.used = time.monotonic()


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Plain(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _Tls(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


def pool() -> urllib3.PoolManager:
    """Connections are kept, because a handshake costs more than most calls."""
    made = urllib3.PoolManager(num_pools=16, maxsize=8, cert_reqs="CERT_REQUIRED")
    made.pool_classes_by_scheme = {"http": _Plain, "https": _Tls}
    return made


def _watch(line: socket.socket) -> None:
    deadline: Deadline | None = getattr(_call, "deadline", None)
    if deadline is not None:
        deadline.watch(line)


def _connected(host: str, port: int, seconds: float, options: Any) -> socket.socket:
    """To the first address that answers; OSError. `seconds`: for each of them, and all of them within the call's time."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:MOST_ADDRESSES]
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        line = socket.socket(family, kind, protocol)
        try:
            for option in options:
                line.setsockopt(*option)
            line.settimeout(min(seconds, _left(seconds)))
            line.connect(address)
        except OSError as error:
            line.close()
            failure = error
        else:
            return line
    raise failure


def _left(otherwise: float) -> float:
    deadline: Deadline | None = getattr(_call, "deadline", None)
    return deadline.left if deadline is not None else otherwise
