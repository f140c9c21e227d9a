"""E-mail addresses that a mail can be sent to."""

import re

LONGEST = 254
"""Of an address on its way (RFC 5321)."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SENDABLE = re.compile(rf"(?!\.)(?!.*\.\.)[^@\s]{{1,64}}(?<!\.)@({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])")


def sendable(address: str) -> str:
    """The mail service refuses dots at an end or in a row, and domains that cannot be: better told to who types it than found when his
    keys cannot be sent. ValueError.
    """
    if len(address) > LONGEST or not _SENDABLE.fullmatch(address):
        raise ValueError("no mail can be sent to this address")
    return address
