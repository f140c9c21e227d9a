"""Working through a batch of an SQS queue, in which one bad message spoils no other."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import metrics
from holdfast.platform.log import logger
from holdfast.platform.queue import Queue

Message = dict[str, Any]
FIRST_PAUSE, LONGEST_PAUSE = 10, 1800
"""Seconds."""


@dataclass(frozen=True)
class Retries:
    """How messages of a queue come back that failed: after a pause that doubles from try to try, of which the second half is left to
    chance, so that those that failed together do not come back together.

    `tries`: how many there are, as the queue's own redrive policy says. `note` is told what failed and why, and whether that was the
    last try.
    """

    queue: Queue
    tries: int
    note: Callable[[Message, Exception, bool], None]
    chance: Callable[[int], int] = random.randrange

    def failed(self, message: Message, number: int, receipt: str, error: Exception) -> None:
        """The last one goes to the dead letters at once. Without us, all would come back when the queue's own time is over."""
        last = number >= self.tries
        try:
            self.queue.postpone(receipt, timedelta(seconds=0 if last else self._pause(number)))
        except UnavailableError:
            logger.warning("the message comes back by the queue's own time")
        self.note(message, error, last)

    def _pause(self, number: int) -> int:
        full: int = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number - 1))
        return full - self.chance(full // 2 + 1)


def work(event: Mapping[str, Any], context: Any, handle: Callable[[Message], None], *, retries: Retries | None = None) -> Mapping[str, Any]:
    """Hand each message to `handle`; those that raise come back by themselves, and at last to the dead-letter queue."""

    def record_handler(record: SQSRecord) -> None:
        number = int(record.attributes.approximate_receive_count)
        logger.append_keys(message_id=record.message_id, attempt=number)
        message = json.loads(record.body)
        try:
            handle(message)
        except Exception as error:
            if retries is not None:
                retries.failed(message, number, record.receipt_handle, error)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    try:
        reply = process_partial_response(event=dict(event), record_handler=record_handler, processor=processor, context=context)
    finally:
        metrics.flush()
    for fault in processor.exceptions:
        logger.error("message failed and will be tried again", exc_info=fault[1])
    logger.info("batch done", extra={"messages": len(event["Records"]), "failed": len(processor.fail_messages)})
    return reply
