"""Names of events in keys and paths: reversible, short enough, and never another's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.payments import keys
from holdfast.platform.http import PATH_ID

PROVIDERS = st.sampled_from(["sandbox", "stripe", "razorpay", "paypal", "paypro"])


@given(PROVIDERS, st.text(min_size=1, max_size=400))
def test_any_id_of_any_provider_has_a_name_that_fits_a_path_and_leads_back(provider: str, event: str) -> None:
    name = keys.webhook_id(provider, event)
    assert re.fullmatch(PATH_ID, name)
    found_provider, found = keys.webhook_of(name)
    assert found_provider == provider
    assert keys.event_key("demo", provider, found) == keys.event_key("demo", provider, event)
    assert len(keys.event_key("demo", provider, event)["pk"].encode()) < 200


@given(PROVIDERS, st.text(min_size=1, max_size=keys.LONGEST_NAME // 4))
def test_short_ids_stand_as_they_are(provider: str, event: str) -> None:
    assert keys.webhook_of(keys.webhook_id(provider, event)) == (provider, event)


@given(st.tuples(PROVIDERS, st.text(min_size=1)), st.tuples(PROVIDERS, st.text(min_size=1)))
def test_two_events_have_two_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (keys.webhook_id(*one) == keys.webhook_id(*other)) is (one == other)


@given(st.text(alphabet="ABCab012_.-", max_size=60))
def test_what_is_no_name_is_none(text: str) -> None:
    for name in (text, f"evt_{text}"):
        try:
            provider, event = keys.webhook_of(name)
        except ValueError:
            continue
        assert keys.webhook_id(provider, event) == name


@pytest.mark.parametrize("name", ["", "evt_", "evt_c3RyaXBl", "evt_OmV2dA", "ord_c3RyaXBlOmV2dF8x", "evt_////", "evt_c3RyaXBlOmV2dF8x="])
def test_no_second_spelling(name: str) -> None:
    with pytest.raises(ValueError, match="not an event"):
        keys.webhook_of(name)


def test_paypros_ids_are_pairs() -> None:
    name = keys.webhook_id("paypro", "4d1c-77:successful")
    assert keys.webhook_of(name) == ("paypro", "4d1c-77:successful")
