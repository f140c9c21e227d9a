"""How the story is told: plain lines for a log, one clear sentence when it breaks, and a picture that says what was counted."""

from __future__ import annotations

import io
import socket
from xml.etree import ElementTree

import pytest

from infra.local import story
from infra.local.race_picture import draw
from infra.local.story import Buyer, Race, StoryBroken, Teller, eventually

SVG = "{http://www.w3.org/2000/svg}"


def answered(number: int, status: int) -> Buyer:
    return Buyer(number * 0.1, number * 0.1 + 0.05, status, None if status == 201 else "insufficient_stock")


def race(*statuses: int) -> Race:
    buyers = [answered(number, status) for number, status in enumerate(statuses)]
    held = statuses.count(201)
    return Race("RACE", held, buyers, {"on_hand": held, "available": 0, "locked": held}, 14, [])


def test_a_race_counts_its_answers() -> None:
    counted = race(201, 201, 409, 500)
    assert (counted.orders, counted.sold_out, counted.faults) == (2, 1, 1)
    assert counted.seconds == pytest.approx(0.35)


def test_the_picture_has_a_bar_for_each_buyer() -> None:
    picture = ElementTree.fromstring(draw(race(201, 409, 409)))
    bars = [bar.get("class") for bar in picture.iter(f"{SVG}rect") if bar.get("rx") is None]
    assert sorted(filter(None, bars)) == ["lost", "lost", "won"]


def test_the_picture_says_what_it_shows() -> None:
    picture = ElementTree.fromstring(draw(race(201, 409)))
    words = " ".join(text.text or "" for text in picture.iter(f"{SVG}text"))
    assert picture.get("aria-label") == "2 buyers asked for 1 units in 0.2 seconds: 1 orders, 1 were told that it is sold out, 0 errors."
    assert "on hand 1  =  available 0  +  held 1" in words
    assert "0 server errors" in words


def test_a_log_gets_one_plain_line_for_each_step() -> None:
    out = io.StringIO()
    with Teller(out).step("a", "Ada buys"):
        pass
    assert out.getvalue().startswith("+ a  Ada buys")
    assert out.getvalue().count("\n") == 1
    assert "\033" not in out.getvalue()


def test_a_broken_step_is_marked() -> None:
    out = io.StringIO()
    with pytest.raises(StoryBroken), Teller(out).step("b", "Ben buys"):
        raise StoryBroken
    assert out.getvalue().startswith("x b  Ben buys")


def test_without_a_stack_the_story_ends_with_a_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    out = io.StringIO()
    status = {"api_url": f"{nowhere}/v1", "emulator_url": nowhere, "shop": "demo", "admin_key": "none"}
    assert story.main(status, out=out) == 1
    assert "The story broke: " in out.getvalue()
    assert "Traceback" not in out.getvalue()


def test_waiting_ends_with_what_was_seen_last() -> None:
    with pytest.raises(StoryBroken, match="waited 0 s for the moon; last seen: only a star"):
        eventually(lambda: "only a star", lambda seen: seen == "moon", "the moon", seconds=0)
