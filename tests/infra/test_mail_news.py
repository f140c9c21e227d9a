"""The local cloud tells of mails as SES does: on the default bus, by the configuration set, with the mail's tags."""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from infra.local.aws import client

pytestmark = pytest.mark.emulator

Heard = Callable[[str, int], list[tuple[str, dict[str, Any]]]]
WAIT_SECONDS = 15.0


@pytest.fixture
def heard(emulator: str) -> Heard:
    """Sends a mail, and gives what was heard of it: so many news, and no more for a while."""
    name = f"news-{uuid4().hex}"
    mails, bus, queues = client("sesv2", emulator), client("events", emulator), client("sqs", emulator)
    mails.create_email_identity(EmailIdentity="shop@example.com") if not known(mails) else None
    mails.create_configuration_set(ConfigurationSetName=name)
    mails.create_configuration_set_event_destination(
        ConfigurationSetName=name,
        EventDestinationName="bus",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"],
            "EventBridgeDestination": {"EventBusArn": bus.describe_event_bus()["Arn"]},
        },
    )
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ses"], "detail": {"mail": {"tags": {"ses:configuration-set": [name]}}}}
    bus.put_rule(Name=name, EventPattern=json.dumps(pattern))
    bus.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def send(to: str, expected: int) -> list[tuple[str, dict[str, Any]]]:
        mails.send_email(
            FromEmailAddress="Shop <shop@example.com>",
            Destination={"ToAddresses": [to]},
            Content={"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "of a mail"}}}},
            EmailTags=[{"Name": "notification", "Value": "ntf_1"}, {"Name": "shop", "Value": "demo"}],
            ConfigurationSetName=name,
        )
        found: list[tuple[str, dict[str, Any]]] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while len(found) < expected and time.monotonic() < deadline:
            for message in queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
                event = json.loads(message["Body"])
                found.append((event["detail-type"], event["detail"]))
                queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return send


def known(mails: Any) -> bool:
    return any(one["IdentityName"] == "shop@example.com" for one in mails.list_email_identities()["EmailIdentities"])


def test_a_mail_went_and_arrived(heard: Heard) -> None:
    news = heard("ada@example.com", 2)
    assert sorted(kind for kind, _ in news) == ["Email Delivered", "Email Sent"]
    assert {tuple(detail["mail"]["tags"]["notification"]) for _, detail in news} == {("ntf_1",)}


def test_a_mail_came_back(heard: Heard) -> None:
    news = dict(heard("bounce@simulator.amazonses.com", 2))
    assert set(news) == {"Email Sent", "Email Bounced"}
    assert news["Email Bounced"]["bounce"]["bounceType"] == "Permanent"


def test_a_mail_was_called_spam(heard: Heard) -> None:
    assert {kind for kind, _ in heard("complaint@simulator.amazonses.com", 3)} == {
        "Email Sent",
        "Email Delivered",
        "Email Complaint Received",
    }


def test_nobody_outside_tells_news_of_mails(emulator: str) -> None:
    """Why it is done within the emulator's process."""
    entry = {"Source": "aws.ses", "DetailType": "Email Sent", "Detail": "{}"}
    assert client("events", emulator).put_events(Entries=[entry])["FailedEntryCount"] == 1
