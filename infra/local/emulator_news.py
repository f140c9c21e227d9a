"""What the emulator leaves out: SES tells of each mail on the default bus, as its configuration set says.

It keeps the set and its destination, and never tells anything; and from outside nobody may put events of AWS on a bus. So it is done
here, within its process: the news take the road that the real ones take, through the rule, to the function. SES's own test addresses
(`bounce@simulator.amazonses.com`, `complaint@`, `suppressionlist@`) come to what they come to on AWS; every other mail arrives.
"""

import contextvars
import json
import queue
import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

SEND = "/v2/email/outbound-emails"
NAMES = {"Send": "Email Sent", "Delivery": "Email Delivered", "Bounce": "Email Bounced", "Complaint": "Email Complaint Received"}
AFTER_SECONDS = 1.0  # news come after the answer to who sent the mail, not within it

Json = dict[str, Any]


class News:
    """Told one after the other, each when its function is done with the one before: many mails must not start many processes."""

    def __init__(self, eventbridge: Any, functions: Any) -> None:
        self._bus = eventbridge
        self._functions = functions
        self._waiting: queue.SimpleQueue[tuple[float, contextvars.Context, list[Json]]] = queue.SimpleQueue()
        self._dispatch = eventbridge._dispatch_to_lambda
        eventbridge._dispatch_to_lambda = self._call
        self._teller = threading.Thread(target=self._tell, name="mail-news", daemon=True)
        self._teller.start()

    def tell(self, events: list[Json]) -> None:
        """In the account and region that the mail was sent in."""
        self._waiting.put((time.monotonic() + AFTER_SECONDS, contextvars.copy_context(), events))

    def _tell(self) -> None:
        while True:
            due, context, events = self._waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            for event in events:
                context.run(self._bus._put_events, {"Entries": [event]}, allow_aws_source=True)

    def _call(self, arn: str, payload: str) -> None:
        """The emulator starts a thread for each call; of ours the end is waited for."""
        if threading.current_thread() is not self._teller:
            self._dispatch(arn, payload)
            return
        function, config, _ = self._functions._get_func_record_for_ref(arn)
        if function and config:
            record = self._functions._execution_record_for_config(function, config)
            self._functions._execute_function_with_config_scope(record, json.loads(payload))


def tell_of_mails(ses: Any, ses_v2: Any, eventbridge: Any, functions: Any) -> None:
    """From now on, of each mail that is sent by a configuration set."""
    news, answer = News(eventbridge, functions), ses_v2.handle_request

    async def answering(method: str, path: str, headers: Any, body: bytes, query: Any) -> tuple[int, Any, bytes]:
        status, given, said = await answer(method, path, headers, body, query)
        if (method, path.rstrip("/"), status) == ("POST", SEND, 200):
            asked, message = json.loads(body), json.loads(said)["MessageId"]
            wanted = wanted_of(ses_v2._config_sets.get(asked.get("ConfigurationSetName", "")) or {})
            events = [event for kind, event in events_of(asked, message, ses) if upper(kind) in wanted]
            if events:
                news.tell(events)
        return status, given, said

    ses_v2.handle_request = answering


def wanted_of(configuration: Mapping[str, Any]) -> set[str]:
    """Types of events that go from this set to a bus."""
    destinations = (configuration.get("EventDestinations") or {}).values()
    return {kind for one in destinations if one.get("Enabled") and "EventBridgeDestination" in one for kind in one["MatchingEventTypes"]}


def events_of(asked: Mapping[str, Any], message: str, ses: Any) -> Iterator[tuple[str, Json]]:
    """What SES would tell of a mail, in this order."""
    recipients = [parseaddr(to)[1] for to in asked["Destination"].get("ToAddresses", [])]
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    mail = {
        "timestamp": at,
        "source": asked.get("FromEmailAddress", ""),
        "messageId": message,
        "destination": recipients,
        "headersTruncated": False,
        "tags": {
            "ses:configuration-set": [asked["ConfigurationSetName"]],
            **{tag["Name"]: [tag["Value"]] for tag in asked.get("EmailTags", [])},
        },
    }
    yield "Send", as_entry("Send", {"mail": mail, "send": {}})
    for to in recipients:
        for kind, subtype in outcomes(to, ses):
            yield kind, as_entry(kind, {"mail": mail, **ses._notification_detail(kind, to, at, subtype)})


def outcomes(to: str, ses: Any) -> tuple[tuple[str, str | None], ...]:
    """The emulator knows what SES's test addresses come to: it tells that to topics."""
    local, _, domain = to.lower().partition("@")
    arrives = (("Delivery", None),)
    found = ses._SIMULATOR_OUTCOMES.get(local.split("+")[0], arrives) if domain == ses._SIMULATOR_DOMAIN else arrives
    return tuple(found)


def as_entry(kind: str, detail: Json) -> Json:
    return {"Source": "aws.ses", "DetailType": NAMES[kind], "Detail": json.dumps({"eventType": kind, **detail})}


def upper(kind: str) -> str:
    """`DeliveryDelay` -> `DELIVERY_DELAY`, as a set names it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()
