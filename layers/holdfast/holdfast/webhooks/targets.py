"""Which addresses webhooks are sent to. A URL is judged when it is registered, and the addresses behind its name at each sending.

A receiver's URL is the shop's own text, and we are inside: without this, anybody with an admin key could make us call the cloud's
metadata service, or a neighbour. So: https, a public DNS name (no bare addresses), the usual port, and nothing that two parsers
read differently.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from holdfast.webhooks.errors import UrlRefused

LONGEST_URL = 2048
_VISIBLE = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# As browsers judge it: a name whose last part is a number (also octal or hex) is an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "test", "invalid", "onion")
_LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
# All of IPv6 that was ever given out to anybody.
_UNICAST = IPv6Network("2000::/3")
# Public by their number, and yet a way inside: an IPv4 address is in them.
_CARRIERS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
# Of protocols, of a former relay, of documentation: not one host's, and what Python says of them changes with its patches.
_NOBODYS = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


class NotPublic(Exception):
    """The name leads to an address that webhooks are not sent to."""


@dataclass(frozen=True)
class Doors:
    """What a deployment allows: `ports` of https, and - on a laptop only - plain http to this very machine."""

    ports: frozenset[int] = frozenset({443})
    loopback: bool = False


@dataclass(frozen=True)
class Target:
    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def target_of(url: str, doors: Doors) -> Target:
    """UrlRefused with a reason that names no address of ours."""
    if len(url) > LONGEST_URL:
        raise _refused("too_long", f"A webhook URL has {LONGEST_URL} characters at most.")
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        raise _refused("unreadable", "Write the URL in visible ASCII; a name in other letters in its xn-- form.")
    parts, port = _parsed(url)
    if "@" in parts.netloc:
        raise _refused("credentials", "A webhook URL carries no user name or password; webhooks are signed instead.")
    if parts.fragment:
        raise _refused("fragment", "A webhook URL has no fragment.")
    host = (parts.hostname or "").lower()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if doors.loopback and parts.scheme == "http" and host in _LOOPBACK_HOSTS:
        return Target(secure=False, host=host, port=80 if port is None else port, path=path)
    if parts.scheme != "https":
        raise _refused("scheme", "Webhooks are sent over https.")
    _demand_public_name(host, parts.netloc)
    port = 443 if port is None else port
    if port not in doors.ports:
        raise _refused("port", f"Webhooks are sent to port {', '.join(map(str, sorted(doors.ports)))}.")
    return Target(secure=True, host=host, port=port, path=path)


def _parsed(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise _refused("unreadable", "That is not a URL.") from None


def _demand_public_name(host: str, netloc: str) -> None:
    """Brackets are for addresses, whatever stands in them: `[v1.name]` is a name to some parsers only."""
    labels = host.split(".")
    if "[" in netloc or _NUMBER.fullmatch(labels[-1]):
        raise _refused("address", "Name a host; an address is not taken.")
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("host", "That is not the name of a public host.")
    if any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES):
        raise _refused("host", "That name is not a public one.")


def _refused(reason: str, detail: str) -> UrlRefused:
    return UrlRefused(detail, reason=reason)


def judged(addresses: Sequence[str], target: Target) -> list[str]:
    """The addresses to connect to. NotPublic when any of them is none of the allowed: a name that leads both ways is a trick."""
    found = [ip_address(address.partition("%")[0]) for address in addresses]
    allowed = public if target.secure else loopback
    if not found or not all(map(allowed, found)):
        raise NotPublic
    return [str(address) for address in dict.fromkeys(found)]


def public(address: IPv4Address | IPv6Address) -> bool:
    """Reachable by everybody: not private, shared (CGNAT), loopback, link-local (metadata), unique local, multicast or reserved."""
    if any(address in network for network in (*_CARRIERS, *_NOBODYS)) or (address.version == 6 and address not in _UNICAST):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def loopback(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback
