"""Many at once, and schedules that leave nothing to luck."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from holdfast.kernel.errors import HoldfastError

WORKERS = 24


def together(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each of them came to; a refusal is an answer too, anything else is raised."""
    start = threading.Barrier(min(len(acts), WORKERS))
    waited = threading.local()

    def run(act: Callable[[], Any]) -> Any:
        if not hasattr(waited, "once"):
            waited.once = True
            start.wait(10)
        try:
            return act()
        except HoldfastError as refusal:
            return refusal

    with ThreadPoolExecutor(start.parties) as pool:
        return list(pool.map(run, acts))


def meet(owner: Any, method: str, parties: int) -> None:
    """After its first call each of so many threads waits for the others: none goes on before all have seen the same."""
    original, barrier, met, arrived = getattr(owner, method), threading.Barrier(parties), threading.local(), count()

    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            if not hasattr(met, "once") and next(arrived) < parties:
                met.once = True
                barrier.wait(10)

    setattr(owner, method, called)


def just_before(owner: Any, method: str, act: Callable[[], Any]) -> None:
    """Somebody else is faster by a hair: `act` happens just before the first call."""
    original = getattr(owner, method)

    def called(*args: Any, **kwargs: Any) -> Any:
        setattr(owner, method, original)
        act()
        return original(*args, **kwargs)

    setattr(owner, method, called)
