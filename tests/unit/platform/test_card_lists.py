"""Cards as lists of them have them, with expiry and code; other scripts; and how long reading takes."""

import time

import pytest

from holdfast.platform.cards import holds_card


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111,12,29,123",
        "4111111111111111,123",
        "4111111111111111.123",
        "4111111111111111.12.29",
        "4111111111111111|12|29|123",
        "4111111111111111/12/29/123",
        "4111 1111 1111 1111,12/29",
        "4111 1111 1111 1111.12/29",
        "12/29,4111111111111111",
        "12/29.4111111111111111",
        "12.29.4111111111111111",
        "123.4111111111111111",
        "1. 4111111111111111",
        "1.4111 1111 1111 1111",
        "0,4111111111111111",
        "4111111111111111.5",
        "+4111111111111111",
        "+4111 1111 1111 1111",
        "12/29 3782.822463.10005",
        ";4111111111111111=29121010000012300000?",
    ],
)
def test_as_lists_of_cards_have_them(text: str) -> None:
    assert holds_card(text)
    assert not holds_card(text.replace("1111", "1112", 1).replace("3782", "3783"))


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u0966", "\U0001d7ce"])
def test_digits_of_other_scripts(zero: str) -> None:
    abroad = "".join(chr(ord(zero) + int(digit)) for digit in "4111111111111111")
    assert holds_card(abroad)
    assert holds_card(f"\uff0b{abroad}\uff0c\uff11\uff12\uff0f\uff12\uff19")
    assert holds_card("\uff0e".join(abroad[at : at + 4] for at in range(0, 16, 4)))
    assert not holds_card(f"\uff21{abroad}")


@pytest.mark.parametrize("sign", ["\u2116", "n\u00ba", "\u00a7"])
def test_a_sign_for_number_is_no_letter(sign: str) -> None:
    assert holds_card(f"{sign}4111111111111111")


@pytest.mark.parametrize(
    "piece",
    [
        "4",
        "4.",
        "4 ",
        "4111 ",
        "4111.",
        "4  ",
        "41111111111111.",
        ". ",
        "4...",
        "4-/",
        "1 a",
        "\u0301\u0323",
        "\uff14",
        "\u200b",
        "4 \u0301",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("end", ["", "a", ".", "+"])
def test_the_time_grows_as_the_text_does(piece: str, end: str) -> None:
    text = piece * (256 * 1024 // len(piece.encode())) + end
    begun = time.process_time()
    holds_card(text)
    assert time.process_time() - begun < 3, "seconds; a square of this length would be minutes"
