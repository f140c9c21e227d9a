"""Mails and text messages as they arrive at what stands in for SES and SNS: moto, and the emulator."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from holdfast.notifications.errors import ServiceBusyError
from holdfast.notifications.kinds import Channel
from holdfast.notifications.mailer import SesSender
from holdfast.platform import aws
from tests.unit.notifications.rows import mail, notification
from tests.unit.notifications.test_channels import texter

REGION = "eu-central-1"


class Arrived(NamedTuple):
    """`mails`: sender, recipients, subject and text of each; `texts`: number and words."""

    mails: Callable[[], list[tuple[str, list[str], str, str]]]
    texts: Callable[[], list[tuple[str, str]]]


@pytest.fixture
def moto_services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arrived]:
    with mock_aws():
        _clients(monkeypatch, None)
        yield Arrived(_mails_of_moto, _texts_of_moto)


@pytest.fixture
def emulated_services(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Arrived:
    _clients(monkeypatch, emulator)
    return Arrived(lambda: _mails_of(emulator), lambda: _texts_of(emulator))


@pytest.fixture(params=["moto_services", pytest.param("emulated_services", marks=pytest.mark.emulator)])
def services(request: pytest.FixtureRequest) -> Arrived:
    found: Arrived = request.getfixturevalue(request.param)
    return found


def _clients(monkeypatch: pytest.MonkeyPatch, endpoint: str | None) -> None:
    session = aws._session()
    made = {
        name: session.create_client(name, region_name=REGION, endpoint_url=endpoint, config=aws._BY_SERVICE[name])
        for name in ("sesv2", "sns")
    }
    monkeypatch.setattr(aws, "client", made.__getitem__)


def _mails_of_moto() -> list[tuple[str, list[str], str, str]]:
    sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    return [(one.source, one.destinations["ToAddresses"], one.subject, one.body) for one in sent]


def _texts_of_moto() -> list[tuple[str, str]]:
    return [(number, words) for number, words, *_ in sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()]


def _told(endpoint: str, path: str) -> Any:
    with urllib.request.urlopen(f"{endpoint}/_ministack/{path}", timeout=5) as answer:
        return json.load(answer)


def _mails_of(endpoint: str) -> list[tuple[str, list[str], str, str]]:
    found = [one for of_account in _told(endpoint, "ses/messages")["messages"].values() for one in of_account]
    return [(one["Source"], one["To"], one["Subject"], one["BodyText"]) for one in found]


def _texts_of(endpoint: str) -> list[tuple[str, str]]:
    found = _told(endpoint, "sns/sms-messages")["sms_messages"]
    return [(number, one["Message"]) for number, sent in found.items() for one in sent]


def test_a_mail_with_everything_arrives(services: Arrived) -> None:
    sender, to = "shop@example.com", f"{uuid4().hex}@example.com"
    aws.client("sesv2").create_email_identity(EmailIdentity=sender)
    aws.client("sesv2").create_configuration_set(ConfigurationSetName=(news := f"news-{uuid4().hex[:8]}"))
    dressed = mail(
        to=to,
        subject="Ihre Bestellung ist vollständig",
        text="Grüße",
        sender_name="Käse & Söhne",
        reply_to="help@example.com",
        unsubscribe_url="https://api.example/unsubscribe?token=t",
    )
    assert SesSender(sender, news).send(notification(to=to), dressed)
    ((source, recipients, subject, text),) = [one for one in services.mails() if to in one[1]]
    assert source.endswith(f"<{sender}>")
    assert (recipients, subject) == ([to], "Ihre Bestellung ist vollständig")
    assert "Grüße" in text or "Html" in text


def test_a_sender_that_ses_does_not_know_loses_no_mail(services: Arrived) -> None:
    to = f"{uuid4().hex}@example.com"
    with pytest.raises(ServiceBusyError):
        SesSender(f"{uuid4().hex}@nobody.example", None).send(notification(to=to), mail(to=to))
    assert [one for one in services.mails() if to in one[1]] == []


def test_a_text_message_arrives(services: Arrived) -> None:
    number = f"+49151{uuid4().int % 10**8:08d}"
    assert texter()[0].send(notification(Channel.SMS, to=number), mail(to=number))
    assert [words for to, words in services.texts() if to == number] == ["Order ABC is complete."]
