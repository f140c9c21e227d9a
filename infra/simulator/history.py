"""What happened to stock, as plain lists: images of levels, calls of clients, and what each client wanted.

Any run may be written down so: a simulation, a race on a store in memory, an end-to-end run from its stream's images.
`verdicts` says whether it was lawful.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

GoodsKey = tuple[str, str]
"""Shop and SKU."""
LevelKey = tuple[str, str, str]
"""Shop, SKU and part."""
Entries = Mapping[str, tuple[int, int]]
"""Name of a lock to its units, and its expiry in milliseconds since 1970."""


class Result(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The caller was told nothing, or to come again: it may have happened."""


class Wanted(StrEnum):
    HOLD = "hold"
    RELEASE = "release"
    CONFIRM = "confirm"
    EXTEND = "extend"
    EXPIRE = "expire"


@dataclass(frozen=True)
class Image:
    """A level as a write left it. `commit` is the same for images that were written together; `cause` is the call, if it is known."""

    at: float
    key: LevelKey
    version: int
    on_hand: int
    available: int
    entries: Entries
    commit: int
    cause: int | None = None

    @property
    def locked(self) -> int:
        return sum(units for units, _ in self.entries.values())


@dataclass(frozen=True)
class Touch:
    """A call's condition on one level. `refused`: this is the one that failed."""

    key: LevelKey
    holds: Callable[[Image | None], bool]
    refused: bool = False


@dataclass(frozen=True)
class Call:
    """One request to the store, from when it was sent until it was answered; without an answer `ended` is infinite."""

    id: int
    begun: float
    ended: float
    result: Result
    touches: tuple[Touch, ...]


@dataclass(frozen=True)
class Intent:
    """What a client set out to do with a lock, by the name of its entries. `asked`: units per SKU.

    `may_free`: names of other locks whose units it may use (the same shopper's earlier holds).
    """

    what: Wanted
    shop: str
    name: str
    begun: float
    ended: float
    result: Result
    asked: Mapping[str, int] = field(default_factory=dict)
    may_free: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """`began` is the instant of second 0, in milliseconds since 1970.

    `intents` None: nobody wrote down what was wanted (images of a stream), so only what images show is judged.
    `booked`: units per SKU that came in or went out otherwise than by confirmed locks, as those were told who booked them.
    `pools`: parts that count permissions and not goods.
    """

    images: Sequence[Image]
    calls: Sequence[Call] = ()
    intents: Sequence[Intent] | None = None
    booked: Mapping[GoodsKey, int] | None = None
    began: int = 0
    pools: Callable[[str], bool] = lambda part: part == "promise" or part.startswith("buyer-")
    own_entry: str = "safety"
    """The shop's own entry: no lock, and never to expire."""


@dataclass(frozen=True)
class Verdict:
    """A law that was broken, where, and how."""

    law: str
    text: str

    def __str__(self) -> str:
        return f"{self.law}: {self.text}"
