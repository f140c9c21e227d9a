"""How a stand-in misbehaves: slow, busy, broken, behind a proxy's page, or doing what it is asked and losing the answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from infra.providers.wire import Answer, json_answer

SORRY = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
LONGEST_LATENCY = 60_000


@dataclass(frozen=True)
class Mood:
    """`latency_ms` before anything happens. `status`: answered instead, and nothing happens; `html`: as a page, of that status or of 200.
    `drop`: it happens, and the line is cut instead of an answer. `path`: only calls whose path contains this. `calls`: for so many more;
    None for ever.
    """

    latency_ms: int = 0
    status: int | None = None
    html: bool = False
    drop: bool = False
    retry_after: int | None = None
    path: str = ""
    calls: int | None = None

    @property
    def answer(self) -> Answer | None:
        """Instead of the provider's own."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.html:
            return Answer(self.status or 200, {"content-type": "text/html", **headers}, SORRY)
        return json_answer(self.status, {"message": "a stand-in in a bad mood"}, **headers) if self.status else None


WELL = Mood()


class Faults:
    def __init__(self) -> None:
        self.mood = WELL

    def set(self, asked: Mapping[str, Any]) -> None:
        """ValueError for what is not a mood."""
        self.mood = mood_of(asked)

    def next(self, path: str) -> Mood:
        """For a call to this path, which is counted."""
        mood = self.mood
        if mood.path not in path or mood.calls == 0:
            return WELL
        if mood.calls is not None:
            self.mood = replace(mood, calls=mood.calls - 1)
        return mood


def mood_of(asked: Mapping[str, Any]) -> Mood:
    """ValueError."""
    kinds = {field.name: field.type for field in fields(Mood)}
    unknown = asked.keys() - kinds.keys()
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(kinds)}")
    for name, value in asked.items():
        wanted = {"html": bool, "drop": bool, "path": str}.get(name, int)
        if type(value) is not wanted and not (value is None and "None" in str(kinds[name])):
            raise ValueError(f"{name} is {json.dumps(value)}")
    mood = Mood(**asked)
    if not (0 <= mood.latency_ms <= LONGEST_LATENCY and (mood.status is None or 200 <= mood.status < 600) and (mood.calls or 0) >= 0):
        raise ValueError("a number is out of its range")
    return mood
