"""The mails that the emulator's SES kept, newest first, in a shape a page can use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

import aiohttp

from .target import Target

Mail = dict[str, Any]


async def fetch_mails(session: aiohttp.ClientSession, target: Target) -> list[Mail]:
    async with session.get(f"{target.emulator_url}/_ministack/ses/messages") as answer:
        answer.raise_for_status()
        return newest_first(await answer.json(content_type=None))


def newest_first(kept: Mapping[str, Any]) -> list[Mail]:
    """The emulator keeps one list per account, in the order of sending."""
    by_account = kept.get("messages", {})
    records = [record for account in by_account.values() for record in account] if isinstance(by_account, Mapping) else list(by_account)
    mails = [as_mail(number, record) for number, record in enumerate(records)]
    return sorted(mails, key=lambda mail: (mail["at"], mail["order"]), reverse=True)


def as_mail(order: int, record: Mapping[str, Any]) -> Mail:
    return {
        "id": str(record.get("MessageId") or order),
        "order": order,
        "from": as_read(str(record.get("Source") or "")),
        "to": record.get("To") or [],
        "subject": record.get("Subject") or "(no subject)",
        "text": record.get("BodyText") or "",
        "html": record.get("BodyHtml") or "",
        "at": as_instant(record.get("Timestamp")),
    }


def as_read(header: str) -> str:
    """A sender's name as mail programs show it: on its way it is in RFC 2047's letters, unless it is plain ASCII."""
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, LookupError, UnicodeError):
        return header


def as_instant(value: object) -> str:
    """RFC 3339 in UTC; the emulator gives epoch seconds or text, depending on the call that sent the mail."""
    if isinstance(value, int | float):
        moment = datetime.fromtimestamp(value, UTC)
    else:
        try:
            moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        except ValueError:
            return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
