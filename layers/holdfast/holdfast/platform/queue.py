"""Sending small JSON to an SQS queue. Apart from `worker`, so that who only sends does not load what works."""

import json
from collections.abc import Mapping
from typing import Any

from holdfast.platform import aws


class Queue:
    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Mapping[str, Any]) -> None:
        with aws.needed("The queue"):
            aws.client("sqs").send_message(QueueUrl=self._url, MessageBody=json.dumps(message, separators=(",", ":")))
