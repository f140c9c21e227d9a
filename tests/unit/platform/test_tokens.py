"""Tokens open what they were made for and nothing else; cursors go back to their own list only."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.platform.tokens import InvalidCursor, Tokens

TOKENS = Tokens(lambda: "s" * 64)
chance = settings(deadline=None, derandomize=True, database=None)


def test_the_same_subject_has_the_same_token() -> None:
    token = TOKENS.mint("order", "demo", "ord_1")
    assert (TOKENS.mint("order", "demo", "ord_1"), len(token)) == (token, 43)
    assert TOKENS.opens(token, "order", "demo", "ord_1")


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("checkout", ("demo", "ord_1")),
        ("order", ("other", "ord_1")),
        ("order", ("demo", "ord_2")),
        ("order", ("demoord_1",)),
        ("order", ("demo", "ord_1", "")),
        ("orderdemo", ("ord_1",)),
    ],
)
def test_a_token_opens_nothing_else(purpose: str, subject: tuple[str, ...]) -> None:
    assert not TOKENS.opens(TOKENS.mint("order", "demo", "ord_1"), purpose, *subject)


def test_another_secret_makes_other_tokens() -> None:
    assert Tokens(lambda: "t" * 64).mint("order", "demo", "ord_1") != TOKENS.mint("order", "demo", "ord_1")


@chance
@given(st.text() | st.sampled_from(["\ud800", "\x00", "é" * 43]))
def test_no_text_opens_by_chance(text: str) -> None:
    assert not TOKENS.opens(text, "order", "demo", "ord_1")


@chance
@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20) | st.integers(), max_size=4))
def test_a_position_comes_back_as_it_was(position: dict[str, str | int]) -> None:
    assert TOKENS.open_cursor(TOKENS.seal_cursor(position, "orders", "demo"), "orders", "demo") == position


def test_no_cursor_is_the_beginning_and_no_position_the_end() -> None:
    assert TOKENS.open_cursor(None, "orders", "demo") is None
    assert TOKENS.seal_cursor(None, "orders", "demo") is None


@chance
@given(st.text())
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    with pytest.raises(InvalidCursor):
        TOKENS.open_cursor(text, "orders", "demo")


@pytest.mark.parametrize("scope", [("orders", "other"), ("holds", "demo"), ("orders",), ("ordersdemo",)])
def test_a_cursor_of_another_list_is_refused(scope: tuple[str, ...]) -> None:
    cursor = TOKENS.seal_cursor({"after": "x"}, "orders", "demo")
    with pytest.raises(InvalidCursor):
        TOKENS.open_cursor(cursor, *scope)


def test_a_bent_cursor_is_refused() -> None:
    cursor = TOKENS.seal_cursor({"after": "x"}, "orders", "demo") or ""
    bent = base64.urlsafe_b64encode(json.dumps({"after": "y"}).encode()).decode().rstrip("=")
    with pytest.raises(InvalidCursor):
        TOKENS.open_cursor(f"{bent}.{cursor.partition('.')[2]}", "orders", "demo")
