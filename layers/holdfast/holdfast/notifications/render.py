"""Letters become mails: the words of their kind and language, set in one page of HTML and one of plain text that say the same."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import resources
from typing import Any, NamedTuple

from jinja2 import FunctionLoader, StrictUndefined, Template, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from holdfast.notifications import spelling
from holdfast.notifications.kinds import MANNERS, Kind
from holdfast.notifications.letter import Count, Letter, Sum
from holdfast.notifications.model import Mail
from holdfast.notifications.wording import known, words

MOST_SUBJECT, MOST_SENDER, MOST_SHOP = 150, 60, 30
_ORDER = ("lines", "total")
_BILL = ("goods", "sums")
TABLES: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORDER_RECEIVED: _BILL,
    Kind.PAYMENT_RECEIPT: _BILL,
    Kind.HOLD_EXPIRING: ("goods", "total"),
    Kind.PAYMENT_FAILED: ("goods", "total"),
    Kind.LATE_PAYMENT: ("refunded", *_ORDER),
    Kind.PARTIAL_REFUND: ("refunded", *_ORDER),
    Kind.CANCELLED: ("goods", "total"),
    Kind.REFUNDED: ("goods", "total"),
    Kind.SECOND_PAYMENT: ("goods", "total"),
    Kind.SHIPPED: ("parcel", "tracking"),
    Kind.DELIVERED: ("lines",),
    Kind.DELIVERY_PROBLEM: ("lines",),
    Kind.BACK_IN_STOCK: (),
    Kind.LOW_STOCK: ("low",),
    Kind.DEAD_LETTER: ("dead",),
    Kind.REVIEW_NEEDED: (),
    Kind.DAILY_DIGEST: ("orders", "taken", "waiting", "running_low", "failed"),
}
"""What stands below the words; where nothing is said, the lines of the order and its total."""
ROWS: Mapping[str, Callable[[Letter], Iterable[Any]]] = {
    "lines": lambda letter: letter.lines,
    "goods": lambda letter: letter.lines,
    "sums": lambda letter: letter.bill,
    "total": lambda letter: [letter.total] if letter.total else [],
    "refunded": lambda letter: [line for line in letter.lines if line.refunded],
    "parcel": lambda letter: [line for line in letter.lines if line.units],
    "tracking": lambda letter: letter.tracking,
    "low": lambda letter: letter.low,
    "dead": lambda letter: letter.dead,
    "orders": lambda letter: _counts(letter.digest.orders if letter.digest else {}),
    "taken": lambda letter: letter.digest.taken if letter.digest else (),
    "waiting": lambda letter: _counts(letter.digest.waiting.model_dump() if letter.digest else {}),
    "running_low": lambda letter: letter.digest.low if letter.digest else (),
    "failed": lambda letter: _counts(letter.digest.failed.model_dump() if letter.digest else {}),
}


class Row(NamedTuple):
    left: str
    right: str
    strong: bool


class Table(NamedTuple):
    title: str
    rows: list[Row]


class Page(NamedTuple):
    """`on_color`: of words on the button. `because`: why one gets it, where one may switch it off. `more_keys`: that there are
    more than are shown; `all_keys`: where.
    """

    subject: str
    heading: str
    paragraphs: list[str]
    tables: list[Table]
    button: str
    order: str
    on_color: str
    because: str
    unsubscribe: str
    choose: str
    more_keys: str
    all_keys: str


def render(letter: Letter) -> Mail:
    letter = _in_its_language(letter)
    wording = words(letter.language).kinds[letter.kind]
    page = _page(letter)
    html, text = (_environment(letter.language).get_template(f"mail.{form}").render(letter=letter, page=page) for form in ("html", "txt"))
    return Mail(
        to=letter.to,
        subject=page.subject,
        text=f"{text.strip()}\n",
        html=html,
        short=spelling.shortened(f"{spelling.clipped(letter.shop.name, MOST_SHOP)}: {_say(letter, wording.short)}"),
        sender_name=spelling.clipped(letter.shop.sender_name or letter.shop.name, MOST_SENDER),
        reply_to=letter.shop.reply_to,
        unsubscribe_url=letter.unsubscribe_url,
    )


def _in_its_language(letter: Letter) -> Letter:
    """With its reason: people's own words stay as they are."""
    language = known(letter.language)
    reasons = words(language).reasons
    review = letter.review and letter.review.model_copy(update={"why": reasons.get(letter.review.why, letter.review.why)})
    return letter.model_copy(update={"language": language, "reason": reasons.get(letter.reason or "", letter.reason), "review": review})


def _page(letter: Letter) -> Page:
    language = words(letter.language)
    wording = language.kinds[letter.kind]
    because = language.because.get(MANNERS[letter.kind].topic, "") if letter.unsubscribe_url or letter.preferences_url else ""
    return Page(
        subject=spelling.clipped(_say(letter, wording.subject), MOST_SUBJECT),
        heading=_say(letter, wording.heading),
        paragraphs=[said for paragraph in wording.paragraphs if (said := _say(letter, paragraph))],
        tables=[table for name in TABLES.get(letter.kind, _ORDER) if (table := _table(letter, name)).rows],
        button=wording.button,
        order=language.order,
        on_color=on_color(letter.shop.color),
        because=_say(letter, because),
        unsubscribe=language.unsubscribe,
        choose=language.choose,
        more_keys=_say(letter, language.more_keys) if len(letter.keys) > letter.keys_shown else "",
        all_keys=language.all_keys,
    )


def _table(letter: Letter, name: str) -> Table:
    written = words(letter.language).tables[name]
    return Table(
        written.title,
        [
            Row(
                _say(letter, written.left, row=row),
                _say(letter, written.right, row=row),
                strong=name == "total" or (isinstance(row, Sum) and row.name == "total"),
            )
            for row in ROWS[name](letter)
        ],
    )


def _say(letter: Letter, template: str, **more: Any) -> str:
    """As plain text: the page escapes it as it escapes all that it is given."""
    return spelling.one_line(_template(letter.language, template).render(letter=letter, **more))


def on_color(color: str) -> str:
    """Black or white, whichever is easier to read on it: the eye takes green for brighter than red, and red than blue."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#ffffff" if 299 * red + 587 * green + 114 * blue < 150_000 else "#16201d"


def _counts(counted: Mapping[str, int]) -> list[Count]:
    return [Count(name, count) for name, count in counted.items() if count]


@cache
def _template(language: str, source: str) -> Template:
    return _environment(language).from_string(source)


@cache
def _environment(language: str) -> SandboxedEnvironment:
    """Sandboxed and strict: a misspelt name fails the test that renders it, not silently the mail."""
    environment = SandboxedEnvironment(
        loader=FunctionLoader(_source),
        autoescape=select_autoescape(["html"], default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": partial(spelling.money, language=language),
        "day": partial(spelling.day, language=language),
        "moment": partial(spelling.moment, language=language),
        "clip": spelling.clipped,
    }
    environment.globals |= {"plural": spelling.plural, "names": words(language).names}
    return environment


def _source(name: str) -> str:
    return resources.files("holdfast.notifications").joinpath("templates", name).read_text("utf-8")
