"""Which numbers are a card's, and which only look like one."""

import json
import string
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Input, Model
from holdfast.platform.cards import CardDataRefused, holds_card, refuse_cards
from holdfast.platform.http import Api, Request
from holdfast.platform.log import logger
from tests.unit.functions.api_gateway import request

# The brands' own test numbers, which everybody prints.
CARDS = (
    "4111111111111111",
    "4242424242424242",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "2200000000000004",
    "378282246310005",
    "341111111111111",
    "6011111111111117",
    "6445644564456445",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3530111333300000",
    "6205500000000000004",
    "6200000000000005",
    "6759649826438453",
    "6304000000000000",
    "5081260000000001",
    "9112380000000002",
)
SIGNS = (" ", "-", "\u00a0", "\u2011", "\u2013", "\u2014", "\u2212", "  ", "\t", ".", "_", "/", " - ", "\u00b7", "\u200b", " \u200b")
"""What people put between the groups, with dashes and blanks as they are printed."""
GROUPS = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}


def luhn(body: str) -> str:
    """With its check digit."""
    total = sum(sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def grouped(number: str, sign: str) -> str:
    parts, at = [], 0
    for size in GROUPS[len(number)]:
        parts.append(number[at : at + size])
        at += size
    return sign.join(parts)


@pytest.mark.parametrize("number", CARDS)
def test_brands(number: str) -> None:
    assert luhn(number[:-1]) == number, "the sample itself is wrong"
    for sign in SIGNS:
        assert holds_card(grouped(number, sign))
    for text in (
        number,
        f"Please charge {number}, valid 12/28",
        f"card:{number}.",
        f"({number})",
        f"\n{number}\n",
        f"no. {number}; thanks",
    ):
        assert holds_card(text), text


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111 12/28 123", "4111-1111-1111-1111 12 28", "41111111 11111111", "378282 246310005 1234"]
)
def test_with_the_rest_of_the_card(text: str) -> None:
    assert holds_card(text) is (text != "378282 246310005 1234")  # no card is printed like that


@pytest.mark.parametrize("number", CARDS)
def test_one_wrong_digit_is_no_card(number: str) -> None:
    for at in range(len(number)):
        other = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        assert not holds_card(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4006381333931",  # an EAN
        "4222222222222",  # once a Visa of 13 digits: nobody has one any more, and every EAN that begins so would be refused
        "1Z999AA10123456784",
        "1Z4111111111111111",
        "JD014600003828392837",
        "00340434161094042557",
        "9400111899223197428490",
        "+49 30 901820",
        "+380305693090259",
        "+38520000023237",
        "DE89 3704 0044 0532 0130 00",
        "2026-11-21T12:00:00.000Z",
        "1795262400000",
        "1795262400000000",
        "0.4111111111111111",
        "1234567890123456.78",
        "52.378282246310005, 4.89516",
        "41111111.11111111",
        "1.0 4111,1111,1111",
        "490154203237518",  # a telephone's IMEI: its check digit is Luhn's as well
        "8944500102198304826",  # a SIM's number, as well
        "ord_01KAJVKP00C1G0HP0V7PKA0YPY",
        "ABCD-4111-1111-1111-1112",
        "9780306406157",
        "411111111111111111111",
    ],
)
def test_what_is_none(text: str) -> None:
    assert not holds_card(text)


@given(st.text(alphabet=string.digits, min_size=13, max_size=13))
def test_thirteen_digits_are_an_ean(text: str) -> None:
    assert not holds_card(text)
    assert not holds_card(f"EAN {text}")


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1970 < at.year < 2200))
def test_times_are_none(at: datetime) -> None:
    for text in (at.isoformat(), f"{at:%Y-%m-%d %H:%M}", f"{at:%d.%m.%Y}", str(int(at.timestamp())), str(int(at.timestamp() * 1000))):
        assert not holds_card(text)
    for form in ("%d.%m.%Y %H.%M.%S", "%d/%m/%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y, %H.%M", "%d_%m_%Y_%H_%M_%S"):
        assert not holds_card(f"{at:{form}}")


@given(st.uuids(version=4))
def test_uuids_are_none(one: uuid.UUID) -> None:
    assert not holds_card(str(one))


@given(st.integers(1_700_000_000, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)))
def test_our_own_ids_are_none(at: datetime) -> None:
    assert not holds_card(new_id("ord", at))
    assert not holds_card(new_id("ord", at).removeprefix("ord_"))


@given(st.sampled_from(["+49", "+1", "+44 ", "+375-", "+34 ", "+380"]), st.text(alphabet=string.digits, min_size=6, max_size=11), st.data())
def test_phone_numbers_are_none(country: str, rest: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(rest) - 1))
    assert not holds_card(f"{country}{rest[:at]} {rest[at:]}")
    assert not holds_card(country + rest)


@given(
    st.text(alphabet=string.ascii_uppercase + string.digits, min_size=6, max_size=6),
    st.text(alphabet=string.digits, min_size=10, max_size=10),
)
def test_parcels_numbers_are_none(sender: str, rest: str) -> None:
    assert not holds_card(f"1Z{sender}{rest}")


@given(st.integers(0, 10**12))
def test_amounts_are_none(amount: int) -> None:
    refuse_cards({"amount": amount, "currency": "EUR", "text": f"{amount} EUR", "price": amount / 100})


@given(st.lists(st.decimals("0.01", "99999.99", places=2), max_size=8), st.sampled_from([" ", ", ", "/", "\t", " - ", " + ", "; "]))
def test_sums_are_none(prices: list[Decimal], sign: str) -> None:
    assert not holds_card(sign.join(map(str, prices)))
    assert not holds_card(sign.join(f"{price:,}" for price in prices))


@example(1.0, 0.0, 5060235781.815632)
@example(1.0, 0.0, 3612.345675)
@given(st.floats(0.0001, 1), st.floats(-180, 180), st.floats(1e-4, 1e10))
def test_decimals_are_none(share: float, degrees: float, number: float) -> None:
    assert not holds_card(f"{share!r}")
    assert not holds_card(f"{degrees:.13f}, {share:.14f}")
    assert not holds_card(f"{number!r} {number:.2f}")


@given(
    st.sampled_from(["4", "51", "55", "34", "37", "6011", "36", "3528", "62", "2221"]),
    st.text(alphabet=string.digits, min_size=19, max_size=19),
    st.sampled_from(["", " ", "-", ".", "/", "_", "\t", "  "]),
    st.text(alphabet=string.ascii_letters + " ,;", max_size=10),
)
def test_every_number_of_a_brand_is_found(prefix: str, digits: str, sign: str, around: str) -> None:
    size = 15 if prefix in {"34", "37"} else 14 if prefix == "36" else 16
    number = luhn((prefix + digits)[: size - 1])
    written = grouped(number, sign) if sign else number
    assert holds_card(f"{around} {written} {around}")


@given(
    st.recursive(
        st.just("4111 1111 1111 1111") | st.just(4111111111111111),
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=5), inner, min_size=1, max_size=3),
        max_leaves=5,
    )
)
def test_wherever_it_stands(content: Any) -> None:
    with pytest.raises(CardDataRefused):
        refuse_cards(content)


def test_a_name_counts_too_and_what_is_no_text_does_not() -> None:
    with pytest.raises(CardDataRefused):
        refuse_cards({"4111111111111111": None})
    refuse_cards([None, True, 1.5, -1, 10**400, {"a": {}}])
    deep: Any = "4111111111111111"
    for _ in range(5000):
        deep = [deep]
    refuse_cards(deep)  # too deep for any model


# Through a route.


class Noted(Input):
    text: str


class Keys(Input):
    NUMBERS_OF_GOODS = True

    text: str


class Done(Model):
    text: str


def asked(path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    api = Api("test", clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), shop_origins=lambda _: ())

    @api.post("/shops/{shop}/notes", body=Noted, returns=Done)
    def note(request: Request[Noted]) -> Done:
        """A note."""
        return Done(text=request.body.text)

    @api.post("/shops/{shop}/keys", body=Keys, returns=Done)
    def keys(request: Request[Keys]) -> Done:
        """Keys of goods."""
        return Done(text=request.body.text)

    @api.post("/shops/{shop}/raw", returns=Done, raw=True)
    def raw(request: Request[None]) -> Done:
        """Bytes that somebody has signed."""
        return Done(text=request.raw.decode())

    answer = api.app(request("POST", f"/shops/{{shop}}/{path}", {"shop": "demo"}, body=body, headers=headers), None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_route_refuses_it_and_nobody_writes_it_down(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    status, problem = asked("notes", {"text": "It is 4242 4242 4242 4242, thanks", "unknown": 1})
    assert (status, problem["code"]) == (422, "card_data_refused")
    said = json.dumps(problem) + caplog.text + "".join(capsys.readouterr())
    assert "4242" not in said
    assert logger.name


@pytest.mark.parametrize("path", ["keys", "raw"])
def test_goods_and_signed_bytes_may_look_like_it(path: str) -> None:
    assert asked(path, {"text": "4242424242424242"})[0] == 200


def test_all_else_is_taken() -> None:
    assert asked("notes", {"text": "Ring 4006381333931 twice"}) == (200, {"text": "Ring 4006381333931 twice"})
