"""Look into the functions from the terminal: their logs, and a single call."""

import base64
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.aws import client
from infra.local.paths import FUNCTIONS, ROOT
from infra.local.status import Status
from infra.local.trouble import Trouble

NOISE = ("START RequestId", "END RequestId", "REPORT RequestId", '{"_aws"')  # and metrics
UNPACKED = re.compile(r"/[^ \"]*/ministack-lambda-[^/]+/(?:code|layer_\d+/python)/")  # where a worker of the emulator has its code
SAID_ELSEWHERE = {"level", "message", "timestamp", "service", "location", "exception", "exception_name", "stack_trace"}


def resolve(facts: Status, name: str) -> str:
    """The deployed name of a function that is given by its folder."""
    known: dict[str, str] = facts["functions"]
    if name in known:
        return known[name]
    if name in known.values():
        return name
    raise Trouble(f"There is no function {name}.", f"There are: {', '.join(sorted(known))}")


def invoke(facts: Status, name: str, event: Path) -> bool:
    """Print its answer and the end of its log. False if the function failed."""
    if not event.exists() and (FUNCTIONS.parent / "events" / name / event).exists():
        event = ROOT / "events" / name / event
    if not event.exists():
        raise Trouble(f"There is no file {event}.", f"Samples are in events/{name}/.")
    answer = client("lambda", facts["emulator_url"]).invoke(FunctionName=resolve(facts, name), Payload=event.read_bytes(), LogType="Tail")
    print(pretty(answer["Payload"].read()))
    tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    if tail:
        print(tail, file=sys.stderr)
    return not answer.get("FunctionError")


def logs(facts: Status, name: str | None, lines: int) -> None:
    """The last lines of one function or of all, in the order of time."""
    wanted = [name] if name else sorted(facts["functions"])
    found = sorted(row for each in wanted for row in _events(facts["emulator_url"], each, resolve(facts, each), lines))
    for at, each, text in found[-lines:]:
        moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        print(f"{moment} {each:<20} {readable(text)}")


def pretty(payload: bytes) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload.decode(errors="replace")


def readable(line: str) -> str:
    """A structured log line as a person reads it: level, message, facts, and the traceback below."""
    try:
        found = json.loads(line)
    except ValueError:
        return line
    if not isinstance(found, dict) or "message" not in found:
        return line
    facts = " ".join(f"{name}={value}" for name, value in found.items() if name not in SAID_ELSEWHERE)
    traceback = "".join(f"\n    {UNPACKED.sub('', row)}" for row in str(found.get("exception", "")).splitlines())
    return f"{found.get('level', ''):<7} {found['message']}  {facts}".rstrip() + traceback


def _events(endpoint: str, folder: str, function: str, lines: int) -> Iterator[tuple[int, str, str]]:
    cloudwatch = client("logs", endpoint)
    for group in (f"/aws/lambda/{function}",):
        try:
            rows: list[dict[str, Any]] = _last(cloudwatch, group, lines)
        except cloudwatch.exceptions.ResourceNotFoundException:
            return
        for row in rows:
            if not row["message"].startswith(NOISE):
                yield row["timestamp"], folder, row["message"].rstrip()


def _last(cloudwatch: Any, group: str, lines: int) -> list[dict[str, Any]]:
    """The newest first is not offered: all pages are read and the end is kept."""
    kept: list[dict[str, Any]] = []
    for page in cloudwatch.get_paginator("filter_log_events").paginate(logGroupName=group):
        kept = (kept + page["events"])[-4 * lines :]
    return kept
