"""Working through a batch of an SQS queue, in which one bad message spoils no other."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from holdfast.platform import metrics
from holdfast.platform.log import logger

Message = dict[str, Any]


def work(event: Mapping[str, Any], context: Any, handle: Callable[[Message], None]) -> Mapping[str, Any]:
    """Hand each message to `handle`; those that raise come back by themselves, and at last to the dead-letter queue."""

    def record_handler(record: SQSRecord) -> None:
        logger.append_keys(message_id=record.message_id, attempt=record.attributes.approximate_receive_count)
        handle(json.loads(record.body))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    try:
        reply = process_partial_response(event=dict(event), record_handler=record_handler, processor=processor, context=context)
    finally:
        metrics.flush()
    for fault in processor.exceptions:
        logger.error("message failed and will be tried again", exc_info=fault[1])
    logger.info("batch done", extra={"messages": len(event["Records"]), "failed": len(processor.fail_messages)})
    return reply
