"""Addresses that mails can be sent to, and others."""

import pytest

from holdfast.kernel.addresses import LONGEST, sendable

LONGEST_DOMAIN = ".".join(["b" * 47] * 4)


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "a.b+c@shop-1.example.co", "o'hara@x.de", "a@1and1.de", "a" * 62 + "@" + LONGEST_DOMAIN, "a@xn--mller-kva.de"],
)
def test_a_mail_can_be_sent(address: str) -> None:
    assert len(address) <= LONGEST
    assert sendable(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *["a@..de", "a@x..de", "a@.x.de", "a@-x.de", "a@x-.de", "a@x.1", "a@x.d", "a@de", "a@x.de\n", "a@x.de.", "@x.de"],
        *[".a@x.de", "a.@x.de", "a..b@x.de", "a b@x.de", "a@b@x.de", "a" * 65 + "@x.de", "a@" + "b" * 64 + ".de"],
        "a" * 60 + "@" + "b." * 100 + "de",
    ],
)
def test_no_mail_can_be_sent(address: str) -> None:
    with pytest.raises(ValueError, match="no mail"):
        sendable(address)
