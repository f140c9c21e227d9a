"""The pages: they answer, they are strict, they escape what they are given, and they are made of vendored files that nobody touched."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from infra.local import gateway as package
from infra.local.gateway.app import build_app
from infra.local.gateway.inbox import as_instant, as_read, newest_first
from infra.local.gateway.target import Targets

GATEWAY = Path(package.__file__).parent
PAGES = ["/", "/shop/demo", "/shop/demo/orders/ord_1", "/shops/demo/orders/ord_1", "/pay/pay_1", "/inbox", "/admin", "/docs"]


def record(number: int, subject: str, html: str, at: int) -> dict[str, Any]:
    """A mail as the emulator keeps it."""
    parts = {"BodyText": "hi", "BodyHtml": html, "Timestamp": at}
    parts = {"BodyText": "hi", "BodyHtml": html, "Timestamp": at}
    return {"MessageId": f"m{number}", "Source": "shop@x.example", "To": [f"buyer{number}@x.example"], "Subject": subject, **parts}


MAILS = {"messages": {"000000000000": [record(1, "First", "<b>hi</b>", 100), record(2, "Second", "", 200)]}}

INSTANTS = {
    0: "1970-01-01T00:00:00.000Z",
    "2026-11-21T04:00:00Z": "2026-11-21T04:00:00.000Z",
    "2026-11-21T05:00:00+01:00": "2026-11-21T04:00:00.000Z",
    "soon": "",
    None: "",
}


def ask(path: str, *, mails: Mapping[str, Any] | None = None, **options: Any) -> tuple[int, Mapping[str, str], str]:
    """One GET of the gateway; `mails` puts an emulator behind it."""

    async def play() -> tuple[int, Mapping[str, str], str]:
        async with serving_mails(mails) as targets:
            runner = web.AppRunner(build_app(targets), shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                async with aiohttp.ClientSession() as session, session.get(url + path, **options) as answer:
                    return answer.status, answer.headers, await answer.text()
            finally:
                await runner.cleanup()

    return asyncio.run(play())


@asynccontextmanager
async def serving_mails(mails: Mapping[str, Any] | None) -> Any:
    if mails is None:
        yield Targets()
        return
    emulator = web.Application()

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(mails)

    emulator.router.add_get("/_ministack/ses/messages", answer)
    runner = web.AppRunner(emulator, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Targets(emulator_url=f"http://127.0.0.1:{runner.addresses[0][1]}", api_id="abc")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_and_is_strict(path: str) -> None:
    status, headers, body = ask(path)
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers
    assert '<html lang="en">' in body


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_for_anything(path: str) -> None:
    body = ask(path)[2]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', body)
    assert [address for address in loaded if not address.startswith(("/", "#"))] == []
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", body) == []


def test_what_stands_in_the_address_is_escaped() -> None:
    body = ask("/pay/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")[2]
    assert "<script>alert" not in body
    assert "&lt;script&gt;" in body


@pytest.mark.parametrize("path", ["/shop/No-Shop!", "/admin?shop=..", "/nowhere"])
def test_no_such_page(path: str) -> None:
    status, headers, body = ask(path, headers={"Accept": "text/html"})
    assert status == 404
    assert "There is no such page" in body
    assert "Content-Security-Policy" in headers


def test_programs_get_problems_not_pages() -> None:
    status, headers, body = ask("/nowhere")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json; charset=utf-8")
    assert json.loads(body)["code"] == "not_found"


def test_the_inbox_is_newest_first() -> None:
    status, headers, body = ask("/_gateway/mails", mails=MAILS)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    items = json.loads(body)["items"]
    assert [item["subject"] for item in items] == ["Second", "First"]
    assert [item["has_html"] for item in items] == [False, True]
    assert items[1]["at"] == "1970-01-01T00:01:40.000Z"


def test_a_mail_is_shown_in_a_cage() -> None:
    status, headers, body = ask("/_gateway/mails/m1/html", mails=MAILS)
    policy = headers["Content-Security-Policy"]
    assert (status, body.endswith("<b>hi</b>")) == (200, True)
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("mail", ["m2", "unknown"])
def test_a_mail_without_html_has_no_html(mail: str) -> None:
    assert ask(f"/_gateway/mails/{mail}/html", mails=MAILS)[0] == 404


def test_the_inbox_says_when_nothing_runs() -> None:
    assert ask("/_gateway/mails")[0] == 503


def test_mails_of_the_same_second_keep_the_order_of_sending() -> None:
    records = [{"MessageId": str(number), "Timestamp": 5} for number in range(3)]
    assert [mail["id"] for mail in newest_first({"messages": {"1": records}})] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Demo shop <shop@x.example>", "Demo shop <shop@x.example>"),
        ("=?utf-8?b?TMOkZGNoZW4=?= <shop@x.example>", "L\u00e4dchen <shop@x.example>"),
        ("=?nothing?b?TMOk?= <shop@x.example>", "=?nothing?b?TMOk?= <shop@x.example>"),
        ("=?utf-8?b?/w==?= <shop@x.example>", "=?utf-8?b?/w==?= <shop@x.example>"),
        ("", ""),
    ],
)
def test_who_wrote_is_shown_as_mail_programs_do(sent: str, shown: str) -> None:
    assert as_read(sent) == shown


@pytest.mark.parametrize(("given", "said"), INSTANTS.items())
def test_instants(given: object, said: str) -> None:
    assert as_instant(given) == said


def test_the_status_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    targets = Targets(status_file=file)
    assert targets.current() is None
    file.write_text('{"emulator_url": "http://127.0.0.1:1/", "api_id": "one"}')
    found = targets.current()
    assert found is not None
    assert found.api("/v1/x") == "http://127.0.0.1:1/_aws/execute-api/one/v1/x"
    file.write_text('{"emulator_url": "http://127.0.0.1:1/", "api_id": "second"}')
    again = targets.current()
    assert again is not None
    assert again.api_id == "second"
    file.write_text("{half a fi")
    assert targets.current() is None
    file.unlink()
    assert targets.current() is None


def test_arguments_win_over_the_status_file(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text('{"emulator_url": "http://127.0.0.1:1", "api_id": "one"}')
    found = Targets(status_file=file, api_id="mine").current()
    assert found is not None
    assert (found.emulator_url, found.api_id) == ("http://127.0.0.1:1", "mine")


def test_vendored_files_are_those_of_the_list() -> None:
    listed = dict(re.findall(r"\| `(vendor/[^`]+)` \| `([0-9a-f]{64})` \|", (GATEWAY / "VENDORED.md").read_text()))
    files = [file for file in (GATEWAY / "vendor").rglob("*") if file.is_file()]
    there = {str(file.relative_to(GATEWAY)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert there == listed


def test_pages_know_no_python_of_the_product() -> None:
    for file in GATEWAY.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) holdfast\b", file.read_text(), re.MULTILINE), file
