"""Sending small JSON to an SQS queue. Apart from `worker`, so that who only sends does not load what works."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import aws

AT_ONCE = 10
"""Messages that SQS takes in one call, 1 MiB together."""


class Queue:
    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        """`delay`: not before that, 15 minutes at most."""
        with aws.needed("The queue"):
            body, seconds = json.dumps(message, separators=(",", ":")), ceil(delay.total_seconds())
            aws.client("sqs").send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)

    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        """Many, each with its delay, ten in a call. UnavailableError when one of them did not get through: others may have."""
        for start in range(0, len(messages), AT_ONCE):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps(message, separators=(",", ":")), "DelaySeconds": ceil(delay.total_seconds())}
                for number, (message, delay) in enumerate(messages[start : start + AT_ONCE])
            ]
            with aws.needed("The queue"):
                reply = aws.client("sqs").send_message_batch(QueueUrl=self._url, Entries=entries)
            if reply.get("Failed"):
                raise UnavailableError("The queue did not take all of it.")

    def postpone(self, receipt: str, until: timedelta) -> None:
        """A message that was received comes back after so long, and not when the queue's own time is over. UnavailableError."""
        with aws.needed("The queue"):
            seconds = int(until.total_seconds())
            aws.client("sqs").change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
