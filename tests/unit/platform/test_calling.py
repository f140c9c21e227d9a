"""Calls to partners over real sockets: servers that are slow, broken, endless or sly, and hosts that are not the partner's."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import calling, lines
from holdfast.platform.calling import (
    LARGEST_ANSWER,
    Partner,
    PartnerThrottles,
    PartnerUnavailable,
    PartnerUnreadable,
    Reply,
    unguarded,
)
from tests.unit.platform.partners import HOST, URL, ask, counted, partner
from tests.unit.webhooks.receivers import Server, answering, authority, dripping, read_request, silent


@pytest.fixture(autouse=True)
def fresh_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    counted(monkeypatch)  # nothing is left for who flushes next
    calling._pool.cache_clear()
    yield
    calling._pool().clear()


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers))
    return head.encode() + b"\r\n" + body


def timed(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    with pytest.raises(PartnerUnavailable):
        act()
    return time.monotonic() - began


def test_the_whole_address_goes_to_the_stand_in() -> None:
    with Server(answering(http(200, b'{"id": "x"}', "X-Request-Id: r1"))) as server:
        reply = ask(server)
    assert (reply.partner, reply.status, reply.ok, reply.json(), reply.headers["x-request-id"]) == ("partner", 200, True, {"id": "x"}, "r1")
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == f"POST /fakes/{HOST}/v1/things?a=1 HTTP/1.1".encode()
    assert b"Authorization: Bearer x" in head
    assert body == b"a=1"


def test_without_a_stand_in_the_address_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the partner's own name and over TLS, whose certificate is judged."""
    with authority(tmp_path, HOST) as (theirs, ours), Server(answering(http(200, b"{}")), theirs) as server:
        _leads_to(monkeypatch, server)
        real = Partner("partner", frozenset({HOST}), breaker=unguarded, seconds=3.0)
        assert timed(lambda: real.call("GET", URL, {})) < 3  # nobody whom this machine trusts has signed it
        pool = lines.pool()
        pool.connection_pool_kw["ssl_context"] = ours
        monkeypatch.setattr(calling, "_pool", lambda: pool)
        assert real.call("POST", URL, {}, b"x").json() == {}
    assert server.names == [HOST, HOST]
    assert [seen.split(b"\r\n")[0] for seen in server.seen] == [b"POST /v1/things?a=1 HTTP/1.1"]
    assert f"Host: {HOST}".encode() in server.seen[0]


def _leads_to(monkeypatch: pytest.MonkeyPatch, *servers: Server) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)) for server in servers]
    monkeypatch.setattr(lines.socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.partner.example/v1",
        "https://api.partner.example:444/v1",
        "https://api.partner.example@evil.example/v1",
        "https://evil.example/api.partner.example",
        "https://api.partner.example.evil.example/",
        "https://API.PARTNER.EXAMPLE/",
        "//api.partner.example/v1",
        "file:///etc/passwd",
        "",
    ],
)
def test_other_hosts_are_not_called(url: str) -> None:
    asked: list[str] = []

    def breaker(name: str, call: Callable[[], Reply]) -> Reply:
        asked.append(name)
        return call()

    with Server(silent) as server, pytest.raises(ValueError, match="is not a host of partner"):
        partner(server, breaker=breaker).call("GET", url, {})
    assert (asked, server.seen) == ([], [])


def test_the_circuit_is_that_of_the_host_and_not_of_the_stand_in() -> None:
    asked: list[str] = []

    def breaker(circuit: str, call: Callable[[], Reply]) -> Reply:
        asked.append(circuit)
        return call()

    with Server(answering(http(200, b"{}"))) as server:
        assert ask(server, breaker=breaker).partner == "partner"
    assert asked == [f"partner:{HOST}"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    with Server(answering(http(200))) as inside:
        away = http(status, b"", f"Location: http://127.0.0.1:{inside.port}/latest/meta-data/")
        with Server(answering(away)) as server:
            assert ask(server).status == status
    assert inside.seen == []


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 402, 403, 404, 409, 422])
def test_what_is_an_answer_is_given_back(status: int) -> None:
    with Server(answering(http(status, b"" if status == 204 else b"text"))) as server:
        reply = ask(server)
    assert (reply.status, reply.ok) == (status, status < 300)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_broken_partner_is_unavailable(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = counted(monkeypatch)
    with Server(answering(http(status, b"<html>"))) as server, pytest.raises(PartnerUnavailable) as failure:
        ask(server)
    assert (failure.value.code, failure.value.status, failure.value.retry_after) == ("partner_unavailable", 503, 5)
    assert (failure.value.facts, metrics, len(server.seen)) == ({"partner": "partner"}, ["PartnerUnavailable"], 1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 17", 17),
        ("Retry-After: 0", 0),
        ("Retry-After: 999999", 300),
        ("Retry-After: 99999999999999999999999", 5),
        ("Retry-After: -1", 5),
        ("Retry-After: 1.5", 5),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 5),
        ("X-Nothing: 1", 5),
    ],
)
def test_a_partner_that_throttles_says_for_how_long(header: str, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = counted(monkeypatch)
    with Server(answering(http(429, b"slow down", header))) as server, pytest.raises(PartnerThrottles) as failure:
        ask(server)
    assert (failure.value.code, failure.value.retry_after, failure.value.facts) == ("partner_throttles", seconds, {"partner": "partner"})
    assert metrics == ["PartnerThrottled"]


@pytest.mark.parametrize("body", [b"", b"<html>Sorry</html>", b"[1]", b'"x"', b"null", b"{", b"\xff\xfe", b'{"a": 1} trailing'])
def test_what_is_not_a_json_object_is_unreadable(body: bytes) -> None:
    with Server(answering(http(200, body))) as server:
        reply = ask(server)
    with pytest.raises(PartnerUnreadable) as failure:
        reply.json()
    assert (failure.value.code, failure.value.facts) == ("partner_unreadable", {"partner": "partner"})
    assert isinstance(failure.value, UnavailableError)


# Servers that take their time.

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "serve",
    [
        silent,
        dripping(b"HT", b"T", 0.1),
        dripping(HEAD, b"X-Drop: 1\r\n", 0.1),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
        dripping(HEAD + b"Content-Length: 4000\r\n\r\n", b"1", 0.1),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.1),
        dripping(HEAD + b"\r\n", b"1", 0.1),
    ],
    ids=["silent", "status", "headers", "continue", "length", "chunks", "until-closed"],
)
def test_a_call_takes_no_longer_than_told(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = counted(monkeypatch)
    with Server(serve) as server:
        spent = timed(lambda: ask(server, seconds=0.6))
    assert 0.5 <= spent < 1.5
    assert metrics == ["PartnerUnavailable"]


def test_one_call_may_have_less_time_and_never_more() -> None:
    with Server(silent) as server:
        assert timed(lambda: partner(server, 2.0).call("POST", URL, {}, b"x", seconds=0.3)) < 1
        assert timed(lambda: partner(server, 0.3).call("POST", URL, {}, b"x", seconds=5)) < 1


def test_without_the_cut_a_drip_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: urllib3's time-outs alone never strike."""
    monkeypatch.setattr(lines.threading, "Timer", NoTimer)
    with Server(dripping(HEAD + b"Content-Length: 8\r\n\r\n", b".", 0.2)) as server:
        began = time.monotonic()
        assert ask(server, seconds=0.5).body == b"." * 8
    assert time.monotonic() - began > 1


class NoTimer:
    daemon = True

    def __init__(self, *_: Any) -> None: ...
    def start(self) -> None: ...
    def cancel(self) -> None: ...


def test_a_handshake_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(server: Server, line: socket.socket) -> None:
        while not server.stopped.wait(0.1):
            line.sendall(b"\x16\x03\x03\x40\x00")  # a record that is announced and does not come

    with Server(mute) as server:
        _leads_to(monkeypatch, server)
        real = Partner("partner", frozenset({HOST}), breaker=unguarded, seconds=0.6)
        assert timed(lambda: real.call("GET", URL, {})) < 1.5


def test_all_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    class Deaf(socket.socket):
        def connect(self, address: Any) -> None:
            tried.append(self.gettimeout() or 0)
            time.sleep(tried[-1])
            raise TimeoutError

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 443)) for n in range(9)]
    monkeypatch.setattr(lines.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(lines.socket, "socket", Deaf)
    real = Partner("partner", frozenset({HOST}), breaker=unguarded, seconds=0.5)
    assert timed(lambda: real.call("GET", URL, {})) < 1.2
    assert 1 <= len(tried) <= lines.MOST_ADDRESSES


def test_the_next_address_may_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(silent) as gone:
        pass
    with Server(answering(http(200, b"{}"))) as server:
        _leads_to(monkeypatch, gone, server)
        reply = Partner("partner", frozenset({HOST}), breaker=unguarded, seconds=2.0, reroute="http://stand-in.example").call(
            "POST", URL, {}, b"x"
        )
    assert reply.ok


def test_a_name_without_an_address_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(lines.socket, "getaddrinfo", unknown)
    assert timed(lambda: Partner("partner", frozenset({HOST}), breaker=unguarded, seconds=2.0).call("GET", URL, {})) < 1


# Servers that send too much, or what is not HTTP.


def test_an_answer_of_the_largest_size_fits() -> None:
    with Server(answering(http(200, b"x" * LARGEST_ANSWER))) as server:
        assert len(ask(server).body) == LARGEST_ANSWER


@pytest.mark.parametrize(
    "raw",
    [
        http(200, b"x" * (LARGEST_ANSWER + 1)),
        HEAD + b"\r\n" + b"x" * (2 * LARGEST_ANSWER),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 40 + b"0\r\n\r\n",
    ],
    ids=["length", "until-closed", "chunks"],
)
def test_an_endless_answer_is_none(raw: bytes) -> None:
    with Server(answering(raw)) as server:
        assert timed(lambda: ask(server)) < 3


def test_a_small_answer_that_unpacks_to_a_large_one_is_none() -> None:
    import gzip

    bomb = gzip.compress(b"x" * (40 * LARGEST_ANSWER))
    assert len(bomb) < LARGEST_ANSWER
    with Server(answering(http(200, bomb, "Content-Encoding: gzip"))) as server:
        assert timed(lambda: ask(server)) < 3


@pytest.mark.parametrize(
    "raw",
    [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", HEAD + b"A: b\r\n" * 200, b"\x16\x03\x01", HEAD + b"Content-Length: 9\r\n\r\nshort"],
)
def test_what_is_not_http_is_unavailable(raw: bytes) -> None:
    with Server(answering(raw)) as server:
        assert timed(lambda: ask(server)) < 3


# Lines that are kept.


def keeping(server: Server, line: socket.socket) -> None:
    while True:
        server.seen.append(read_request(line))
        line.sendall(http(200, b"{}"))


def test_a_line_is_used_again_and_not_after_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def once(server: Server, line: socket.socket) -> None:
        nonlocal asked
        asked += 1
        keeping(server, line)

    with Server(once) as server:
        ask(server), ask(server)
        assert (asked, len(server.seen)) == (1, 2)
        monkeypatch.setattr(lines, "IDLE_SECONDS", 0.0)
        ask(server)
        assert (asked, len(server.seen)) == (2, 3)
        calling._pool().clear()


def test_a_line_that_was_closed_in_between_is_not_used() -> None:
    with Server(answering(http(200, b"{}"))) as server:
        for _ in range(3):
            assert ask(server).ok
            time.sleep(0.05)
    assert len(server.seen) == 3


def test_a_deadline_outlives_no_call() -> None:
    """The cut of a call that is over does not strike the next one on the same line."""
    with Server(keeping) as server:
        ask(server, seconds=0.2)
        time.sleep(0.3)
        assert ask(server, seconds=2).ok
        calling._pool().clear()
    assert len(server.seen) == 2


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(answering(http(200))) as somebody, Server(answering(http(200, b"{}"))) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{somebody.port}")
        monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{somebody.port}")
        assert ask(server).ok
    assert somebody.seen == []


def test_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Server(answering(http(500, b"marker-of-an-answer"))) as server, pytest.raises(PartnerUnavailable):
        partner(server).call("POST", URL + "&key=marker", {"Authorization": "Bearer marker"}, b"marker")
    assert "partner is broken" in caplog.text
    assert "marker" not in caplog.text


def test_errors_of_the_library_are_all_caught() -> None:
    """What urllib3 may raise is one tree, or of the operating system."""
    assert issubclass(urllib3.exceptions.HTTPError, Exception)
    assert all(
        issubclass(kind, (urllib3.exceptions.HTTPError, OSError))
        for kind in (urllib3.exceptions.ProtocolError, urllib3.exceptions.IncompleteRead, TimeoutError, ConnectionResetError)
    )
