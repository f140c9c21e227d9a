"""Sending small JSON to an SQS queue. Apart from `worker`, so that who only sends does not load what works."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from holdfast.platform import aws


class Queue:
    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        """`delay`: not before that, 15 minutes at most."""
        with aws.needed("The queue"):
            body, seconds = json.dumps(message, separators=(",", ":")), int(delay.total_seconds())
            aws.client("sqs").send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)
