"""The story that Holdfast is about, played over HTTP against the running stack.

Each step is a function of the `World`: it plays its part, insists on what the next step needs, and returns what it saw.
The command line prints one line per step; the end-to-end tests assert on the same returns.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from .client import Answer, Api, Inbox, Json, Unexpected, expect, guest, new_key

T = TypeVar("T")

PATIENCE_SECONDS = 60.0  # how long the asynchronous part may take: on a busy machine the first calls alone (cold starts) take half of it
LOOK_AGAIN_SECONDS = 0.1
GRACE_SECONDS = 2.0  # local hold grace (1 s), and a second because seconds_left is a whole number

RACE_UNITS, RACE_BUYERS, RACE_AT_ONCE = 50, 200, 32


class StoryBroken(Exception):
    """A step did not end as the story says."""


def insist(fact: bool, sentence: str) -> None:
    if not fact:
        raise StoryBroken(sentence)


def eventually(read: Callable[[], T], wanted: Callable[[T], bool], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Looks until it is so, or says what it saw last."""
    end = time.monotonic() + seconds
    seen = read()
    while not wanted(seen):
        if time.monotonic() > end:
            raise StoryBroken(f"waited {seconds:.0f} s for {what}; last seen: {str(seen)[:300]}")
        time.sleep(LOOK_AGAIN_SECONDS)
        seen = read()
    return seen


@dataclass(frozen=True)
class World:
    """One playing of the story: its own products and its own buyers, so that it can be played again."""

    api: Api
    inbox: Inbox
    run: str
    skus: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> World:
        api = Api(status["api_url"], status["shop"], status["admin_key"])
        return cls(api=api, inbox=Inbox(status["emulator_url"]), run=new_key()[:8])

    def close(self) -> None:
        self.api.http.close()
        self.inbox.http.close()

    def new_sku(self, name: str) -> str:
        self.skus.append(f"{name}-{self.run}".upper())
        return self.skus[-1]

    def buyer(self, name: str) -> str:
        return f"{name}.{self.run}@example.com"

    def key(self, number: int) -> str:
        return f"HOLD-{self.run}-{number:04d}".upper()

    def wait_for_status(self, order: Json, status: str) -> Json:
        return eventually(
            lambda: self.api.read_order(order), lambda seen: seen["status"] == status, f"order {order['number']} to be {status}"
        )

    def wait_for_mails(self, buyer: str, count: int) -> list[Json]:
        return eventually(lambda: self.inbox.to(buyer), lambda mails: len(mails) >= count, f"mail number {count} to {buyer}")

    def buy(self, sku: str, quantity: int, buyer: str, *, accept_partial: bool = False) -> Json:
        """Orders and pays. The order as it was placed, with its token."""
        order = self.hold(sku, quantity, buyer, accept_partial=accept_partial)
        self.api.pay(order)
        return order

    def hold(self, sku: str, quantity: int, buyer: str, *, accept_partial: bool = False, provider: str = "sandbox") -> Json:
        return expect(201, self.api.order(sku, quantity, buyer, accept_partial=accept_partial, provider=provider)).json

    def cancel(self, order: Json) -> Answer:
        headers = {**guest(order["order_token"]), "Idempotency-Key": new_key()}
        return self.api.call("POST", self.api.shop_path(f"/orders/{order['id']}/cancel"), {}, headers)

    def put_digital(self, name: str, keys: int) -> str:
        sku = self.new_sku(name)
        self.api.put_product(sku, product(sku, "Licence key", "digital", 1999, "backorder"))
        if keys:
            self.api.add_keys(sku, [f"{sku}-{self.key(number)}" for number in range(1, keys + 1)])
        return sku

    def put_physical(self, name: str, units: int, title: str = "Ring box") -> str:
        sku = self.new_sku(name)
        self.api.put_product(sku, product(sku, title, "physical", 4900, "reject"))
        if units:
            self.api.restock(sku, units)
        return sku


def product(sku: str, title: str, kind: str, amount: int, on_shortage: str) -> Json:
    return {"sku": sku, "title": title, "kind": kind, "price": {"amount": amount, "currency": "EUR"}, "on_shortage": on_shortage}


# --- the steps ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shelf:
    licence: str
    box: str
    lamp: str


def fill_the_shelf(world: World) -> Shelf:
    """A licence with 3 keys, a box with 5 units, and a lamp with 1 for the buyer who pays too late."""
    return Shelf(licence=world.put_digital("LICENCE", 3), box=world.put_physical("BOX", 5), lamp=world.put_physical("LAMP", 1, "Desk lamp"))


@dataclass(frozen=True)
class Delivery:
    """An order after its mail came."""

    order: Json
    seen: Json
    keys: list[str]
    mails: list[Json]
    before: Json
    after: Json


def buy_keys(world: World, sku: str, quantity: int, buyer: str, ends_as: str) -> Delivery:
    before = world.api.level(sku)
    order = world.buy(sku, quantity, world.buyer(buyer), accept_partial=quantity > before["available"])
    seen = world.wait_for_status(order, ends_as)
    mails = world.wait_for_mails(world.buyer(buyer), 1)
    return Delivery(order, seen, world.api.keys(order), mails, before, world.api.level(sku))


def a_one_key(world: World, shelf: Shelf) -> Delivery:
    """Order 1 key, pay, get the mail with the key; stock goes 3 -> 2."""
    got = buy_keys(world, shelf.licence, 1, "ada", "completed")
    insist(len(got.keys) == 1 and got.keys[0] in got.mails[0]["BodyText"], "the mail of the completed order does not hold its key")
    insist(got.after["available"] == 2, f"after one sale of three, {got.after['available']} are available")
    return got


def b_part_now(world: World, shelf: Shelf) -> Delivery:
    """Order 5 keys, accept a part: 2 now, 3 owed, and a mail that says so."""
    got = buy_keys(world, shelf.licence, 5, "ben", "partially_fulfilled")
    insist(len(got.keys) == 2, f"{len(got.keys)} keys were delivered, 2 were there")
    insist(got.seen["lines"][0]["owed"] == 3, f"{got.seen['lines'][0]['owed']} keys are owed, not 3")
    return got


def c_nothing_left(world: World, shelf: Shelf) -> Delivery:
    """Order 1 key with nothing left: paid, owed, and a mail that says so."""
    got = buy_keys(world, shelf.licence, 1, "cleo", "awaiting_stock")
    insist(got.keys == [], "a key was delivered that was not there")
    return got


@dataclass(frozen=True)
class Restock:
    """What the two waiting orders looked like after the keys came, and the mails in the order in which they were sent."""

    first: Json
    second: Json
    first_keys: list[str]
    second_keys: list[str]
    first_done_at: str
    second_done_at: str
    mails: list[Json]
    level: Json


def d_restock(world: World, shelf: Shelf, part: Delivery, none: Delivery) -> Restock:
    """4 new keys: the order that paid first is completed first, then the other."""
    world.api.add_keys(shelf.licence, [world.key(number) for number in range(101, 105)])
    first, second = world.wait_for_status(part.order, "completed"), world.wait_for_status(none.order, "completed")
    mails = [*world.wait_for_mails(world.buyer("ben"), 2), *world.wait_for_mails(world.buyer("cleo"), 2)]
    found = Restock(
        first=first,
        second=second,
        first_keys=world.api.keys(part.order),
        second_keys=world.api.keys(none.order),
        first_done_at=done_at(world, part.order),
        second_done_at=done_at(world, none.order),
        mails=mails,
        level=world.api.level(shelf.licence),
    )
    insist(found.first_done_at <= found.second_done_at, "the later order was served first")
    given = [*found.first_keys, *found.second_keys]
    insist(len(given) == 6 and len(set(given)) == 6, f"6 keys are due to the two orders; given: {given}")
    return found


def done_at(world: World, order: Json) -> str:
    """When the order got the last of what it waited for: the latest event of its timeline."""
    return max(str(event["at"]) for event in world.api.events(order))


@dataclass(frozen=True)
class LastUnit:
    """Two holds that ran out, and the buyer who came after."""

    late: Json
    lamp: Json
    refused: Answer
    next_buyer: Answer
    before: Json
    after: Json


def e_last_unit(world: World, shelf: Shelf) -> LastUnit:
    """Hold the last unit and let the hold expire: the next buyer gets it at once, without waiting for any sweep."""
    settled = world.buy(shelf.box, 4, world.buyer("dora"))
    world.wait_for_status(settled, "processing")
    before = world.api.level(shelf.box)
    lamp = world.hold(shelf.lamp, 1, world.buyer("finn"))
    late = world.hold(shelf.box, 1, world.buyer("emil"))
    session = world.api.open_session({shelf.box: 1}, world.buyer("gina"))
    refused = expect(409, world.api.place(session))
    wait_until_over(world, late)
    next_buyer = expect(201, world.api.place(session))
    return LastUnit(late, lamp, refused, next_buyer, before, world.api.level(shelf.box))


def wait_until_over(world: World, order: Json) -> None:
    """The server says how long its hold lasts; nobody asks this machine's clock."""
    hold = world.api.read_order(order)["hold"]
    time.sleep((hold["seconds_left"] if hold else 0) + GRACE_SECONDS)


@dataclass(frozen=True)
class LatePayments:
    refunded: Json
    refunded_payment: Json
    taken_again: Json
    in_time: Json
    box: Json
    lamp: Json


def f_pay_late(world: World, shelf: Shelf, last: LastUnit) -> LatePayments:
    """Pay after expiry: the unit is free, so it is taken again; it is gone, so all money goes back."""
    in_time = last.next_buyer.json
    world.api.pay(in_time)
    world.wait_for_status(in_time, "processing")
    world.api.pay(last.late)
    world.api.pay(last.lamp)
    refunded = eventually(lambda: world.api.read_order(last.late), money_is_back, "the order to be refunded, and confirmed by the provider")
    taken_again = world.wait_for_status(last.lamp, "processing")
    payment = eventually(
        lambda: world.api.payment(last.late), lambda seen: seen["status"] == "refunded", "the provider's book to say refunded"
    )
    return LatePayments(
        refunded, payment, taken_again, world.api.read_order(in_time), world.api.level(shelf.box), world.api.level(shelf.lamp)
    )


def money_is_back(order: Json) -> bool:
    return bool(order["status"] == "refunded" and order["payment"]["status"] == "refunded")


@dataclass(frozen=True)
class Webhooks:
    forged: Answer
    status_after_forgery: str
    answers: list[Answer]
    paid_events: int
    mails: list[Json]
    keys: list[str]
    level: Json


def g_same_webhook_three_times(world: World) -> Webhooks:
    """One bad signature: 401 and nothing happens. The same event three times: one order, one key, one mail."""
    sku = world.put_digital("TWICE", 2)
    order = world.hold(sku, 1, world.buyer("hugo"))
    webhook = world.api.at_provider(order, "pay")
    forged = world.api.deliver(webhook, **{"X-Sandbox-Signature": forge(webhook["headers"]["X-Sandbox-Signature"])})
    status_after_forgery = world.api.read_order(order)["status"]
    answers = [world.api.deliver(webhook) for _ in range(3)]
    world.wait_for_status(order, "completed")
    world.wait_for_mails(world.buyer("hugo"), 1)
    # A second buyer goes the same way through the same queues: when his mail is there, a doubled one would be there as well.
    world.buy(sku, 1, world.buyer("ines"))
    world.wait_for_mails(world.buyer("ines"), 1)
    paid = [event for event in world.api.events(order) if event["type"].startswith("order.paid")]
    insist(forged.status == 401, f"a forged webhook was answered {forged.status}")
    mails = world.inbox.to(world.buyer("hugo"))
    insist(len(mails) == 1, f"three deliveries of one event sent {len(mails)} mails")
    return Webhooks(forged, status_after_forgery, answers, len(paid), mails, world.api.keys(order), world.api.level(sku))


def forge(signature: str) -> str:
    """The same signature with its last digit changed."""
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


@dataclass(frozen=True)
class Buyer:
    """One place-order of the race, in seconds since its start."""

    began: float
    ended: float
    status: int
    code: str | None


@dataclass(frozen=True)
class Race:
    sku: str
    units: int
    buyers: list[Buyer]
    level: Json
    hold_seconds: float
    placed: list[Json]

    @property
    def seconds(self) -> float:
        return max(buyer.ended for buyer in self.buyers)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(buyer.status for buyer in self.buyers)

    @property
    def orders(self) -> int:
        return self.statuses[201]

    @property
    def sold_out(self) -> int:
        return sum(buyer.status == 409 and buyer.code == "insufficient_stock" for buyer in self.buyers)

    @property
    def faults(self) -> int:
        return sum(buyer.status >= 500 for buyer in self.buyers)


def h_race(world: World, units: int = RACE_UNITS, buyers: int = RACE_BUYERS, at_once: int = RACE_AT_ONCE) -> Race:
    """200 buyers for 50 units: 50 orders, 150 kind refusals, and books that balance."""
    sku = world.put_physical("RACE", units, "Poster, 50 prints")
    with ThreadPoolExecutor(at_once) as crowd:
        sessions = list(crowd.map(lambda n: world.api.open_session({sku: 1}, world.buyer(f"racer{n}")), range(buyers)))
        start = time.perf_counter()
        answers = list(crowd.map(lambda session: timed(world, session, start), sessions))
        level = world.api.level(sku)
    placed = [answer.json for _, answer in answers if answer.status == 201]
    hold = min((order["hold"]["seconds_left"] for order in placed), default=0)
    race = Race(sku, units, [buyer for buyer, _ in answers], level, hold, placed)
    insist(race.seconds < hold, f"the race took {race.seconds:.0f} s and a hold lasts {hold} s: this machine is too slow to judge it")
    insist(race.faults == 0, f"{race.faults} answers were server errors: {dict(race.statuses)}")
    insist(race.orders == units, f"{race.orders} orders for {units} units: {dict(race.statuses)}")
    insist(
        race.sold_out == buyers - units, f"{race.sold_out} of {buyers - units} losers were told insufficient_stock: {dict(race.statuses)}"
    )
    insist(level["on_hand"] == level["available"] + level["locked"], f"the books do not balance: {level}")
    return race


def timed(world: World, session: Json, start: float) -> tuple[Buyer, Answer]:
    began = time.perf_counter() - start
    answer = world.api.place(session)
    return Buyer(began, time.perf_counter() - start, answer.status, answer.code), answer


def tidy(world: World, placed: Sequence[Json] = ()) -> None:
    """Takes this playing's products off the shelf again. What cannot go yet (held, owed) stays; nothing depends on it."""
    with ThreadPoolExecutor(RACE_AT_ONCE) as crowd:
        list(crowd.map(world.cancel, placed))
    for sku in world.skus:
        world.api.admin("DELETE", f"/products/{sku}")


# --- the telling -------------------------------------------------------------------------------------------------------------


@dataclass
class Teller:
    """One line per step: a tick, what happened, the seconds. On a terminal the line is there while the step runs."""

    out: TextIO
    began: float = field(default_factory=time.monotonic)

    @property
    def _live(self) -> bool:
        return self.out.isatty()

    def say(self, text: str = "") -> None:
        print(text, file=self.out, flush=True)

    @contextmanager
    def step(self, letter: str, text: str) -> Iterator[Line]:
        line, start, mark = Line(text), time.monotonic(), "✗"
        if self._live:
            self.out.write(f"… {letter}  {text}")
            self.out.flush()
        try:
            yield line
            mark = "✓"
        finally:
            redraw = "\r\033[K" if self._live else ""
            self.say(f"{redraw}{self._spelled(mark)} {letter}  {line.text:<86} {time.monotonic() - start:5.1f} s")

    def _spelled(self, mark: str) -> str:
        if (self.out.encoding or "").lower().replace("-", "") != "utf8":
            return {"✓": "+", "✗": "x"}[mark]
        return f"\033[{32 if mark == '✓' else 31}m{mark}\033[0m" if self._live else mark


@dataclass
class Line:
    text: str


def tell(world: World, teller: Teller) -> Race:
    with teller.step(" ", "On the shelf: a licence with 3 keys, a box with 5 units, a lamp with 1"):
        shelf = fill_the_shelf(world)
    with teller.step("a", "Ada buys 1 key: paid, mailed, and 2 are left"):
        a_one_key(world, shelf)
    with teller.step("b", "Ben wants 5 keys and takes a part: 2 now, 3 owed"):
        part = b_part_now(world, shelf)
    with teller.step("c", "Cleo pays for 1 key when none is left: she is in the queue"):
        none = c_nothing_left(world, shelf)
    with teller.step("d", "4 new keys arrive: first Ben gets his 3, then Cleo her 1, no key twice"):
        d_restock(world, shelf, part, none)
    with teller.step("e", "Emil holds the last box and lets the hold run out: Gina gets it at once"):
        last = e_last_unit(world, shelf)
    with teller.step("f", "Late payments: Finn's lamp is still there and his, Emil gets all money back"):
        f_pay_late(world, shelf, last)
    with teller.step("g", "One webhook three times and one forged: one order, one mail, 401"):
        g_same_webhook_three_times(world)
    with teller.step("h", f"{RACE_BUYERS} buyers want {RACE_UNITS} units") as line:
        race = h_race(world)
        line.text = (
            f"{len(race.buyers)} buyers, {race.units} units: {race.orders} orders, {race.sold_out} told sold out, {race.faults} errors "
            f"({race.seconds:.1f} s)"
        )
    tidy(world, race.placed)
    return race


def main(status: Mapping[str, Any], picture: Path | None = None, out: TextIO | None = None) -> int:
    """0 when the whole story came true, 1 with a sentence when a step failed."""
    teller, world = Teller(out or sys.stdout), World.of(status)
    try:
        race = tell(world, teller)
    except (StoryBroken, Unexpected, OSError, KeyError) as broken:
        teller.say(f"The story broke: {broken if not isinstance(broken, KeyError) else f'an answer had no {broken}'}.")
        teller.say("See `python3 infra/dev.py logs`.")
        return 1
    finally:
        world.close()
    teller.say(f"The whole story came true in {time.monotonic() - teller.began:.1f} s.")
    if picture:
        from .race_picture import draw

        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw(race), encoding="utf-8")
        teller.say(f"The race is drawn in {picture}.")
    return 0
