"""AWS clients: one per service and process, with time-outs that fit a request.

Made at module level by the wiring of a function, so that the cold start pays and not the first customer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from holdfast.kernel.errors import UnavailableError
from holdfast.platform.log import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Three deliveries at most, then the caller is told: for these services nobody else tries again.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
    tcp_keepalive=True,
    parameter_validation=False,  # what we send is made by code; checking it again costs CPU in every call
)
# Here `platform/patience` does, and two layers of retries multiply: each call is delivered once.
_ONCE = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
# What is sent twice is read twice: each message is delivered once, and given time, because nobody knows what became of one cut short.
_MESSAGES = _ONCE.merge(Config(read_timeout=10))
_BY_SERVICE = {"dynamodb": _ONCE, "sesv2": _MESSAGES, "sns": _MESSAGES}


@cache
def client(service: str) -> Any:
    """The process's one client of an AWS service (`dynamodb`, `sqs`, `events`, `sesv2`, `sns`, `secretsmanager`, `kms`)."""
    return _session().create_client(service, config=_BY_SERVICE.get(service, _CONFIG))


def dynamodb() -> "DynamoDBClient":
    made: DynamoDBClient = client("dynamodb")
    return made


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@contextmanager
def needed(what: str) -> Iterator[None]:
    """A call without which a request cannot be answered: UnavailableError when it fails, and the log says why."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.exception(f"{what} did not answer")
        raise UnavailableError(f"{what} does not answer.") from error
