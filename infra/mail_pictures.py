"""Draws every message as it looks on a phone, and as it looks on a desk: docs/pictures/mails. With Chromium, which nothing else needs.

What is drawn is what is sent: the samples of `notifications/previewing.py`, rendered as mails are.
"""

import html
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import Look
from holdfast.notifications.previewing import preview
from infra.local.trouble import Trouble

PHONE, DESK = 390, 1366
ON_THE_DESK = (Kind.PAYMENT_RECEIPT, Kind.PARTIAL_DELIVERY)
IN_THE_DARK = Kind.COMPLETED
IN_GERMAN = Kind.AWAITING_STOCK
SHOP = Look(
    name="Lamp & Larder",
    reply_to="hello@shop.example",
    legal="Lamp & Larder GmbH, Am Markt 1, 50667 Köln\nHRB 12345, VAT id DE123456789",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIETLY = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-lcd-text"),
)
_HEIGHTS = re.compile(r'<title id="heights">(.*?)</title>')


def draw(folder: Path) -> list[Path]:
    """The pictures. Trouble where there is no Chromium."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise Trouble("Pictures of mails are drawn by Chromium, and there is none here.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        return [
            *_shot(browser, Path(work), folder, PHONE, {kind.value: preview(kind, SHOP, "en").html for kind in Kind}),
            *_shot(browser, Path(work), folder, DESK, {f"{kind}-desk": preview(kind, SHOP, "en").html for kind in ON_THE_DESK}),
            *_shot(browser, Path(work), folder, PHONE, {f"{IN_GERMAN}-de": preview(IN_GERMAN, SHOP, "de").html}),
            *_shot(browser, Path(work), folder, PHONE, {f"{IN_THE_DARK}-dark": _dark(preview(IN_THE_DARK, SHOP, "en").html)}),
        ]


def _dark(page: str) -> str:
    """As a client shows it whose reader likes it dark: Chromium cannot be asked for that from outside."""
    return page.replace("@media (prefers-color-scheme: dark)", "@media all")


def _shot(browser: str, work: Path, folder: Path, width: int, pages: Mapping[str, str]) -> list[Path]:
    """Each as high as it is."""
    shots = []
    for name, height in _heights(browser, work, width, pages).items():
        page, picture = work / f"{name}.html", folder / f"{name}.png"
        page.write_text(pages[name], "utf-8")
        _run(browser, f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri())
        shots.append(picture)
    return shots


def _heights(browser: str, work: Path, width: int, pages: Mapping[str, str]) -> dict[str, int]:
    """In pixels, of all pages at once: each in a frame of that width, which a script measures."""
    frames = "".join(
        f'<iframe name="{name}" style="width:{width}px;height:10px;border:0" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
    )
    script = (
        "addEventListener('load',()=>{heights.textContent=JSON.stringify(Object.fromEntries("
        "[...document.querySelectorAll('iframe')].map(f=>[f.name,f.contentDocument.documentElement.scrollHeight])))})"
    )
    sheet = work / "sheet.html"
    sheet.write_text(f'<!doctype html><meta charset="utf-8"><title id="heights"></title>{frames}<script>{script}</script>', "utf-8")
    found = _HEIGHTS.search(_run(browser, f"--window-size={width + 40},800", "--dump-dom", sheet.as_uri()))
    if found is None:
        raise Trouble("Chromium did not say how high the mails are.")
    measured: dict[str, int] = json.loads(html.unescape(found[1]))
    return measured


def _run(*command: str) -> str:
    browser, *asked = command
    done = subprocess.run([browser, *QUIETLY, *asked], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Trouble(f"Chromium could not draw: {done.stderr[-500:]}")
    return done.stdout


def sizes(pictures: Sequence[Path]) -> str:
    return "\n".join(f"{picture.stat().st_size // 1024:4d} KB  {picture.name}" for picture in pictures)
