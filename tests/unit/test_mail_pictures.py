"""Pictures of mails: which are drawn, how high, and what happens where nobody can draw."""

import html
import json
import re
from pathlib import Path

import pytest

from holdfast.notifications.kinds import Kind
from infra import mail_pictures
from infra.local.trouble import Trouble

COMMITTED = Path(__file__).parents[2] / "docs" / "pictures" / "mails"
LARGEST = 60_000
"""Bytes."""


class Browser:
    """Measures each page by its name's length, and draws nothing but that."""

    def __init__(self) -> None:
        self.drawn: dict[str, str] = {}

    def __call__(self, browser: str, size: str, action: str, address: str) -> str:
        page = Path(address.removeprefix("file://")).read_text("utf-8")
        if action == "--dump-dom":
            heights = {name: 100 + len(name) for name in re.findall(r'<iframe name="([^"]+)"', page)}
            return f'<title id="heights">{html.escape(json.dumps(heights))}</title>'
        picture = Path(action.removeprefix("--screenshot="))
        picture.write_text("")
        assert "<script" not in page
        self.drawn[picture.stem] = size
        return ""


def test_every_message_is_drawn_as_wide_as_a_phone_and_as_high_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser()
    monkeypatch.setattr(mail_pictures, "_run", browser)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    pictures = mail_pictures.draw(tmp_path / "new")
    assert {kind.value: f"--window-size=390,{100 + len(kind)}" for kind in Kind}.items() <= browser.drawn.items()
    assert browser.drawn["payment_receipt-desk"].startswith("--window-size=1366,")
    assert {picture.stem for picture in pictures} == browser.drawn.keys()
    assert mail_pictures.sizes(pictures).count("\n") == len(pictures) - 1


def test_what_is_committed_is_what_would_be_drawn_and_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_pictures, "_run", Browser())
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert {picture.name for picture in mail_pictures.draw(tmp_path)} == {picture.name for picture in COMMITTED.iterdir()}
    assert [picture.name for picture in COMMITTED.iterdir() if picture.stat().st_size > LARGEST] == []


def test_without_a_chromium_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(Trouble, match="Chromium"):
        mail_pictures.draw(tmp_path)


def test_a_browser_that_measures_nothing_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_pictures, "_run", lambda *_: "<title></title>")
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    with pytest.raises(Trouble, match="how high"):
        mail_pictures.draw(tmp_path)
