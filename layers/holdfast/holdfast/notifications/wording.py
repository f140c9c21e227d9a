"""The words of a language, as its file has them: `words/en.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from holdfast.kernel.model import Model
from holdfast.notifications.kinds import Kind
from holdfast.notifications.spelling import SPELLINGS

DEFAULT = "en"


class Wording(Model):
    """One message. Each is a template, and says one thing: paragraphs with nothing to say are left out, as is a button without words."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    button: str
    short: str


class RowWords(Model):
    """`title` of a table, and what stands left and right in each row."""

    title: str = ""
    left: str
    right: str = ""


class Words(Model):
    """`because`: why one gets a message of a topic that can be switched off. `reasons`: our own, as events have them in English.
    `more_keys`: of an order with more keys than a mail shows.
    """

    order: str
    unsubscribe: str
    choose: str
    more_keys: str
    all_keys: str
    because: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, str] = {}
    tables: Mapping[str, RowWords]
    kinds: Mapping[Kind, Wording]


def known(language: str) -> str:
    """The language, or the one that all have if nobody here speaks it."""
    return language if language in SPELLINGS else DEFAULT


@cache
def words(language: str) -> Words:
    text = resources.files("holdfast.notifications").joinpath("words", f"{language}.toml").read_text("utf-8")
    return Words.model_validate(tomllib.loads(text))
