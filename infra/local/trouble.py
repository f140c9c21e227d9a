"""The one error of the local tools: what went wrong and what to do about it, without a traceback."""

from pathlib import Path

from infra.local.paths import shown

TAIL_LINES = 30


class Trouble(Exception):
    """Shown to the person at the terminal as it is."""

    def __init__(self, what: str, advice: str = "", log: Path | None = None) -> None:
        super().__init__(what)
        self.what, self.advice, self.log = what, advice, log

    def __str__(self) -> str:
        parts = [self.what]
        if self.log is not None and self.log.exists():
            parts += [f"--- end of {shown(self.log)} ---", tail(self.log), "---"]
        if self.advice:
            parts.append(self.advice)
        return "\n".join(parts)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
