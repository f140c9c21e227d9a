"""What customers read: every template, and what hostile titles and names can do to it."""

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment.model import DeliveredKey
from holdfast.notifications.errors import BeingSentError, MailerBusyError
from holdfast.notifications.model import Letter, LetterKey, LetterLine, Mail
from holdfast.notifications.render import SUBJECTS, render
from holdfast.notifications.usecases import LEASE, TEMPLATES, Notify, notify
from holdfast.orders.views import KeyView
from holdfast.tenants.usecases import NewApiKey
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.notifications import MemoryMailer, MemoryOutbox
from tests.memory.samples import NOW
from tests.memory.stores import in_memory

HOSTILE = '<script>alert("x")</script>\r\nBcc: all@example.com & {{ 7 * 7 }} {% raw %} {number}'


def letter(template: str, *, title: str = "The A", keys: int = 2, **changes: object) -> Letter:
    return Letter(
        **{
            "template": template,
            "to": "ada@example.com",
            "shop_name": "Demo",
            "number": "ABCDE-FGHJK",
            "order_url": "http://shop.test/shops/demo/orders/ord_1?token=secret-token&x=1",
            "lines": (LetterLine(sku="A", title=title, quantity=5, fulfilled=2, owed=3),),
            "keys": tuple(LetterKey(title=title, key=f"KEY-{number}<&>") for number in range(keys)),
            "total": "19.99 EUR",
            "complete": False,
            **changes,
        }
    )


@pytest.mark.parametrize("template", sorted(SUBJECTS))
def test_every_template_says_what_was_bought_and_where_to_look(template: str) -> None:
    mail = render(letter(template))
    assert mail.subject == SUBJECTS[template].format(number="ABCDE-FGHJK")
    for part in (mail.text, mail.html):
        for word in ("Demo", "ABCDE-FGHJK", "The A", "2 of 5", "3 to come", "19.99 EUR", "http://shop.test/shops/demo/orders/ord_1"):
            assert word in part
        assert "{{" not in part
        assert "{%" not in part
    assert "KEY-0<&>" in mail.text
    assert "KEY-1&lt;&amp;&gt;" in mail.html


def test_there_is_a_template_for_each_event_that_is_told() -> None:
    assert set(TEMPLATES.values()) == set(SUBJECTS)


@pytest.mark.parametrize("template", sorted(SUBJECTS))
def test_titles_and_names_stay_text(template: str) -> None:
    mail = render(letter(template, title=HOSTILE, shop_name=HOSTILE, reason=HOSTILE))
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "{{ 7 * 7 }}" in mail.html
    assert "49" not in mail.subject
    assert "\r" not in mail.subject
    assert "\n" not in mail.subject
    assert "Bcc" not in mail.subject
    assert mail.to == "ada@example.com"


def test_one_key_is_a_key_and_two_are_keys() -> None:
    assert "Your key is below." in render(letter("completed", keys=1)).text
    assert "Your keys are below." in render(letter("completed", keys=2)).text
    assert "below" not in render(letter("completed", keys=0)).text


def test_nothing_secret_is_printed() -> None:
    seen = [
        letter("completed"),
        render(letter("completed")),
        LetterKey(title="The A", key="KEY-0"),
        DeliveredKey(id="key_1", sku="A", key="KEY-0", delivered_at=NOW),
        KeyView(id="key_1", sku="A", key="KEY-0", delivered_at=NOW),
        NewApiKey(id="key_1", shop="demo", scopes=(), api_key="hf_secret-token"),
    ]
    for secret in ("KEY-0", "secret-token", "ada@example.com"):
        assert [thing for thing in seen if secret in repr(thing) or secret in str(thing)] == []


class Busy(MemoryMailer):
    def send(self, mail: Mail) -> str:
        raise MailerBusyError("The mail service is busy.")


class Letters:
    def __init__(self, to: str | None = "ada@example.com") -> None:
        self.to = to

    def write(self, shop: str, order: str, template: str, data: dict[str, object]) -> Letter | None:
        return letter(template, to=self.to) if self.to else None


COMMAND = Notify(shop="demo", order="ord_1", event="evt_1", type="order.completed.v1", data={})


def test_a_busy_mailer_leaves_the_mail_to_the_next_try() -> None:
    outbox, mailer = MemoryOutbox(Memory()), MemoryMailer()
    with pytest.raises(MailerBusyError):
        notify(COMMAND, outbox=outbox, letters=Letters(), render=render, mailer=Busy(), now=NOW)
    assert notify(COMMAND, outbox=outbox, letters=Letters(), render=render, mailer=mailer, now=NOW) == "message-1"
    assert notify(COMMAND, outbox=outbox, letters=Letters(), render=render, mailer=mailer, now=NOW) is None
    assert len(mailer.sent) == 1


def test_a_worker_that_died_keeps_the_mail_for_its_lease() -> None:
    outbox, mailer = MemoryOutbox(Memory()), MemoryMailer()
    outbox.claim(samples.row("demo", leased_until=NOW + LEASE), NOW)
    with pytest.raises(BeingSentError):
        notify(COMMAND, outbox=outbox, letters=Letters(), render=render, mailer=mailer, now=NOW + LEASE)
    assert notify(COMMAND, outbox=outbox, letters=Letters(), render=render, mailer=mailer, now=NOW + 2 * LEASE) == "message-1"


def test_nobody_to_write_to_and_nothing_to_tell() -> None:
    outbox, mailer = MemoryOutbox(Memory()), MemoryMailer()
    assert notify(COMMAND, outbox=outbox, letters=Letters(to=None), render=render, mailer=mailer, now=NOW) is None
    silent = COMMAND.model_copy(update={"type": "order.placed.v1"})
    assert notify(silent, outbox=outbox, letters=Letters(), render=render, mailer=mailer, now=NOW) is None
    assert mailer.sent == []


def test_a_late_mail_tells_of_its_own_moment() -> None:
    """The order went on meanwhile: keys and counts of the letter are those of its event."""
    house = House(in_memory(Memory()))
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 3), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.import_keys("KEY", ["later-1", "later-2"], "second")
    house.feed("KEY")
    for event in house.order(order).events:
        house.tell(order, event)
    first, second = house.mailer.sent
    assert "KEY-0001" in first.text
    assert "later-1" not in first.text
    assert "1 of 3, 2 to come" in first.text
    assert "3 of 3" in second.text
    assert "KEY-0001" not in second.text
    assert "later-2" in second.text
    assert "complete now" in second.text
