"""Where webhooks may go: judged at registration by the text, at each sending by the addresses behind the name."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.webhooks.errors import UrlRefused
from holdfast.webhooks.targets import Doors, NotPublic, Target, judged, public, target_of

PUBLIC, LAPTOP = Doors(), Doors(loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example/in", Target(True, "shop.example", 443, "/in")),
        ("https://Shop.Example", Target(True, "shop.example", 443, "/")),
        ("https://shop.example:443/in?a=1&b=%20", Target(True, "shop.example", 443, "/in?a=1&b=%20")),
        ("HTTPS://xn--mller-kva.example/", Target(True, "xn--mller-kva.example", 443, "/")),
        ("https://a_b.hooks.example/", Target(True, "a_b.hooks.example", 443, "/")),
    ],
)
def test_what_is_taken(url: str, target: Target) -> None:
    assert target_of(url, PUBLIC) == target


REFUSED = [
    ("http://shop.example/", "scheme"),
    ("ftp://shop.example/", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("gopher://shop.example/", "scheme"),
    ("//shop.example/", "scheme"),
    ("shop.example", "scheme"),
    ("javascript:alert(1)", "scheme"),
    ("https://user@shop.example/", "credentials"),
    ("https://user:secret@shop.example/", "credentials"),
    ("https://shop.example@127.0.0.1/", "credentials"),
    ("https://@shop.example/", "credentials"),
    ("https://shop.example/#part", "fragment"),
    ("https://shop.example:8443/", "port"),
    ("https://shop.example:22/", "port"),
    ("https://shop.example:0/", "port"),
    ("https://shop.example:99999/", "unreadable"),
    ("https://shop.example:x/", "unreadable"),
    ("https://[::1/", "unreadable"),
    ("https://127.0.0.1/", "address"),
    ("https://8.8.8.8/", "address"),  # a public one too: a certificate is for a name
    ("https://[::1]/", "address"),
    ("https://[::ffff:169.254.169.254]/", "address"),
    ("https://[fe80::1%25eth0]/", "address"),
    ("https://[v1.example]/", "address"),  # a name to this parser, and none to others
    ("https://169.254.169.254/latest/meta-data/", "address"),
    ("https://0.0.0.0/", "address"),
    ("https://2130706433/", "address"),  # 127.0.0.1 in one number
    ("https://0x7f000001/", "address"),
    ("https://0x7f.1/", "address"),
    ("https://0177.0.0.1/", "address"),
    ("https://127.1/", "address"),
    ("https://1.2.3.0x/", "address"),
    ("https://localhost/", "host"),
    ("https://LOCALHOST/", "host"),
    ("https://localhost./", "host"),
    ("https://127.0.0.1./", "host"),
    ("https://shop.example./", "host"),
    ("https://.shop.example/", "host"),
    ("https://shop..example/", "host"),
    ("https://-shop.example/", "host"),
    ("https://metadata.google.internal/", "host"),
    ("https://printer.local/", "host"),
    ("https://router.home.arpa/", "host"),
    ("https://a.localhost/", "host"),
    ("https://intranet/", "host"),
    ("https:///in", "host"),
    ("https://", "host"),
    ("https://shop%2eexample/", "host"),
    ("https://shop.example%00.evil.example/", "host"),
    ("https://" + "a" * 64 + ".example/", "host"),
    ("https://" + "a." * 130 + "example/", "host"),
    ("https://müller.example/", "unreadable"),
    ("https://１２７.０.０.１/", "unreadable"),  # digits of another width
    ("https://127。0。0。1/", "unreadable"),  # full stops of another script
    ("https://ⓛocalhost/", "unreadable"),
    ("https://shop.example\\@127.0.0.1/", "unreadable"),  # browsers read a slash here, others do not
    ("https://shop.example/\r\nHost: evil", "unreadable"),
    ("https://shop.example/a b", "unreadable"),
    (" https://shop.example/", "unreadable"),
    ("https://shop.ex\tample/", "unreadable"),
    ("https://shop.example/\x00", "unreadable"),
    ("", "unreadable"),
    ("https://shop.example/" + "a" * 2048, "too_long"),
]


@pytest.mark.parametrize("doors", [PUBLIC, LAPTOP], ids=["public", "laptop"])
@pytest.mark.parametrize(("url", "reason"), REFUSED, ids=[url[:50] for url, _ in REFUSED])
def test_what_is_refused(url: str, reason: str, doors: Doors) -> None:
    with pytest.raises(UrlRefused) as refused:
        target_of(url, doors)
    assert refused.value.facts == {"reason": reason}


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        target = target_of(text, PUBLIC)
    except UrlRefused:
        return
    assert (target.secure, target.port) == (True, 443)


def test_other_ports_by_parameter() -> None:
    assert target_of("https://shop.example:8443/", Doors(ports=frozenset({443, 8443}))).port == 8443


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:9000/in", Target(False, "127.0.0.1", 9000, "/in")),
        ("http://localhost:9000/", Target(False, "localhost", 9000, "/")),
        ("http://[::1]:9000/", Target(False, "::1", 9000, "/")),
        ("http://127.0.0.1/", Target(False, "127.0.0.1", 80, "/")),
    ],
)
def test_a_laptop_may_talk_to_itself(url: str, target: Target) -> None:
    assert target_of(url, LAPTOP) == target
    with pytest.raises(UrlRefused):
        target_of(url, PUBLIC)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/", "http://shop.example/", "http://127.0.0.2.example/"])
def test_a_laptop_may_talk_plainly_to_nobody_else(url: str) -> None:
    with pytest.raises(UrlRefused):
        target_of(url, LAPTOP)


def test_the_host_header_is_the_names() -> None:
    assert target_of("https://shop.example/", PUBLIC).authority == "shop.example"
    assert target_of("http://[::1]:9000/", LAPTOP).authority == "[::1]:9000"


# Addresses.

INSIDE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
    *("192.0.0.9", "192.88.99.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
    "::ffff:0:7f00:1",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "169.253.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
SHOP = Target(True, "shop.example", 443, "/")
MYSELF = Target(False, "localhost", 9000, "/")


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address: str) -> None:
    assert not public(ip_address(address))
    with pytest.raises(NotPublic):
        judged([address], SHOP)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert public(ip_address(address))
    assert judged([address], SHOP) == [address]


def test_a_name_that_leads_both_ways_is_refused() -> None:
    for addresses in (["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "fe80::1%eth0"], []):
        with pytest.raises(NotPublic):
            judged(addresses, SHOP)


def test_all_addresses_of_a_public_name_may_be_tried() -> None:
    assert judged(["2606:4700::1111", "8.8.8.8", "8.8.8.8"], SHOP) == ["2606:4700::1111", "8.8.8.8"]


def test_plain_http_goes_nowhere_but_to_this_machine() -> None:
    assert judged(["127.0.0.1"], MYSELF) == ["127.0.0.1"]
    assert judged(["::1"], MYSELF) == ["::1"]
    with pytest.raises(NotPublic):
        judged(["8.8.8.8"], MYSELF)
    with pytest.raises(NotPublic):
        judged(["127.0.0.1", "10.0.0.1"], MYSELF)
