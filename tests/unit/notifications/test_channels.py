"""What goes to SES and SNS, and what is made of their answers."""

from collections.abc import Iterator
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from holdfast.notifications.errors import RecipientRefused, ServiceBusyError
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel
from holdfast.notifications.mailer import SesSender, sender_of
from holdfast.notifications.model import InApp, Suppressed, Suppression
from holdfast.notifications.texter import SnsSender
from holdfast.platform import aws
from holdfast.tenants.model import Brand
from tests.unit.notifications.rows import NOW, TO, mail, notification

SENDER = "shop@example.com"


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    yield from stubbed("sesv2", monkeypatch)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    yield from stubbed("sns", monkeypatch)


def stubbed(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client = aws._session().create_client(service, config=aws._BY_SERVICE[service])
    monkeypatch.setattr(aws, "client", {service: client}.__getitem__)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


class Suppressions:
    def __init__(self) -> None:
        self.kept: list[Suppression] = []

    def suppress(self, suppression: Suppression) -> None:
        self.kept.append(suppression)


def texter(sender_id: str = "") -> tuple[SnsSender, Suppressions]:
    suppressions = Suppressions()
    return SnsSender(sender_id, suppressions, lambda: NOW), suppressions  # type: ignore[arg-type]


def request(**changes: Any) -> dict[str, Any]:
    body = {"Text": {"Data": "Text", "Charset": "UTF-8"}, "Html": {"Data": "<p>Html</p>", "Charset": "UTF-8"}}
    content = {"Subject": {"Data": "Your order", "Charset": "UTF-8"}, "Body": body, **changes.pop("content", {})}
    tags = [{"Name": "notification", "Value": "ntf_01KAJVKP000000000000000001"}, {"Name": "shop", "Value": "demo"}]
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {"Simple": content},
        "EmailTags": tags,
        **changes,
    }


def test_a_mail_says_by_its_tags_whose_it_is(ses: Stubber) -> None:
    ses.add_response("send_email", {"MessageId": "m-1"}, request())
    assert SesSender(SENDER, None).send(notification(), mail()) == "m-1"


def test_a_mail_carries_name_answer_news_and_the_way_out(ses: Stubber) -> None:
    """The way out is one POST, as RFC 8058 has it."""
    out = "https://api.example/unsubscribe?token=t&topic=back_in_stock"
    headers = [{"Name": "List-Unsubscribe", "Value": f"<{out}>"}, {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}]
    asked = request(
        FromEmailAddress="Demo shop <shop@example.com>",
        ReplyToAddresses=["help@example.com"],
        ConfigurationSetName="news",
        content={"Headers": headers},
    )
    ses.add_response("send_email", {"MessageId": "m-1"}, asked)
    told = mail(sender_name="Demo shop", reply_to="help@example.com", unsubscribe_url=out)
    assert SesSender(SENDER, "news").send(notification(), told) == "m-1"


@pytest.mark.parametrize("answers_to", ["a..b@example.com", ".a@example.com", "a@-example.com", "a@example..com"])
def test_an_address_for_answers_that_ses_would_refuse_is_left_out(ses: Stubber, answers_to: str) -> None:
    """A shop may have written it into its settings: none of its mails would go."""
    ses.add_response("send_email", {"MessageId": "m-1"}, request())
    assert Brand(reply_to=answers_to).reply_to == answers_to
    assert SesSender(SENDER, None).send(notification(), mail(reply_to=answers_to)) == "m-1"


@pytest.mark.parametrize(
    "name",
    ["Käse & Söhne", "日本の店" * 20, "Smith, Jones <x@evil.example>", 'The "Shop"', "A\\B", "مكتبة", "Shop\r\nBcc: all@evil.example"],
)
def test_a_name_is_one_line_of_ascii_and_reads_back(name: str) -> None:
    line = sender_of(name, SENDER)
    assert line.isascii()
    assert "\r" not in line
    assert "\n" not in line
    read, address = parseaddr(line)
    assert (str(make_header(decode_header(read))), address) == (name.replace("\r\n", " "), SENDER)


@pytest.mark.parametrize("name", [None, "", " ", "\r\n", "\u2028"])
def test_without_a_name_the_address_stands_alone(name: str | None) -> None:
    assert sender_of(name, SENDER) == SENDER


def test_a_subject_is_one_line(ses: Stubber) -> None:
    subject = {"Subject": {"Data": "Your order Bcc: all@evil.example", "Charset": "UTF-8"}}
    ses.add_response("send_email", {"MessageId": "m-1"}, request(content=subject))
    SesSender(SENDER, None).send(notification(), mail(subject="Your order\r\nBcc: all@evil.example"))


@pytest.mark.parametrize(
    "to",
    [
        *("", "ada", "ada@", "@example.com", "ada@example", "a..b@example.com", ".a@example.com", "a.@example.com", "a@example..com"),
        *("a@-example.com", "ada@exa mple.com", "ada@example.com\r\nBcc: all@evil.example", "ädä@example.com", "ada@exämple.com"),
        *("ada@example.com, eve@evil.example", f"{'a' * 65}@example.com"),
    ],
)
def test_what_is_no_address_is_refused_before_ses_is_asked(ses: Stubber, to: str) -> None:
    with pytest.raises(RecipientRefused) as refused:
        SesSender(SENDER, None).send(notification(), mail(to=to))
    assert not to or to not in str(refused.value)


@pytest.mark.parametrize("to", ["a@example.com", "o'hara+tag@sub.example.co.uk", f"{'a' * 64}@example.com", "x@xn--exmple-cua.com"])
def test_what_is_an_address_goes_out(ses: Stubber, to: str) -> None:
    ses.add_response("send_email", {"MessageId": "m-1"}, request(Destination={"ToAddresses": [to]}))
    assert SesSender(SENDER, None).send(notification(), mail(to=to)) == "m-1"


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException", "SendingPausedException", "ThrottlingException"])
def test_a_busy_ses_has_not_taken_it(ses: Stubber, code: str) -> None:
    ses.add_client_error("send_email", code)
    with pytest.raises(ServiceBusyError):
        SesSender(SENDER, None).send(notification(), mail())


@pytest.mark.parametrize(
    "code",
    ["MailFromDomainNotVerifiedException", "AccountSuspendedException", "MessageRejected", "NotFoundException", "BadRequestException"],
)
def test_what_we_have_set_up_wrong_loses_no_mail_and_is_told_in_the_log(ses: Stubber, caplog: pytest.LogCaptureFixture, code: str) -> None:
    ses.add_client_error("send_email", code, "Email address is not verified: ada@example.com")
    with pytest.raises(ServiceBusyError) as busy:
        SesSender(SENDER, None).send(notification(), mail())
    assert code in str(busy.value)
    assert "ada@example.com" not in str(busy.value)


def test_of_an_answer_that_is_none_nobody_knows(ses: Stubber) -> None:
    ses.add_client_error("send_email", "InternalFailure", http_status_code=500)
    with pytest.raises(ClientError):
        SesSender(SENDER, None).send(notification(), mail())


@pytest.mark.parametrize(
    ("broken", "raised"),
    [
        (ConnectTimeoutError(endpoint_url="https://email"), ServiceBusyError),
        (ReadTimeoutError(endpoint_url="https://email"), ReadTimeoutError),
    ],
    ids=["not reached", "cut short"],
)
def test_who_was_not_reached_has_not_taken_it(ses: Stubber, broken: Exception, raised: type[Exception]) -> None:
    def hang(**_: Any) -> None:
        raise broken

    ses.client.meta.events.register("before-send.sesv2.SendEmail", hang)
    ses.deactivate()
    with pytest.raises(raised):
        SesSender(SENDER, None).send(notification(), mail())


def published(**changes: Any) -> dict[str, Any]:
    attributes = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    return {"PhoneNumber": TO[Channel.SMS], "Message": "Order ABC is complete.", "MessageAttributes": {**attributes, **changes}}


def text(to: str = TO[Channel.SMS]) -> tuple[Any, Any]:
    return notification(Channel.SMS, to=to), mail(to=to)


def test_a_text_message_is_the_short_form(sns: Stubber) -> None:
    sns.add_response("publish", {"MessageId": "s-1"}, published())
    assert texter()[0].send(*text()) == "s-1"


def test_a_shop_may_stand_as_sender(sns: Stubber) -> None:
    name = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "HOLDFAST"}}
    sns.add_response("publish", {"MessageId": "s-1"}, published(**name))
    assert texter("HOLDFAST")[0].send(*text()) == "s-1"


@pytest.mark.parametrize(
    "to", ["", "015112345678", "+0151123456", "+49", "+49151x", "+491511234567890123", "+49151 123456", "+49151\n1234567"]
)
def test_what_is_no_number_is_refused_before_sns_is_asked(sns: Stubber, to: str) -> None:
    with pytest.raises(RecipientRefused):
        texter()[0].send(*text(to))


@pytest.mark.parametrize(("code", "words"), [("OptedOut", ""), ("InvalidParameter", "Invalid parameter: Phone number is opted out")])
def test_who_has_said_stop_gets_no_more(sns: Stubber, code: str, words: str) -> None:
    sns.add_client_error("publish", code, words)
    sender, suppressions = texter()
    with pytest.raises(RecipientRefused):
        sender.send(*text())
    stop = Suppression(shop="demo", channel=Channel.SMS, to=TO[Channel.SMS], why=Suppressed.OPTED_OUT, at=NOW)
    assert suppressions.kept == [stop]


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("InvalidParameter", RecipientRefused),
        ("Throttled", ServiceBusyError),
        ("AuthorizationError", ServiceBusyError),
        ("InternalError", ClientError),
    ],
)
def test_what_sns_answers(sns: Stubber, code: str, raised: type[Exception]) -> None:
    sns.add_client_error("publish", code)
    sender, suppressions = texter()
    with pytest.raises(raised):
        sender.send(*text())
    assert suppressions.kept == []


class Pages:
    def __init__(self) -> None:
        self.kept: dict[str, InApp] = {}

    def put_in_app(self, message: InApp) -> None:
        self.kept.setdefault(message.id, message)


def test_a_message_in_the_app_is_written_once_however_often_it_is_sent() -> None:
    pages = Pages()
    sender = InAppSender(pages)  # type: ignore[arg-type]
    row = notification(Channel.IN_APP)
    assert [sender.send(row, mail()), sender.send(row, mail(short="Later words"))] == [row.id, row.id]
    (message,) = pages.kept.values()
    assert (message.customer, message.order, message.title, message.text, message.at) == (
        "digest-of-ada",
        "ord_1",
        "Your order",
        "Order ABC is complete.",
        NOW,
    )
