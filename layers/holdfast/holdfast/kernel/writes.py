"""What must happen together is collected as values and committed at once.

A repository offers a `Write`: an opaque action of its store, with the refusal that its failed condition means.
A use case gathers the writes of several contexts and hands them to `commit`: all of them happen, or none and the
first failed condition is raised as its refusal.
"""

from collections.abc import Sequence
from typing import Protocol


class Write:
    """One conditional action of a store and the refusal that its failed condition means.

    Opaque to use cases; each store has its own kind, and says there how the refusal is found.
    """


class Commit(Protocol):
    """Send the writes as one. `token` names the attempt, so that a repeated delivery is not a second change."""

    def __call__(self, writes: Sequence[Write], *, token: str) -> None: ...
