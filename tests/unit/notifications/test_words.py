"""Every message in each language: that it says what it must, that text and HTML say the same, and what hostile words can do to it."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from holdfast import orders
from holdfast.fulfilment.key_file import LONGEST as LONGEST_KEY
from holdfast.kernel.money import Money
from holdfast.notifications import render as rendering
from holdfast.notifications import spelling
from holdfast.notifications.kinds import MANNERS, OPTIONAL, Audience, Channel, Kind
from holdfast.notifications.letter import MOST_KEYS, DeadLetter, Digest, Letter, LetterKey, LetterLine, Look, LowStock, Review, Sum
from holdfast.notifications.model import Mail, Notice
from holdfast.notifications.previewing import SAMPLES, preview, sample
from holdfast.notifications.render import ROWS, TABLES, on_color, render
from holdfast.notifications.wording import words
from holdfast.orders.model import Status
from holdfast.tenants.model import Language

ORDERS_CODE = Path(orders.__file__).parent
DOCS = Path(__file__).parents[3] / "docs"
LANGUAGES = [language.value for language in Language]
SHOP = Look(name="Demo", legal="Demo Ltd, 1 Main St\nVAT 123")
HOSTILE = {
    "script": "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "quotes": '" onload=alert(1) x=" \' > &lt;b&gt; &amp;',
    "line breaks": "Shop\r\nBcc: all@example.com\nX: y\u2028z\u2029\x00\x1b[31m",
    "turned around": "invoice\u202egpj.exe \u2066abc\u2069",
    "templates": "{{ 7 * 7 }} {% raw %} {{ letter.keys }} {number} ${x} <%= 1 %>",
    "long": "W" * 200,
    "umlauts": "Größenänderung für Übermäßige – Straße №5 ñandú 漢字",
}


class Seen(HTMLParser):
    """What a reader of the HTML part sees, and all elements and attributes that there are."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._unseen = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._unseen += tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        """Elements and the names of their attributes; how many lines there are is no matter."""
        return [(tag, list(attributes)) for tag, attributes in self.elements if tag != "br"]

    def links(self) -> set[str | None]:
        return {attributes[name] for _, attributes in self.elements for name in ("href", "src") if name in attributes}


def said(text: str) -> list[str]:
    """Words and numbers, without addresses and without what only sets them apart."""
    return re.findall(r"[^\s:•·–-]+", re.sub(r"https?://\S+", "", text.replace("\n--\n", "\n")))


def money(amount: int, currency: str = "EUR") -> Money:
    return Money(amount=amount, currency=currency)


def line(title: str = "The A", **units: int) -> LetterLine:
    return LetterLine(sku="A", title=title, sum=money(1999), **{"quantity": 5, "fulfilled": 2, "owed": 3, **units})


def keys(count: int, title: str = "The A") -> tuple[LetterKey, ...]:
    return tuple(LetterKey(title=title, key=f"KEY-{number:03d}<&>\"'") for number in range(count))


TOTAL = (Sum(name="total", money=money(1999)),)
ORDERS: dict[str, dict[str, Any]] = {
    "one key": {"lines": (line(quantity=1, fulfilled=1, owed=0),), "keys": keys(1), "bill": TOTAL},
    "many keys": {"lines": (line(quantity=40, fulfilled=40, owed=0),), "keys": keys(40), "bill": TOTAL},
    "physical": {"lines": (line(fulfilled=0, owed=0, ready=5, units=5),), "bill": TOTAL, "carrier": "UPS", "tracking": ("1Z", "2Z")},
    "mixed": {"lines": (line("Key", refunded=1), line("Box", fulfilled=0, ready=2)), "keys": (*keys(2, "Key"),), "bill": TOTAL},
    "owed": {"lines": (line(fulfilled=0, owed=5),), "bill": TOTAL, "complete": False},
    "one owed": {"lines": (line(quantity=1, fulfilled=0, owed=1),), "bill": TOTAL, "complete": False},
    "nothing": {"lines": (), "bill": ()},
}


def letter(kind: Kind, language: str = "en", shop: Look = SHOP, **changes: Any) -> Letter:
    """The sample of the kind, with these changes: as one that is made anew, so that it is read as letters are."""
    like = sample(kind, shop, language)
    return Letter(**{**{name: getattr(like, name) for name in Letter.model_fields}, **changes})


def hostile(kind: Kind, language: str, words_: str) -> Letter:
    """A stranger's words wherever a stranger's words may stand."""
    return letter(
        kind,
        language,
        Look(name=words_, sender_name=words_, legal=f"{words_}\n{words_}", logo_url=None),
        lines=(line(words_, refunded=1, units=1),),
        keys=(LetterKey(title=words_, key="KEY-1"),),
        reason=words_,
        carrier=words_,
        tracking=(words_,),
        title=words_,
        low=(LowStock(sku="A", title=words_, available=1, threshold=2),),
        dead=(DeadLetter(what=words_, kind=words_),),
        review=Review(what="dispute", why=words_),
        digest=Digest(day=date(2026, 1, 2), low=(LowStock(sku="A", title=words_, available=1, threshold=2),)),
    )


# What there is.


def test_every_language_a_shop_may_choose_is_spoken() -> None:
    assert set(LANGUAGES) == set(spelling.SPELLINGS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_messages_and_names(language: str) -> None:
    english, other = words("en"), words(language)
    assert set(other.kinds) == set(Kind)
    assert set(other.because) == set(OPTIONAL)
    assert {name: set(table) for name, table in other.names.items()} == {name: set(table) for name, table in english.names.items()}
    assert other.tables.keys() == english.tables.keys() == ROWS.keys()
    for kind in Kind:
        assert len(other.kinds[kind].paragraphs) == len(english.kinds[kind].paragraphs), kind
        assert bool(other.kinds[kind].button) == bool(english.kinds[kind].button), kind
    for name, table in other.tables.items():
        assert (bool(table.title), bool(table.right)) == (bool(english.tables[name].title), bool(english.tables[name].right)), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_of_an_order_has_a_name(language: str) -> None:
    assert set(words(language).names["statuses"]) == set(Status)


def test_there_is_a_sample_of_each_message_and_each_table_exists() -> None:
    assert set(SAMPLES) == set(Kind)
    assert {name for tables in TABLES.values() for name in tables} <= ROWS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_customers_have_a_button_and_staff_have_none(kind: Kind, language: str) -> None:
    """There is no page of ours that staff would be led to."""
    assert bool(words(language).kinds[kind].button) == (MANNERS[kind].audience is Audience.CUSTOMER)


@pytest.mark.parametrize("kind", Kind)
def test_every_message_is_in_the_docs_with_its_picture(kind: Kind) -> None:
    page = (DOCS / "notifications.md").read_text("utf-8")
    assert f"![{kind}](pictures/mails/{kind}.png)" in page
    assert (DOCS / "pictures" / "mails" / f"{kind}.png").is_file()
    _, _, kinds = page.partition("## The messages")
    assert f"`{kind}`" in kinds.partition("\n\nMessages tell")[0]


# What it says.


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("order", ORDERS)
def test_every_message_renders_for_every_order_and_text_and_html_say_the_same(kind: Kind, language: str, order: str) -> None:
    written = letter(kind, language, **ORDERS[order])
    mail = render(written)
    seen = Seen(mail.html)
    assert said(seen.text) == said(mail.text)
    for key in written.keys:
        assert key.key in seen.text
        assert key.key in mail.text.splitlines()
    assert written.number in mail.text
    assert seen.links() == {address for address in (written.url, written.unsubscribe_url, written.preferences_url) if address}
    assert all(address is None or address in mail.text for address in seen.links())


@pytest.mark.parametrize("kind", Kind)
def test_messages_in_german_are_in_german(kind: Kind) -> None:
    english, german = (render(letter(kind, language, reason=None)) for language in ("en", "de"))
    assert german.subject != english.subject
    assert german.short != english.short
    assert '<html lang="de">' in german.html
    assert not {"your", "the", "you", "order", "and"} & set(said(german.text.lower()))


@pytest.mark.parametrize("reason", words("de").reasons)
def test_our_own_reasons_are_translated_and_peoples_are_not(reason: str) -> None:
    """Each is one that an order's events really have."""
    assert any(f'"{reason}"' in path.read_text("utf-8") for path in ORDERS_CODE.glob("*.py"))
    mail = render(letter(Kind.REFUNDED, "de", reason=reason))
    assert words("de").reasons[reason] in mail.text
    assert reason not in mail.text
    assert f"{reason}!" in render(letter(Kind.REFUNDED, "de", reason=f"{reason}!")).text
    assert words("de").reasons[reason] in render(letter(Kind.REVIEW_NEEDED, "de", review=Review(what="refund", why=reason))).text


def test_a_language_that_nobody_speaks_is_english() -> None:
    assert render(letter(Kind.COMPLETED, "tlh")).subject == preview(Kind.COMPLETED, SHOP, "en").subject


@pytest.mark.parametrize(
    ("language", "one", "two", "none"),
    [
        ("en", "Your key is below.", "Your keys are below.", "below"),
        ("de", "Ihr Schlüssel steht unten.", "Ihre Schlüssel stehen unten.", "unten"),
    ],
)
def test_one_key_is_a_key_and_two_are_keys(language: str, one: str, two: str, none: str) -> None:
    assert one in render(letter(Kind.COMPLETED, language, keys=keys(1))).text
    assert two in render(letter(Kind.COMPLETED, language, keys=keys(2))).text
    assert none not in render(letter(Kind.COMPLETED, language, keys=())).text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "These are the first 200 of your 24000 keys. All of them are on the page of your order. See all your keys"),
        ("de", "Dies sind die ersten 200 Ihrer 24000 Schlüssel. Alle stehen auf der Seite Ihrer Bestellung. Alle Schlüssel ansehen"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.COMPLETED, Kind.PARTIAL_DELIVERY, Kind.ADDITIONAL_KEYS])
def test_a_mail_about_very_many_keys_shows_some_and_leads_to_all(kind: Kind, language: str, told: str) -> None:
    every = tuple(LetterKey(title=f"Product {title}", key=f"KEY-{title:02d}-{key:04d}") for title in range(24) for key in range(1000))
    written = letter(kind, language, lines=tuple(line(f"Product {title}") for title in range(24)), keys=every)
    mail = render(written)
    seen = Seen(mail.html)
    assert told in seen.text
    assert f"{told}: {written.url}" in mail.text
    for part in (seen.text, mail.text):
        assert re.findall(r"KEY-\d\d-\d{4}", part) == [key.key for key in every[:200]]
    assert len(mail.html.encode()) < 200_000
    assert len(mail.text.encode()) < 20_000


def test_the_longest_keys_that_there_can_be_fit_into_a_mail() -> None:
    """A mail service takes ten million bytes, and a third is added on the way there."""
    mail = render(letter(Kind.COMPLETED, keys=tuple(LetterKey(title="A", key='"' * LONGEST_KEY) for _ in range(24_000))))
    assert 4 * len((mail.html + mail.text).encode()) < 3 * 10_000_000


def test_as_many_keys_as_a_mail_shows_are_all_of_them() -> None:
    for count, more in ((MOST_KEYS, False), (MOST_KEYS + 1, True)):
        mail = render(letter(Kind.COMPLETED, keys=keys(count)))
        assert (mail.text.count("KEY-"), "of your" in mail.text) == (MOST_KEYS, more)


@pytest.mark.parametrize(
    ("language", "one", "three"),
    [
        ("en", "1 more will come by itself as soon as it arrives", "3 more will come by themselves as soon as they arrive"),
        ("de", "1 kommt von selbst", "3 kommen von selbst"),
    ],
)
def test_what_is_owed_is_counted(language: str, one: str, three: str) -> None:
    assert one in render(letter(Kind.PARTIAL_DELIVERY, language, lines=(line(owed=1),))).text
    assert three in render(letter(Kind.PARTIAL_DELIVERY, language, lines=(line(owed=3),))).text


@pytest.mark.parametrize(("hours", "text"), [(1, "within 1 hour."), (24, "within 24 hours.")])
def test_the_promise_is_told_as_the_shop_made_it(hours: int, text: str) -> None:
    for kind in (Kind.PARTIAL_DELIVERY, Kind.AWAITING_STOCK):
        assert text in render(letter(kind, promised_hours=hours)).text
    assert text in render(letter(Kind.DELAY, promised_hours=hours)).text


@pytest.mark.parametrize(
    ("state", "words_"),
    [
        ({"complete": True, "lines": (line(owed=0),)}, "Your order is complete now."),
        ({"complete": False, "lines": (line(owed=2),)}, "2 more will come as soon as they arrive."),
        ({"complete": False, "lines": (line(owed=0, ready=1),)}, "The rest of your order is here as well and will be packed."),
    ],
)
def test_additional_keys_say_how_the_order_stands(state: dict[str, Any], words_: str) -> None:
    assert words_ in render(letter(Kind.ADDITIONAL_KEYS, **state)).text


def test_a_receipt_has_net_tax_shipping_and_total() -> None:
    mail = preview(Kind.PAYMENT_RECEIPT, SHOP, "de")
    for row in ("Waren: 89,97 EUR", "Versand: 4,90 EUR", "Summe: 94,87 EUR", "Netto: 79,72 EUR", "Enthaltene Steuern: 15,15 EUR"):
        assert f"- {row}" in mail.text.splitlines()
    assert "Wir haben am 21. November 2026 94,87 EUR erhalten." in mail.text


@pytest.mark.parametrize(
    ("review", "words_"),
    [
        (Review(what="payment", came=money(100), expected=money(200)), "1.00 EUR came for order 7K2MQ-X4T9B; 2.00 EUR was asked for."),
        (Review(what="payment"), "of an amount that we cannot read. Take it, or give it back."),
        (Review(what="refund", came=money(100), why="no such charge"), "did not give back 1.00 EUR"),
        (Review(what="dispute", came=money(100), due=datetime(2026, 12, 1, 23, 59, tzinfo=UTC)), "until 1 December 2026, 23:59 UTC."),
        (Review(what="dispute"), "asks for the money of order 7K2MQ-X4T9B. You can answer at the provider."),
    ],
)
def test_what_a_person_must_decide_is_told_apart(review: Review, words_: str) -> None:
    mail = render(letter(Kind.REVIEW_NEEDED, review=review))
    assert words_ in mail.text
    assert review.why in mail.text


def test_a_day_on_which_nothing_happened_has_no_empty_tables() -> None:
    mail = render(letter(Kind.DAILY_DIGEST, digest=Digest(day=date(2026, 1, 2))))
    assert "Nobody placed an order" in mail.text
    assert "- " not in mail.text
    assert mail.subject == "Demo: your day, 2 January 2026"


def test_several_products_that_run_low_are_told_in_one_mail() -> None:
    low = tuple(LowStock(sku=sku, title=f"The {sku}", available=3, threshold=5) for sku in ("A", "B"))
    mail = render(letter(Kind.LOW_STOCK, low=low))
    assert mail.subject == "Low stock: 2 products"
    assert "- The A (A): 3 left" in mail.text
    assert "- The B (B): 3 left" in mail.text


# Looks.


@pytest.mark.parametrize("kind", Kind)
def test_a_mail_loads_nothing_but_the_logo_and_runs_nothing(kind: Kind) -> None:
    logo = "https://cdn.example/logo.png?a=1&b=2"
    mail = preview(kind, SHOP.model_copy(update={"logo_url": logo}), "en")
    seen = Seen(mail.html)
    loaded = [(tag, attributes) for tag, attributes in seen.elements if tag in {"img", "script", "link", "iframe", "form", "object"}]
    assert [tag for tag, _ in loaded] == ["img"]
    assert (loaded[0][1]["src"], loaded[0][1]["alt"]) == (logo, "Demo")
    assert "url(" not in mail.html
    assert "@import" not in mail.html
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]


def test_without_a_logo_the_shop_is_named() -> None:
    seen = Seen(preview(Kind.DELIVERED, SHOP, "en").html)
    assert seen.text.startswith("Demo Order 7K2MQ-X4T9B Your parcel has arrived.")
    assert "img" not in {tag for tag, _ in seen.elements}


def test_what_a_phone_and_the_dark_need_is_there() -> None:
    seen = Seen(preview(Kind.COMPLETED, SHOP, "en").html)
    metas = {attributes.get("name"): attributes.get("content") for tag, attributes in seen.elements if tag == "meta"}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


@pytest.mark.parametrize(
    ("color", "words_"),
    [("#000000", "#ffffff"), ("#ffffff", "#16201d"), ("#1f5f4a", "#ffffff"), ("#FFD400", "#16201d"), ("#e63946", "#ffffff")],
)
def test_the_words_on_the_button_can_be_read(color: str, words_: str) -> None:
    assert on_color(color) == words_
    html = preview(Kind.COMPLETED, SHOP.model_copy(update={"color": color}), "en").html
    assert f"background:{color}" in html
    assert f"color:{words_}" in html


@pytest.mark.parametrize("kind", Kind)
def test_what_can_be_switched_off_says_so_and_nothing_else_does(kind: Kind) -> None:
    mail = preview(kind, SHOP, "en")
    optional = MANNERS[kind].topic in OPTIONAL
    assert ("Do not send me these any more" in mail.text) == optional
    assert bool(mail.unsubscribe_url) == optional
    assert ("Choose what we write to you about" in mail.text) == optional
    alone = render(letter(kind, unsubscribe_url=None))
    assert (alone.text.count("any more: "), "Choose what" in alone.text) == (0, optional)


def test_the_link_to_all_choices_stands_in_the_words_and_not_in_the_header() -> None:
    mail = preview(Kind.BACK_IN_STOCK, SHOP, "en")
    assert (mail.unsubscribe_url or "").endswith("/unsubscribe")
    assert all("/preferences" in words_ for words_ in (mail.text, mail.html))


# Hostile words.


@pytest.mark.parametrize("words_", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_strangers_words_stay_words(kind: Kind, language: str, words_: str) -> None:
    written = hostile(kind, language, words_)
    mail = render(written)
    seen, harmless = Seen(mail.html), Seen(render(hostile(kind, language, "plain")).html)
    assert seen.shape == harmless.shape
    assert seen.links() == harmless.links()
    assert said(seen.text) == said(mail.text)
    assert "49" not in mail.subject
    for told in (mail.subject, mail.short, mail.sender_name or ""):
        assert told.isprintable()
        assert "\n" not in told
    assert not set("\u202e\u2066\u2069\x00\x1b\u2028\r") & set(mail.text + mail.html + mail.subject + mail.short)
    assert len(mail.subject) <= 150
    assert len(mail.sender_name or "") <= 60
    assert mail.to == "somebody@example.com"


def test_the_hostile_words_would_do_harm_unescaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the test above sees what escaping keeps away."""
    monkeypatch.setattr(rendering, "select_autoescape", lambda *_, **__: False)
    rendering._environment.cache_clear()
    rendering._template.cache_clear()
    try:
        seen = Seen(render(hostile(Kind.CANCELLED, "en", HOSTILE["script"])).html)
    finally:
        monkeypatch.undo()
        rendering._environment.cache_clear()
        rendering._template.cache_clear()
    assert {"script", "img"} <= {tag for tag, _ in seen.elements}


def test_a_key_is_told_letter_by_letter() -> None:
    odd = "A\u202eB  C<b>&amp;{{ 1 }}\"'"
    mail = render(letter(Kind.COMPLETED, keys=(LetterKey(title="T", key=odd),)))
    assert odd in mail.text
    assert odd in "".join(Seen(mail.html).words)


def test_a_misspelt_name_is_an_error_and_the_words_reach_nothing_else() -> None:
    with pytest.raises(UndefinedError):
        rendering._say(letter(Kind.COMPLETED), "{{ letter.nubmer }}")
    with pytest.raises(SecurityError):
        rendering._say(letter(Kind.COMPLETED), "{{ letter.__class__.__mro__[1].__subclasses__() }}")


# Text messages, and messages in the app.


@pytest.mark.parametrize("name", ["Demo", "D" * 120, "Škoda–Café 漢字 №1 " * 6, "{[€]}" * 20])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_the_short_form_has_no_keys_and_fits_two_parts(kind: Kind, language: str, name: str) -> None:
    mail = render(
        letter(
            kind, language, Look(name=name), keys=keys(3), title="T" * 200, tracking=("1Z999AA10123456784",), url="https://secret.example/t"
        )
    )
    assert spelling.fits(mail.short)
    assert "KEY-" not in mail.short
    assert "http" not in mail.short
    assert mail.short.startswith(name[:20])
    if Channel.SMS in MANNERS[kind].channels:
        assert not mail.short.endswith("...")  # nothing had to be cut off


@pytest.mark.parametrize(
    ("text", "needed"), [("abc", (3, 306)), ("äöüßÄ@", (6, 306)), ("1 €", (4, 306)), ("a^b", (4, 306)), ("č", (1, 134)), ("😀", (2, 134))]
)
def test_places_of_a_text_message(text: str, needed: tuple[int, int]) -> None:
    assert spelling.places(text) == needed


@pytest.mark.parametrize("sign", ["a", "€", "漢", "😀"])
def test_what_is_too_long_is_cut_to_what_fits(sign: str) -> None:
    cut = spelling.shortened(sign * 400)
    assert spelling.fits(cut)
    assert cut.endswith("...")
    assert not spelling.fits(cut + sign * 4)
    assert spelling.shortened(sign * 60) == sign * 60


# Spelling.


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (1999, "EUR", "19.99 EUR", "19,99 EUR"),
        (5, "USD", "0.05 USD", "0,05 USD"),
        (0, "GBP", "0.00 GBP", "0,00 GBP"),
        (1999, "JPY", "1,999 JPY", "1.999 JPY"),
        (999, "JPY", "999 JPY", "999 JPY"),
        (1999, "KWD", "1.999 KWD", "1,999 KWD"),
        (123_456_789, "EUR", "1,234,567.89 EUR", "1.234.567,89 EUR"),
    ],
)
def test_money_is_written_as_its_reader_writes_it(amount: int, currency: str, english: str, german: str) -> None:
    assert spelling.money(money(amount, currency), "en") == english
    assert spelling.money(money(amount, currency), "de") == german


def test_instants_are_told_in_utc_and_say_so() -> None:
    east = datetime(2026, 3, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert spelling.moment(east, "en") == "28 February 2026, 23:05 UTC"
    assert spelling.moment(east, "de") == "28. Februar 2026, 23:05 Uhr (UTC)"
    assert spelling.day(east, "en") == "28 February 2026"
    assert spelling.day(date(2026, 3, 1), "de") == "1. März 2026"


def test_nothing_secret_is_printed() -> None:
    written = letter(Kind.HOLD_EXPIRING, keys=keys(1), url="https://shop.test/?token=secret-token", to="ada@example.com")
    mail: Mail = render(written)
    wish = {"email": "ada@example.com"}
    notice = Notice(shop="demo", event="evt_1", kind=Kind.BACK_IN_STOCK, at=written.at, subject="BOX", data=wish)
    for secret in ("KEY-000", "secret-token", "ada@example.com", "unsubscribe"):
        assert not [thing for thing in (written, mail, notice, *written.keys) if secret in repr(thing) or secret in str(thing)]
