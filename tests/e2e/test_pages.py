"""The pages on top of the deployed API: served, strict, and (where a Chromium is at hand) rendered."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.local.client import Http, expect
from infra.local.story import World

pytestmark = pytest.mark.stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUIETLY = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def gateway(stack: dict[str, Any]) -> Any:
    parts = urlsplit(stack["api_url"])
    http = Http(f"{parts.scheme}://{parts.netloc}")
    yield http
    http.close()


def test_every_page_of_the_status_is_served(stack: dict[str, Any], gateway: Http) -> None:
    assert stack["pages"].keys() >= {"home", "shop", "inbox", "admin", "docs"}
    for url in stack["pages"].values():
        answer = expect(200, gateway.send("GET", urlsplit(url).path))
        assert answer.media_type == "text/html"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_contract_behind_the_docs_is_served(gateway: Http) -> None:
    assert expect(200, gateway.send("GET", "/openapi.json")).json["openapi"].startswith("3.1")


def test_the_inbox_shows_the_mail_of_an_order(world: World, gateway: Http) -> None:
    order = world.buy(world.put_digital("LETTER", 1), 1, world.buyer("lena"))
    world.wait_for_status(order, "completed")
    world.wait_for_mails(world.buyer("lena"), 1)
    mails = [mail for mail in expect(200, gateway.send("GET", "/_gateway/mails")).json["items"] if world.buyer("lena") in mail["to"]]
    assert all(order["number"] in mail["subject"] for mail in mails)
    (mail,) = [mail for mail in mails if "complete" in mail["subject"]]
    shown = expect(200, gateway.send("GET", f"/_gateway/mails/{mail['id']}/html"))
    assert world.api.keys(order)[0].encode() in shown.body
    assert f"/orders/{order['id']}?token=".encode() in shown.body


def test_the_links_in_mails_lead_to_pages(world: World, gateway: Http) -> None:
    order = world.hold(world.put_physical("LINK", 1), 1, world.buyer("lisa"))
    for page in (f"orders/{order['id']}?token={order['order_token']}", "products/LINK", "checkout-sessions/cks_1?token=any"):
        assert expect(200, gateway.send("GET", f"/shops/{world.api.shop}/{page}")).media_type == "text/html"


def test_a_foreign_name_for_this_machine_is_turned_away(gateway: Http) -> None:
    answer = gateway.send("GET", "/v1/health", headers={"Host": "rebound.example"})
    assert (answer.status, answer.code) == (421, "host_not_allowed")


def rendered(url: str, profile: Path) -> str:
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM on this machine: the pages were not rendered by this run")
    command = [CHROMIUM, *QUIETLY, f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_storefront_renders_what_the_api_says(stack: dict[str, Any], world: World, tmp_path: Path) -> None:
    sku = world.put_physical("RENDERED", 2, "A thing to look at")
    dom = rendered(stack["pages"]["shop"], tmp_path)
    assert sku in dom
    assert "A thing to look at" in dom
    assert "Add to bag" in dom


def test_the_order_page_shows_the_hold(stack: dict[str, Any], world: World, tmp_path: Path) -> None:
    order = world.hold(world.put_physical("WATCHED", 1, "A thing to hold"), 1, world.buyer("wanda"))
    base = stack["pages"]["home"].rstrip("/")
    dom = rendered(f"{base}/shop/{world.api.shop}/orders/{order['id']}?token={order['order_token']}", tmp_path)
    assert order["number"] in dom
    assert "A thing to hold" in dom
    assert order["order_token"] not in dom
