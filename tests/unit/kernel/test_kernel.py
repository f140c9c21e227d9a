"""Ids, instants, money."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdfast.kernel import ids, money
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant, epoch_ms, from_epoch_ms, parse_rfc3339, rfc3339, to_millis

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(to_millis)  # noqa: DTZ001
any_instants = st.datetimes(timezones=st.just(UTC)).map(to_millis)


@given(instants)
def test_an_id_knows_when_it_was_born(instant: datetime) -> None:
    assert ids.born_at(ids.new_id("ord", instant)) == instant
    assert ids.born_at(ids.derived_id("ord", instant, "a", "b")) == instant


@given(instants, instants)
def test_ids_sort_by_birth(one: datetime, other: datetime) -> None:
    if one < other:
        assert ids.new_id("ord", one) < ids.new_id("ord", other)


@pytest.mark.parametrize("instant", [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_range_that_begins_before_there_were_ids_has_them_all(instant: datetime) -> None:
    assert ids.first_id("dlv", instant) == "dlv_" + "0" * 26 < ids.new_id("dlv", NOW)


def test_a_derived_id_is_the_same_for_the_same_identity_only() -> None:
    made = ids.derived_id("ord", NOW, "shop", "session", "key")
    assert made == ids.derived_id("ord", NOW, "shop", "session", "key") == "ord_01KDYAK3SE25ZF34B1MV9898V2"
    others = {
        ids.derived_id("ord", NOW, *parts) for parts in [("shop", "sessionkey"), ("shop", "session", "other"), ("shops", "ession", "key")]
    }
    assert len(others | {made}) == 4


@pytest.mark.parametrize("text", ["", "ord_", "ord_123", "ord_" + "U" * 26, "ord_" + "0" * 27, "ord_" + "a" * 26, "0" * 25 + "é"])
def test_what_is_no_id_has_no_birth(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        ids.born_at(text)


def test_an_entry_id_is_short_and_has_nothing_of_the_time() -> None:
    locks = [ids.derived_id("lck", NOW + timedelta(milliseconds=number), str(number)) for number in range(2000)]
    entries = {ids.entry_id(lock) for lock in locks}
    assert len(entries) == 2000
    assert {len(entry) for entry in entries} == {10}


def test_buckets_are_filled_evenly() -> None:
    filled = [0, 0, 0, 0]
    for number in range(4000):
        filled[ids.bucket_of(f"ord_{number}", 4)] += 1
    assert min(filled) > 900


@given(any_instants)
def test_an_instant_survives_text_and_number(instant: datetime) -> None:
    assert parse_rfc3339(rfc3339(instant)) == instant
    assert from_epoch_ms(epoch_ms(instant)) == instant
    assert len(rfc3339(instant)) == 24


@given(any_instants, any_instants)
def test_the_order_of_texts_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


def test_whatever_instant_is_taken_can_be_kept_and_read_again() -> None:
    instant = TypeAdapter(Instant)
    for text in ["0670-12-17T03:42:01Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"]:
        kept = instant.dump_json(instant.validate_python(text))
        assert instant.validate_json(kept) == parse_rfc3339(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_beyond_the_years_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(text)


def test_an_instant_needs_its_time_zone_and_keeps_milliseconds() -> None:
    instant = TypeAdapter(Instant)
    with pytest.raises(ValidationError):
        instant.validate_python(datetime(2026, 1, 2))  # noqa: DTZ001
    east = datetime(2026, 1, 2, 5, 4, 5, 678999, timezone(timedelta(hours=2)))
    assert instant.validate_python(east) == NOW
    assert instant.dump_json(NOW) == b'"2026-01-02T03:04:05.678Z"'


def test_amounts_of_two_currencies_never_add_up() -> None:
    euros, yen = Money(amount=100, currency="EUR"), Money(amount=1, currency="JPY")
    assert money.total([euros, euros.times(3)], "EUR") == Money(amount=400, currency="EUR")
    assert money.total([], "EUR") == Money(amount=0, currency="EUR")
    with pytest.raises(ValueError, match="different currencies"):
        money.total([euros, yen], "EUR")


@pytest.mark.parametrize("amount", [1.0, "1", True, -1, 10**12 + 1, None])
def test_an_amount_is_a_whole_number_of_minor_units(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "EUR"})


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "EUR", "19.99"),
        (5, "USD", "0.05"),
        (0, "GBP", "0.00"),
        (1999, "JPY", "1999"),
        (1999, "KWD", "1.999"),
        (10**12, "EUR", "10000000000.00"),
    ],
)
def test_money_is_written_with_its_own_decimals(amount: int, currency: str, text: str) -> None:
    assert money.written(amount, money.decimals(currency)) == text
