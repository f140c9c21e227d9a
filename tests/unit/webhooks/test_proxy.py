"""One request to somebody else's server: real sockets, real certificates, and names that lead where they should not.

The rule about public addresses is taken away where a test server on this machine plays the public one; what must hold without that is
asked with a resolver that gives the forbidden address, and a server that must not see anybody.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.webhooks import proxy, targets
from holdfast.webhooks.model import Outcome, Reply
from holdfast.webhooks.proxy import HttpPoster, resolved, shown
from holdfast.webhooks.targets import Doors
from tests.unit.webhooks.receivers import Server, answering, authority, dripping, silent

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAPTOP = Doors(loopback=True)


def poster(seconds: int = 5, **given: Any) -> HttpPoster:
    return HttpPoster(LAPTOP, seconds, **given)


def post(server: Server, seconds: int = 5, path: str = "/in?a=1") -> Reply:
    return poster(seconds).post(f"http://127.0.0.1:{server.port}{path}", {"webhook-id": "evt_1"}, '{"a": "ü"}')


def test_a_request_is_what_the_receiver_expects() -> None:
    with Server(answering(OK)) as server:
        reply = post(server)
    assert (reply.outcome, reply.status, reply.answer, reply.detail) == (Outcome.DELIVERED, 200, "ok", None)
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /in?a=1 HTTP/1.1"
    assert set(lines[1:]) == {f"Host: 127.0.0.1:{server.port}", "Accept-Encoding: identity", "webhook-id: evt_1", "Content-Length: 11"}
    assert body == '{"a": "ü"}'.encode()


@pytest.mark.parametrize(("status", "outcome"), [(204, "delivered"), (301, "refused"), (410, "refused"), (500, "refused")])
def test_statuses(status: int, outcome: str) -> None:
    with Server(answering(f"HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".encode())) as server:
        reply = post(server)
    assert (reply.outcome, reply.status, reply.retry_after) == (outcome, status, "7")


def test_a_redirect_is_not_followed() -> None:
    with Server(answering(OK)) as inside:
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/latest/meta-data/\r\nContent-Length: 0\r\n\r\n"
        with Server(answering(away.encode())) as server:
            reply = post(server)
    assert (reply.outcome, reply.status, inside.seen) == (Outcome.REFUSED, 302, [])


def test_no_cookie_comes_back() -> None:
    with Server(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as server:
        one = poster()
        for _ in range(2):
            one.post(f"http://127.0.0.1:{server.port}/", {}, "{}")
    assert len(server.seen) == 2
    assert b"cookie" not in server.seen[1].lower()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(answering(OK)) as somebody, Server(answering(OK)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{somebody.port}")
        monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{somebody.port}")
        assert post(server).outcome is Outcome.DELIVERED
    assert somebody.seen == []


# Servers that are slow, broken or endless.


def timed(act: Callable[[], Reply]) -> tuple[Reply, float]:
    began = time.monotonic()
    reply = act()
    return reply, time.monotonic() - began


@pytest.mark.parametrize(
    "serve",
    [
        silent,
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n", 0.2),
        dripping(b"HT", b"T", 0.2),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.2),
    ],
    ids=["silent", "headers", "status", "continue"],
)
def test_the_line_is_cut_in_time(serve: Any) -> None:
    with Server(serve) as server:
        reply, spent = timed(lambda: post(server, seconds=1))
    assert (reply.outcome, reply.status) == (Outcome.TIMED_OUT, None)
    assert 0.9 <= spent < 3


@pytest.mark.parametrize("head", [b"Content-Length: 4000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_status_counts_though_its_body_does_not_end(head: bytes) -> None:
    with Server(dripping(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", b"1", 0.2)) as server:
        reply, spent = timed(lambda: post(server, seconds=1))
    assert (reply.outcome, reply.status) == (Outcome.DELIVERED, 200)
    assert 0.9 <= spent < 3


def test_without_the_cut_a_drip_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a time-out of the socket alone never strikes."""
    monkeypatch.setattr(proxy.threading, "Timer", NoTimer)
    with Server(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", b".", 0.4)) as server:
        reply, spent = timed(lambda: post(server, seconds=1))
    assert (reply.outcome, reply.answer) == (Outcome.DELIVERED, "." * 8)
    assert spent > 2


class NoTimer:
    daemon = True

    def __init__(self, *_: Any) -> None: ...
    def start(self) -> None: ...
    def cancel(self) -> None: ...
    def join(self, _: float) -> None: ...


def test_a_look_up_that_hangs_is_left_behind() -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["8.8.8.8"]

    reply, spent = timed(lambda: poster(1, resolve=slow).post("https://shop.example/", {}, "{}"))
    assert (reply.outcome, spent < 1.8) == (Outcome.TIMED_OUT, True)


def test_an_endless_answer_is_not_read() -> None:
    def endless(server: Server, line: socket.socket) -> None:
        answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000)(server, line)

    with Server(endless) as server:
        reply = post(server)
    assert (reply.outcome, reply.answer) == (Outcome.DELIVERED, "x" * 500)


@pytest.mark.parametrize(
    "raw", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, b"\x16\x03\x01"]
)
def test_what_is_not_http(raw: bytes) -> None:
    with Server(answering(raw)) as server:
        reply = post(server)
    assert (reply.outcome, reply.status) == (Outcome.UNREACHABLE, None)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = poster().post(f"http://127.0.0.1:{port}/", {}, "{}")
    assert (reply.outcome, reply.detail) == (Outcome.UNREACHABLE, "no connection")


def test_no_such_name() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    reply = poster(resolve=nowhere).post("https://shop.example/", {}, "{}")
    assert (reply.outcome, reply.detail) == (Outcome.UNREACHABLE, "no such name")


def test_what_is_shown_of_an_answer_writes_to_no_terminal() -> None:
    assert shown(b"a\x1b[31mred\x00\r\n\xff" + "ü".encode()) == "a [31mred  \n\ufffdü"
    assert len(shown(b"x" * 9999)) == 500


# Names that lead where they should not.


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.7", "100.64.1.1", "fd00:ec2::254", "::ffff:127.0.0.1", "0.0.0.0", "224.0.0.1"],
)
def test_a_public_name_with_a_private_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", never)
    reply = poster(resolve=lambda host, port: [address]).post("https://shop.example/", {}, "{}")
    assert (reply.outcome, reply.status) == (Outcome.FORBIDDEN, None)
    assert address not in str(reply)


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("nobody may be called")


def test_an_endpoint_of_before_the_rules_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is judged again."""
    monkeypatch.setattr(socket, "create_connection", never)
    for url in ("http://127.0.0.1/", "https://169.254.169.254/", "file:///etc/passwd"):
        assert HttpPoster(Doors(), 5, resolve=never).post(url, {}, "{}").outcome is Outcome.FORBIDDEN


def test_a_name_that_leads_elsewhere_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when it is judged, private when it is asked again. It is not asked again."""
    asked: list[str] = []
    called: list[Any] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: Any, **_: Any) -> Any:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    reply = poster(resolve=rebinding).post("https://shop.example/", {}, "{}")
    assert (asked, called, reply.outcome) == (["shop.example"], [("8.8.8.8", 443)], Outcome.UNREACHABLE)


def test_the_next_address_is_tried_where_the_first_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no way out by IPv6; and each of them was judged."""
    tried: list[Any] = []

    def connect(address: Any, **_: Any) -> Any:
        tried.append(address[0])
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", connect)
    addresses = ["2606:4700::1111", "8.8.8.8", "1.1.1.1", "9.9.9.9"]
    reply = poster(resolve=lambda host, port: addresses).post("https://shop.example/", {}, "{}")
    assert (tried, reply.outcome) == (addresses[:3], Outcome.UNREACHABLE)
    tried.clear()
    poster(resolve=lambda host, port: [*addresses, "10.0.0.1"]).post("https://shop.example/", {}, "{}")
    assert tried == []


def test_the_second_address_answers() -> None:
    """The server of the test hears on one of this machine's two addresses."""
    with Server(answering(OK)) as server:
        reply = poster(resolve=lambda host, port: ["::1", "127.0.0.1"]).post(f"http://localhost:{server.port}/", {}, "{}")
    assert (reply.outcome, len(server.seen)) == (Outcome.DELIVERED, 1)


# Certificates: of the name, though the socket goes to an address.


def secure(server: Server, client: Any, monkeypatch: pytest.MonkeyPatch, name: str = "shop.example") -> Reply:
    """The test's server plays a public one."""
    monkeypatch.setattr(targets, "public", lambda address: str(address) == "127.0.0.1")
    doors = Doors(ports=frozenset({server.port}))
    calling = HttpPoster(doors, 5, resolve=lambda host, port: ["127.0.0.1"], tls=lambda: client)
    return calling.post(f"https://{name}:{server.port}/in", {}, "{}")


def test_the_certificate_is_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(tmp_path, "shop.example") as (ours, client), Server(answering(OK), ours) as server:
        reply = secure(server, client, monkeypatch)
        assert (reply.outcome, reply.status) == (Outcome.DELIVERED, 200)
        assert server.names == ["shop.example"]
        assert f"Host: shop.example:{server.port}".encode() in server.seen[0]


def test_a_certificate_of_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(tmp_path, "other.example", "127.0.0.1") as (ours, client), Server(answering(OK), ours) as server:
        reply = secure(server, client, monkeypatch)
        assert (reply.outcome, reply.detail, server.seen) == (Outcome.UNREACHABLE, "certificate", [])


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(tmp_path, "shop.example") as (ours, _), Server(answering(OK), ours) as server:
        reply = secure(server, proxy.trusted(), monkeypatch)
        assert (reply.outcome, reply.detail, server.seen) == (Outcome.UNREACHABLE, "certificate", [])


def test_a_server_that_speaks_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda server, line: line.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as server:
        reply = secure(server, proxy.trusted(), monkeypatch)
        assert (reply.outcome, reply.detail) == (Outcome.UNREACHABLE, "tls")


def test_a_handshake_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(server: Server, line: socket.socket) -> None:
        line.sendall(b"\x16\x03\x03\x40\x00")  # sixteen thousand bytes are to follow
        while not server.stopped.wait(0.2):
            line.sendall(b"\x02")

    monkeypatch.setattr(targets, "public", lambda address: True)
    with Server(slow) as server:
        doors = Doors(ports=frozenset({server.port}))
        calling = HttpPoster(doors, 1, resolve=lambda host, port: ["127.0.0.1"])
        reply, spent = timed(lambda: calling.post(f"https://shop.example:{server.port}/", {}, "{}"))
    assert (reply.outcome, spent < 3) == (Outcome.TIMED_OUT, True)


def test_the_machines_own_resolver() -> None:
    assert set(resolved("localhost", 80)) <= {"127.0.0.1", "::1"}
