"""What can go wrong between a use case and its store, at one chosen call."""

import dataclasses
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from holdfast.kernel.errors import UnavailableError
from tests.memory.stores import Stores


class Fault(StrEnum):
    KILLED_BEFORE = "killed before the call"
    KILLED_AFTER = "killed after the call"
    LOST_REPLY = "the call was done, its reply got lost"
    REFUSED = "the store is busy, nothing was done"
    TWICE = "the call was delivered twice"


class Killed(BaseException):
    """The process is gone: no `except` and no clean-up of ours sees it."""


class Faults:
    """Counts the calls; at the chosen one its fault happens. `met` names that call."""

    def __init__(self, fault: Fault, at: int) -> None:
        self.fault, self.at, self.count, self.met, self.dead = fault, at, 0, "", False

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count != self.at:
            return effect()
        self.met = name
        if self.fault is Fault.KILLED_BEFORE:
            raise Killed
        if self.fault is Fault.REFUSED:
            raise UnavailableError("The data store is busy.")
        answer = effect()
        if self.fault is Fault.KILLED_AFTER:
            raise Killed
        if self.fault is Fault.LOST_REPLY:
            raise UnavailableError("The data store does not answer.")
        return effect() if self.fault is Fault.TWICE else answer


class Faulty:
    """A store whose calls go through the faults. Writes are values; only their commit is a call."""

    def __init__(self, target: Any, faults: Faults) -> None:
        self._target, self._faults = target, faults

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if name in {"levels", "locks", "vaults", "debts", "queues"} and not callable(member):
            return Faulty(member, self._faults)
        if not callable(member) or name.endswith(("_write", "_writes")):
            return member
        return lambda *args, **kwargs: self._faults(name, lambda: member(*args, **kwargs))


def faulty(stores: Stores, faults: Faults) -> Stores:
    parts = {field.name: Faulty(getattr(stores, field.name), faults) for field in dataclasses.fields(stores) if field.name != "commit"}
    return Stores(**parts, commit=lambda writes, *, token: faults("commit", lambda: stores.commit(writes, token=token)))
