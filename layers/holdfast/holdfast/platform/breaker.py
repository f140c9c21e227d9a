"""The circuit breaker: Powertools' own, with its state in the operations table, so that all workers know of an outage.

Each host of a partner has a circuit of its own: a sandbox that is down says nothing of the real one. Five failures in a row of one
worker open the circuit for half a minute; then one worker tries, and its success closes it. One success is enough, because all others
are refused until then, and the next request may not come to the worker that tries. A table that does not answer lets calls through.
Imported at the first call: Powertools' store brings boto3 along.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast.platform import aws, metrics
from holdfast.platform.calling import PartnerUnavailable, Reply
from holdfast.platform.log import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, CircuitTransition
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence

CIRCUITS = "CIRCUITS"
FAILURES, OPEN_SECONDS, SUCCESSES, SEEN_SECONDS = 5, 30, 1, 5


class SharedBreaker:
    """`calling.Breaker`."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __call__(self, circuit: str, call: Callable[[], Reply], /) -> Reply:
        from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerOpenError, circuit_breaker

        partner, _, _ = circuit.partition(":")
        guarded = circuit_breaker(circuit, self._store, on_transition=_told, config=self._config)(call)
        try:
            reply: Reply = guarded()
        except CircuitBreakerOpenError as error:
            raise PartnerUnavailable(f"{partner} is down, and asked again soon.", retry_after=OPEN_SECONDS, partner=partner) from error
        return reply

    @cached_property
    def _store(self) -> "CircuitBreakerDynamoDBPersistence":
        from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence

        return CircuitBreakerDynamoDBPersistence(
            table_name=self._table,
            key_attr="pk",
            sort_key_attr="sk",
            static_pk_value=CIRCUITS,
            expiry_attr="ttl",
            boto3_client=aws.dynamodb(),
        )

    @cached_property
    def _config(self) -> "CircuitBreakerConfig":
        from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig

        return CircuitBreakerConfig(
            failure_threshold=FAILURES,
            recovery_timeout=OPEN_SECONDS,
            success_threshold=SUCCESSES,
            handled_exceptions=PartnerUnavailable,
            local_cache_max_age=SEEN_SECONDS,
        )


def _told(change: "CircuitTransition") -> None:
    partner, _, host = change.circuit_name.partition(":")
    logger.warning("circuit changed", extra={"partner": partner, "host": host, "was": change.from_state, "circuit": change.to_state})
    if change.to_state == "OPEN":
        metrics.count("CircuitOpened")
