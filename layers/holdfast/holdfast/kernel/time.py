"""Instants are aware UTC datetimes with millisecond precision; time is always an argument, never asked for inside a rule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

Clock = Callable[[], datetime]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The wall clock, for the wiring in `functions/` only."""
    return to_millis(datetime.now(UTC))


def to_millis(instant: datetime) -> datetime:
    """Cut to milliseconds, the precision of the contract, so that what is stored equals what was answered."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def rfc3339(instant: datetime) -> str:
    """`2026-11-21T04:22:00.000Z`: fixed width, so that text order is time order (sort keys rely on it)."""
    # strftime would write the year 670 with three digits.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_rfc3339(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def epoch(instant: datetime) -> int:
    """Whole seconds since 1970, as DynamoDB's TTL wants them."""
    return int(instant.timestamp())


def epoch_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def from_epoch_ms(millis: int) -> datetime:
    """Exactly: a float of seconds would lose a millisecond now and then."""
    return _EPOCH + timedelta(milliseconds=millis)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    try:
        return to_millis(instant.astimezone(UTC))
    except OverflowError:  # the first day of year 1, east of Greenwich
        raise ValueError("an instant lies in the years 1 to 9999") from None


Instant = Annotated[datetime, AfterValidator(_aware), PlainSerializer(rfc3339, return_type=str, when_used="json")]
