"""One line per long step, with its seconds. It goes to stderr: stdout belongs to results."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 15.0  # on a log file: how often a long step says that it is alive
REDRAW_SECONDS = 0.1
WIDTH = 44


class Step:
    """A step in progress. `note` is shown behind its time; `unchanged` says that there was nothing to do."""

    def __init__(self, title: str) -> None:
        self.title, self.note, self.good = title, "", True
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def unchanged(self) -> None:
        self.note = "unchanged"

    def failed(self) -> None:
        self.good = False

    def line(self, mark: str) -> str:
        return f"{mark} {self.title:<{WIDTH}} {self.seconds:6.1f} s" + (f"   {self.note}" if self.note else "")


@contextmanager
def step(title: str) -> Iterator[Step]:
    current, over = Step(title), threading.Event()
    ticker = threading.Thread(target=_tick, args=(current, over), daemon=True)
    ticker.start()
    try:
        yield current
    except BaseException:
        current.failed()
        raise
    finally:
        over.set()
        ticker.join()
        mark = _mark("✓", "+") if current.good else _mark("✗", "x")
        _write(current.line(mark) + "\n", redraw=sys.stderr.isatty())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tick(current: Step, over: threading.Event) -> None:
    live = sys.stderr.isatty()
    while not over.wait(REDRAW_SECONDS if live else HEARTBEAT_SECONDS):
        _write(current.line(_mark("…", ".")) + ("" if live else "\n"), redraw=live)


def _write(text: str, redraw: bool) -> None:
    sys.stderr.write(("\r\033[K" if redraw else "") + text)
    sys.stderr.flush()


def _mark(pretty: str, plain: str) -> str:
    return pretty if _unicode() else plain


def _unicode() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
