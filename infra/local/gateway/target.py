"""Where the deployed API is: told by argument, or read from the status file that the deploy writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STAGE = "v1"


@dataclass(frozen=True)
class Target:
    """One deployed API on one emulator."""

    emulator_url: str
    api_id: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def api(self, path_and_query: str) -> str:
        """The emulator's address of an API path; the path starts with the stage, `/v1/...`."""
        return f"{self.emulator_url}/_aws/execute-api/{self.api_id}{path_and_query}"


class Targets:
    """Reads the status file again when it changes, so a new deploy needs no new gateway."""

    def __init__(self, *, status_file: Path | None = None, emulator_url: str | None = None, api_id: str | None = None) -> None:
        self._file, self._emulator_url, self._api_id = status_file, emulator_url, api_id
        self._seen: tuple[int, int] | None = None
        self._target: Target | None = self._resolve({})

    def current(self) -> Target | None:
        """None while nothing is deployed."""
        seen = self._fingerprint()
        if seen != self._seen:
            self._seen = seen
            self._target = self._resolve(self._read())
        return self._target

    def _fingerprint(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return (0, 0)
        return found.st_mtime_ns, found.st_size

    def _read(self) -> Mapping[str, Any]:
        try:
            facts = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
        except (OSError, ValueError):  # absent, or caught in the middle of being written: the next change is read
            return {}
        return facts if isinstance(facts, dict) else {}

    def _resolve(self, facts: Mapping[str, Any]) -> Target | None:
        emulator_url = self._emulator_url or facts.get("emulator_url")
        api_id = self._api_id or facts.get("api_id")
        if not emulator_url or not api_id:
            return None
        return Target(str(emulator_url).rstrip("/"), str(api_id), facts)
