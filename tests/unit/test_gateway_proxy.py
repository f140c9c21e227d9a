"""The proxy in front of the deployed API: byte for byte, both ways, and honest when there is nothing behind it."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from infra.local.gateway.app import build_app
from infra.local.gateway.guard import is_local, is_local_origin
from infra.local.gateway.proxy import LARGEST_BODY, stays_inside_the_api
from infra.local.gateway.target import Targets

Upstream = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Emulator:
    """Stands where the emulator stands and writes down what reached it."""

    def __init__(self, answer: Upstream | None = None) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.connections: set[object] = set()
        self._answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        self.connections.add(request.transport)
        return await self._answer(request) if self._answer else web.Response(text="ok")


@asynccontextmanager
async def served(app: web.Application, *, unpack: bool = True) -> AsyncIterator[str]:
    runner = web.AppRunner(app, auto_decompress=unpack, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def gateway_before(emulator: Emulator) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    upstream = web.Application(client_max_size=2 * LARGEST_BODY)
    upstream.router.add_route("*", "/{path:.*}", emulator.handle)
    async with served(upstream, unpack=False) as emulator_url, gateway(Targets(emulator_url=emulator_url, api_id="abc")) as pair:
        yield pair


@asynccontextmanager
async def gateway(targets: Targets) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with served(build_app(targets), unpack=False) as url, aiohttp.ClientSession(auto_decompress=False) as session:
        yield session, url


def test_a_request_arrives_as_it_was_sent() -> None:
    async def play() -> None:
        emulator = Emulator()
        async with gateway_before(emulator) as (session, url):
            raw = URL(f"{url}/v1/shops/demo/a%2Fb%20c?x=1&x=2&y=%C3%BC", encoded=True)
            headers = CIMultiDict([("X-Twice", "one"), ("X-Twice", "two"), ("Content-Type", "text/plain; charset=x")])
            async with session.put(raw, data=b"\x00\xff raw \r\n", headers=headers) as answer:
                assert answer.status == 200
        request = emulator.seen[0]
        assert request.method == "PUT"
        assert request.raw_path == "/_aws/execute-api/abc/v1/shops/demo/a%2Fb%20c?x=1&x=2&y=%C3%BC"
        assert request.headers.getall("X-Twice") == ["one", "two"]
        assert request.headers["Content-Type"] == "text/plain; charset=x"
        assert request.headers["Host"] == request.url.authority
        assert emulator.bodies[0] == b"\x00\xff raw \r\n"

    asyncio.run(play())


def test_an_answer_comes_back_as_it_was_given() -> None:
    async def teapot(_: web.Request) -> web.Response:
        headers = CIMultiDict([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "application/problem+json"), ("ETag", '"7"')])
        return web.Response(status=418, reason="Short and stout", body=b'{"code": "\xc3\xa9"}', headers=headers)

    async def play() -> None:
        async with gateway_before(Emulator(teapot)) as (session, url), session.get(f"{url}/v1/x") as answer:
            assert (answer.status, answer.reason) == (418, "Short and stout")
            assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["ETag"] == '"7"'
            assert "Content-Security-Policy" not in answer.headers
            assert await answer.read() == b'{"code": "\xc3\xa9"}'

    asyncio.run(play())


def test_a_packed_body_is_not_unpacked_on_the_way() -> None:
    packed = gzip.compress(b'{"lines": []}')

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"Content-Encoding": "gzip"})

    async def play() -> None:
        emulator = Emulator(echo)
        packing = {"Content-Encoding": "gzip"}
        async with gateway_before(emulator) as (session, url), session.post(f"{url}/v1/x", data=packed, headers=packing) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.read() == packed
        assert emulator.bodies == [packed]

    asyncio.run(play())


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_every_method_is_the_apis_own_matter(method: str) -> None:
    async def play() -> None:
        emulator = Emulator()
        async with gateway_before(emulator) as (session, url), session.request(method, f"{url}/v1/x") as answer:
            assert answer.status == 200
            assert await answer.read() == (b"" if method == "HEAD" else b"ok")
        assert emulator.seen[0].method == method

    asyncio.run(play())


def test_a_request_without_a_body_gets_none() -> None:
    async def play() -> None:
        emulator = Emulator()
        async with gateway_before(emulator) as (session, url), session.get(f"{url}/v1/x") as answer:
            assert answer.status == 200
        assert "Content-Type" not in emulator.seen[0].headers
        assert "Transfer-Encoding" not in emulator.seen[0].headers

    asyncio.run(play())


def test_headers_of_one_connection_stay_on_it() -> None:
    async def play() -> None:
        emulator = Emulator()
        headers = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "X-Yours": "2"}
        async with gateway_before(emulator) as (session, url), session.get(f"{url}/v1/x", headers=headers) as answer:
            assert answer.status == 200
        assert "X-Mine" not in emulator.seen[0].headers
        assert emulator.seen[0].headers["X-Yours"] == "2"

    asyncio.run(play())


def test_connections_to_the_emulator_are_used_again() -> None:
    async def play() -> None:
        emulator = Emulator()
        async with gateway_before(emulator) as (session, url):
            for _ in range(5):
                async with session.get(f"{url}/v1/x") as answer:
                    await answer.read()
            assert len(emulator.connections) == 1

    asyncio.run(play())


def test_many_at_once_get_their_own_answers() -> None:
    async def echo(request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(body=await request.read())

    async def play() -> None:
        async with gateway_before(Emulator(echo)) as (session, url):

            async def one(number: int) -> bytes:
                async with session.post(f"{url}/v1/x", data=str(number).encode()) as answer:
                    return await answer.read()

            assert await asyncio.gather(*map(one, range(200))) == [str(number).encode() for number in range(200)]

    asyncio.run(play())


def test_without_a_deployment_it_says_what_to_do() -> None:
    async def play() -> None:
        async with gateway(Targets()) as (session, url), session.get(f"{url}/v1/health") as answer:
            body = await answer.json(content_type="application/problem+json")
            assert (answer.status, body["code"]) == (503, "local_stack_down")
            assert "python3 infra/dev.py demo" in body["detail"]
            assert answer.headers["Retry-After"] == "5"

    asyncio.run(play())


def test_a_dead_emulator_is_a_503_too(unused_port: int) -> None:
    async def play() -> None:
        targets = Targets(emulator_url=f"http://127.0.0.1:{unused_port}", api_id="abc")
        async with gateway(targets) as (session, url), session.post(f"{url}/v1/x", data=b"{}") as answer:
            assert answer.status == 503

    asyncio.run(play())


def test_a_broken_answer_is_told_as_unknown_outcome() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def play() -> None:
        async with gateway_before(Emulator(hang_up)) as (session, url), session.post(f"{url}/v1/x", data=b"{}") as answer:
            body = await answer.json(content_type="application/problem+json")
            assert (answer.status, body["code"]) == (502, "emulator_broke_off")
            assert "Idempotency-Key" in body["detail"]

    asyncio.run(play())


def test_a_body_beyond_reason_is_refused() -> None:
    async def play() -> None:
        emulator, too_much = Emulator(), io.BytesIO(b"x" * (LARGEST_BODY + 1))
        async with (
            gateway_before(emulator) as (session, url),
            session.post(f"{url}/v1/x", data=too_much) as answer,
        ):
            assert answer.status == 413
        assert emulator.seen == []

    asyncio.run(play())


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "user@127.0.0.1", "", "[::2]"])
def test_a_foreign_name_is_turned_away(host: str) -> None:
    async def play() -> None:
        emulator = Emulator()
        async with gateway_before(emulator) as (session, url):
            for path in ("/v1/x", "/", "/_gateway/mails"):
                async with session.get(url + path, headers={"Host": host}) as answer:
                    assert answer.status in (400, 421)
        assert emulator.seen == []

    asyncio.run(play())


ORIGINS = {"https://evil.example": 403, "null": 403, "http://localhost:3000": 200, "http://127.0.0.1:8787": 200}


@pytest.mark.parametrize(("origin", "status"), ORIGINS.items())
def test_a_page_of_another_site_may_not_use_it(origin: str, status: int) -> None:
    async def play() -> None:
        async with gateway_before(Emulator()) as (session, url), session.post(f"{url}/v1/x", headers={"Origin": origin}) as answer:
            assert answer.status == status

    asyncio.run(play())


@pytest.mark.parametrize("authority", ["127.0.0.1", "127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787"])
def test_names_of_this_machine(authority: str) -> None:
    assert is_local(authority)
    assert is_local_origin(f"http://{authority}")


ESCAPES = ["/v1/../_ministack/reset", "/v1/%2e%2E/x", "/v1/a/./b", "/v1/..?x", "/v1/a\\..\b", "http://127.0.0.1/v1/x", "/v1/.."]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_way_out_of_the_api(path: str) -> None:
    assert not stays_inside_the_api(path)


@pytest.mark.parametrize("path", ["/v1/x", "/v1/a..b", "/v1/.well-known/x", "/v1/x?next=../y", "/v1/a%2Fb"])
def test_ordinary_paths_pass(path: str) -> None:
    assert stays_inside_the_api(path)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
