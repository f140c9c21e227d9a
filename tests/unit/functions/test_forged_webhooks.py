"""Whatever is not signed is refused in the same words by the real function, before anything is read or kept."""

import base64
import json
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.platform.http import MAX_BODY
from infra.providers.wire import Webhook
from tests.unit.functions import world as worlds
from tests.unit.functions.street import PROVIDERS, Street
from tests.unit.functions.world import body

SIGNATURES = {"stripe-signature", "x-razorpay-signature", "content-signature"}
quick = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    with worlds.furnished() as world:
        yield Street(world)


def signing(webhook: Webhook) -> list[str]:
    """Names of the headers that it is judged by."""
    return [name for name in webhook.headers if name.lower() in SIGNATURES or name.lower().startswith("paypal-")]


# What is not.


def refused(street: Street, name: str, raw: bytes, headers: Mapping[str, str]) -> None:
    answer = street.post(name, raw, headers, encoded=True)
    assert (answer["statusCode"], body(answer)["code"]) == (401, "signature_invalid"), answer
    assert body(answer)["detail"] == body(street.post(name, street.told[name].body, {}))["detail"]  # as with no signature at all


@pytest.fixture(autouse=True)
def nothing_is_kept(street: Street) -> Iterator[None]:
    yield
    assert (street.events(), street.world.messages("payments")) == ([], [])


BAD = ["", " ", "é", "\x00", "x" * 9000, "0", "null", "t=,v1=", "٣", "-", "v1,", ",,,===", "sha256=", "AAAA", "🂡" * 10, "\u0661\u0662"]


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("value", [None, *BAD], ids=ascii)
def test_a_header_that_is_missing_or_nonsense(street: Street, name: str, value: str | None) -> None:
    told = street.told[name]
    for header in signing(told):
        sent = {**told.headers, header: value} if value is not None else {k: v for k, v in told.headers.items() if k != header}
        refused(street, name, told.body, sent)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_signature_in_another_case_or_of_another_event(street: Street, name: str) -> None:
    told, other = street.told[name], street.paid(name, f"{name}-2")
    assert other.body != told.body
    refused(street, name, other.body, told.headers)
    for header in signing(told):
        for changed in (told.headers[header].swapcase(), told.headers[header][::-1], "x" + told.headers[header]):
            if changed != told.headers[header]:
                refused(street, name, told.body, {**told.headers, header: changed})


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_body_that_is_cut_re_encoded_or_wrapped(street: Street, name: str) -> None:
    told = street.told[name]
    parsed = json.loads(told.body)
    for raw in (
        told.body[:-1],
        told.body[: len(told.body) // 2],
        told.body + b" ",
        told.body + told.body,
        json.dumps(parsed, indent=3).encode(),
        json.dumps({**parsed, "added": 1}).encode(),
        base64.b64encode(told.body),
        "\ufeff".encode() + told.body,
        b"",
        b"null",
        bytes(range(256)),
    ):
        refused(street, name, raw, told.headers)


@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data())
@quick
def test_one_byte_is_enough(street: Street, name: str, data: st.DataObject) -> None:
    told = street.told[name]
    at, change = data.draw(st.integers(0, len(told.body) - 1)), data.draw(st.integers(1, 255))
    forged = told.body[:at] + bytes([told.body[at] ^ change]) + told.body[at + 1 :]
    refused(street, name, forged, told.headers)


@pytest.mark.parametrize("name", PROVIDERS)
@given(values=st.lists(st.text(max_size=60), min_size=8, max_size=8))
@quick
def test_any_header_is_answered(street: Street, name: str, values: list[str]) -> None:
    told = street.told[name]
    sent = dict(zip(signing(told), values, strict=False))
    refused(street, name, told.body, {**told.headers, **sent})


# Size.


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_the_largest_body_counts_by_its_own_bytes(street: Street, encoded: bool) -> None:
    for length, status in ((MAX_BODY, 401), (MAX_BODY + 1, 413)):
        answer = street.post("stripe", b"x" * length, street.told["stripe"].headers, encoded=encoded)
        assert answer["statusCode"] == status
    assert body(answer) == {**body(answer), "code": "body_too_large", "limit": MAX_BODY}


# Who is asked for.


@pytest.mark.parametrize("name", ["nobody", "sandbox2", "STRIPE", "stripe "])
def test_an_unknown_provider(street: Street, name: str) -> None:
    told = street.told["stripe"]
    answer = street.post(name, told.body, told.headers)
    assert (answer["statusCode"], body(answer)["code"]) == (404, "not_found")


def test_a_shop_without_an_account_and_no_shop_at_all(street: Street) -> None:
    told = street.told["stripe"]
    answers = [street.post("stripe", told.body, told.headers, shop=shop) for shop in ("other", "no-such-shop")]
    assert [(answer["statusCode"], body(answer)["code"]) for answer in answers] == [(404, "not_found")] * 2
