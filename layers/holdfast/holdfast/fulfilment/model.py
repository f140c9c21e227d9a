"""The key vault, deliveries, debts, and the batches in which debts are paid."""

from collections.abc import Iterable, Sequence

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.money import Minor
from holdfast.kernel.time import Instant


class Places(Record):
    """Places of a vault, from the first to the last, both among them."""

    first: int = Field(ge=1)
    last: int

    @property
    def quantity(self) -> int:
        return self.last - self.first + 1

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


class Vault(Record):
    """A SKU's licence keys stand on numbered places, 1 to `imported`; places up to `taken` were handed out.

    Handing out moves `taken` under the condition that it stands where it was seen: no search for a free key, and no two
    workers with the same one. Ranges of places never overlap, so a key belongs to one order line, ever.

    `back`: keys that were set aside for an order which then did not want them; they are on a list, and go out first.
    `withdrawn`: places beyond `taken` whose keys must not be handed out; `passed`: how many others were withdrawn and lie behind `taken`
    by now. `revoked`: keys that were delivered and taken back.
    """

    shop: str
    sku: str
    imported: int = 0
    taken: int = 0
    back: int = 0
    withdrawn: tuple[int, ...] = ()
    passed: int = 0
    revoked: int = 0
    version: int = 0

    @property
    def left(self) -> int:
        return self.imported - self.taken + self.back - len(self.withdrawn)

    @property
    def delivered(self) -> int:
        """Set aside for an order, or with its customer, or once with one."""
        return self.taken - self.back - self.passed


class Reused(Model):
    """Places of the list of what came back that go out again: as they were `seen`, and what is `left` of them."""

    seen: Places
    left: Places | None


class Pick(Model):
    """Places that go out together, and the vault after it."""

    places: tuple[Places, ...]
    vault: Vault
    reused: tuple[Reused, ...] = ()

    @property
    def quantity(self) -> int:
        return total(self.places)


class KeyMark(Record):
    """What is written down of a key beside its text."""

    id: str
    place: int
    revoked_at: Instant | None = None
    withdrawn_at: Instant | None = None


class LicenceKey(Record):
    """One key on its place. `text` is the secret itself: it goes to its owner and nowhere else.

    `revoked_at`: it was delivered, and taken back. `withdrawn_at`: nobody has had it, and nobody shall. `replaced_by`: the key that its
    customer got instead. `act` names the request that changed it last; `version` counts such changes.
    """

    id: str
    sku: Sku
    place: int
    text: str = Field(repr=False)
    imported_at: Instant
    revoked_at: Instant | None = None
    withdrawn_at: Instant | None = None
    replaced_by: str | None = None
    act: str | None = None
    version: int = 0

    @property
    def masked(self) -> str:
        return f"…{self.text[-4:]}" if len(self.text) > 8 else "…"


class Delivery(Record):
    """Places `first` to `last` of a SKU's vault, and `more`, were handed to an order. `wave` is the order's version that it made."""

    shop: ShopId
    order: str
    sku: Sku
    wave: int
    first: int
    last: int
    more: tuple[Places, ...] = ()
    at: Instant

    @property
    def places(self) -> tuple[Places, ...]:
        return (Places(first=self.first, last=self.last), *self.more)


class DeliveredKey(Model):
    """A key as its owner sees it. `revoked_at`: it is good for nothing any more, since then."""

    id: str
    sku: str
    key: str = Field(repr=False)
    delivered_at: Instant
    revoked_at: Instant | None = None


class Debt(Record):
    """Units of a SKU that a paid order waits for. `position` is its place in the queue of the SKU: text that sorts.

    The order itself is the truth; the debt is where it stands in line. `told_at`: when it was seen that it takes longer than promised,
    and the customer knew or was told.
    """

    shop: ShopId
    sku: Sku
    order: str
    owed: int = Field(ge=1)
    paid_at: Instant
    position: str = ""
    told_at: Instant | None = None


class Sharing(Model):
    """How a shop wants restocks to be shared (`tenants.model.Waiting`)."""

    first_methods: tuple[str, ...] = ()
    first_from: Minor | None = None
    most_per_round: int | None = None


class Queue(Record):
    """The queue of a SKU's waiting orders. It is fed in batches, one after the other: `batches` is the number of the last one, and it is
    `open` until all of it was handed over. `leased_until`: who opened it is at it until then. `waiting`: somebody stands in it.
    """

    shop: ShopId
    sku: Sku
    batches: int = 0
    open: bool = False
    leased_until: Instant | None = None
    waiting: bool = False


class Allotment(Record):
    """What one order gets of a batch. `owed` is its debt as it was seen; `later`: the rest of it waits for the next round."""

    order: str
    units: int = Field(ge=1)
    owed: int
    position: str
    later: bool = False
    places: tuple[Places, ...] = ()


class Batch(Record):
    """Units of a SKU that left the stock together, for the orders that they were allotted to. Never changed and never deleted: with
    what the orders took of it, it says whose each key is.
    """

    shop: ShopId
    sku: Sku
    number: int
    at: Instant
    allotments: tuple[Allotment, ...]

    @property
    def units(self) -> int:
        return sum(allotment.units for allotment in self.allotments)

    def of(self, order: str) -> Allotment | None:
        return next((allotment for allotment in self.allotments if allotment.order == order), None)


class Given(Model):
    """Units of a SKU that an order got with a batch. `wave`: the order's version that it made."""

    sku: str
    batch: int
    units: int
    wave: int


def total(places: Iterable[Places]) -> int:
    return sum(some.quantity for some in places)


def begin(places: Sequence[Places], units: int) -> tuple[tuple[Places, ...], tuple[Places, ...]]:
    """The first so many of them, and the rest."""
    first: list[Places] = []
    for number, some in enumerate(places):
        if units < some.quantity:
            cut = some.first + units
            head = (Places(first=some.first, last=cut - 1),) if units else ()
            return (*first, *head), (Places(first=cut, last=some.last), *places[number + 1 :])
        first.append(some)
        units -= some.quantity
    return tuple(first), ()
