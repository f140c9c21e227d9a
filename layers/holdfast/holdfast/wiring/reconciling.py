"""The reconciliation, plugged together: orders are asked for, the ledger is compared, webhooks are matched, reservations are checked.

Apart from the other plugs of payments: who sells need not load it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from holdfast.kernel.errors import HoldfastError, UnavailableError, VersionConflict
from holdfast.kernel.ids import born_at
from holdfast.kernel.time import rfc3339
from holdfast.orders import asking, settlement, unsettled
from holdfast.orders.asking import Ask, Looked, Result, Why
from holdfast.orders.model import Order, PaymentStatus
from holdfast.orders.neighbours import GiveBack, PaymentFact, Returned
from holdfast.orders.unsettled import Lists, Source
from holdfast.payments import discrepancies, ledger, redriving
from holdfast.payments.comparing import Booked
from holdfast.payments.discrepancies import Drift, Finding
from holdfast.payments.errors import ProviderNotOffered, UnknownProvider
from holdfast.payments.ledger import Compared, Ledger
from holdfast.payments.model import News, ProviderEvent, ProviderFact
from holdfast.payments.ports import Inbox, Passing
from holdfast.payments.reconciling import Named, Seen, Silent
from holdfast.payments.reports import Kind, Line, Mode, Task
from holdfast.platform.log import logger
from holdfast.stock import orphans
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.orders import Finaliser
from holdfast.wiring.payments import PaymentsForOrders, fact_of, wanted

STALE = {Why.TOO_OLD: Drift.PENDING_TOO_OLD, Why.UNKNOWN: Drift.PENDING_UNKNOWN}
UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class PaymentsForAsking(PaymentsForOrders):
    """`orders.asking.Payments`."""

    def truth(self, order: Order) -> PaymentFact | None:
        with _connected(order.payment.provider):
            return super().truth(order)

    def refund(self, asked: GiveBack) -> Returned:
        with _connected(asked.provider):
            return super().refund(asked)

    def void(self, shop: str, provider: str, payment: str, now: datetime) -> bool:
        with _connected(provider):
            return super().void(shop, provider, payment, now)

    def told(self, order: Order) -> PaymentFact | None:
        with _connected(order.payment.provider):
            news = self.provider(order.shop, order.payment.provider).status(order.payment.id)
        collectable = news.news is News.AUTHORIZED and wanted(news, order)
        return fact_of(news.model_copy(update={"news": News.SUCCEEDED}) if collectable else news, order.payment.provider)


@contextmanager
def _connected(provider: str) -> Iterator[None]:
    """ProviderNotOffered where the shop's account was removed: that says nothing of the payment."""
    try:
        yield
    except UnknownProvider:
        raise ProviderNotOffered("The shop has no account there.", provider=provider) from None


@dataclass(frozen=True)
class AskingFinaliser(Finaliser):
    """`orders.asking.Desk`."""

    payments: asking.Payments


@dataclass(frozen=True)
class BooksOfOrders:
    """`payments.ledger.Books`."""

    desk: asking.Desk

    def booked(self, shop: str, order: str) -> Booked | None:
        found = self.desk.orders.get(shop, order)
        return booked(found) if found else None

    def settle(self, fact: ProviderFact, provider: str, run: str, now: datetime) -> None:
        told = fact_of(fact, provider, request_id=run)
        if told is not None:
            settlement.settle(told, world=self.desk, now=now)


def booked(order: Order) -> Booked:
    """Its money, as the ledger compares it."""
    due = [refund for refund in order.own_refunds if refund.state == "due"]
    beside = [refund.of for refund in order.refunds if refund.of]
    return Booked(
        order=order.id,
        provider=order.payment.provider,
        payment=order.payment.id,
        currency=order.currency,
        expected=order.amount,
        captured=order.payment.captured,
        refunded=order.payment.refunded,
        due=sum(refund.amount for refund in due),
        charge=order.payment.charge,
        beside=frozenset(name for other in beside for name in (other.payment, other.charge) if name),
        pending=order.payment.status is PaymentStatus.PENDING,
    )


@dataclass(frozen=True)
class ReconcilingDesk:
    """`payments.reconciling.Desk`. `match` and `reservations` do what is about neither orders nor payments."""

    orders: asking.Desk
    lists_of: Lists
    ledger: Ledger
    match: Callable[[Task, datetime], Mapping[str, int]]
    reservations: Callable[[Task, datetime], Mapping[str, int]]

    def listed(self, task: Task, limit: int) -> Sequence[Named]:
        """Of orders that ended unpaid, those of the last `max_age_hours`; of placed ones, the day's; of all others, all."""
        source, begin, end = Source(task.source or ""), "", "9"
        if source is Source.PLACED:
            begin, end = map(rfc3339, day_of(task))
        elif source not in {Source.WAITING, Source.UNSETTLED}:
            begin = rfc3339(born_at(task.run) - timedelta(hours=task.options.max_age_hours))
        positions = self.lists_of.waiting(task.shop, source, task.bucket, max(task.after, begin or "0"), end, limit)
        return [Named(position.rpartition("#")[2], position, unsettled.placed_at(position)) for position in positions]

    def look(self, task: Task, about: str, silent: Silent, now: datetime) -> Seen:
        """One that breaks spoils no other: this is the edge of a piece of work."""
        try:
            return self._look(task, about, silent, now) if task.kind is Kind.CHECK else self._compare(task, about, silent, now)
        except HoldfastError as refusal:
            return _unanswered(about, task.provider, refusal)
        except Exception:  # noqa: BLE001  whatever it is, it is logged, and the others are looked at
            logger.exception("could not be reconciled", extra={"shop": task.shop, "about": about, "run": task.run})
            return Seen(line=Line(order=about, result=Result.ERROR, why=UNEXPECTED), asked=True)

    def _look(self, task: Task, about: str, silent: Silent, now: datetime) -> Seen:
        whys = {provider: Why(why) for provider, why in silent.items()}
        looked = asking.look(task.shop, about, ask_of(task), desk=self.orders, silent=whys, now=now)
        return seen_of(looked).model_copy(update={"tally": {} if task.options.dry_run else self._note(task, looked, now)})

    def _note(self, task: Task, looked: Looked, now: datetime) -> Mapping[str, int]:
        """What waits for too long is for people; what a thorough look finds in order is so no longer."""
        thorough = task.options.mode is Mode.COMPREHENSIVE and looked.asked and looked.again is None
        if not (looked.stale or thorough) or looked.payment is None or looked.provider is None:
            return {}
        drift = STALE.get(Why(looked.why)) if looked.stale and looked.why else None
        findings = [Finding(drift, looked.order, {"status": str(looked.status)}, {})] if drift else []
        noted = discrepancies.note(
            task.shop,
            looked.provider,
            looked.payment,
            findings,
            judged=ledger.PENDING if thorough else frozenset(),
            run=task.run,
            store=self.ledger.store,
            now=now,
        )
        return noted._asdict()

    def _compare(self, task: Task, about: str, silent: Silent, now: datetime) -> Seen:
        """`about`: an order that we think was paid; or, with a provider, one of its payments."""
        provider, payment, order = task.provider, about, None
        if provider is None:
            found = self.orders.orders.get(task.shop, about)
            if found is None or not found.payment.captured:
                return Seen(line=Line(order=about, result=Result.UNCHANGED))
            provider, payment, order = found.payment.provider, found.payment.id, found.id
        if provider in silent:
            why = Why(silent[provider])
            line = Line(order=order, result=Result.SKIPPED, why=why, provider=provider, payment=payment)
            return Seen(line=line, again=0 if why in asking.AGAIN else None)
        order = order or self._order_of(task.shop, provider, payment)
        dry = task.options.dry_run
        try:
            compared = ledger.confirm(task.shop, provider, payment, order, ledger=self.ledger, run=task.run, dry_run=dry, now=now)
        except UnknownProvider:
            compared = None
        if compared is None:
            line = Line(order=order, result=Result.SKIPPED, why=Why.NOT_CONNECTED, provider=provider, payment=payment)
            return Seen(line=line, asked=True, silences=True)
        return _compared(compared, provider, payment)

    def _order_of(self, shop: str, provider: str, payment: str) -> str | None:
        return next((one.order for one in self.ledger.store.about(shop, provider, payment) if one.order), None)

    def statement(self, task: Task) -> tuple[Sequence[str], str | None]:
        since, until = day_of(task)
        return ledger.page(task.shop, task.provider or "", since, until, task.cursor, ledger=self.ledger)

    def open(self, task: Task, limit: int) -> tuple[Mapping[str, Sequence[str]], str | None]:
        return discrepancies.open_payments(task.shop, task.after or None, limit, store=self.ledger.store)

    def match_events(self, task: Task, now: datetime) -> Mapping[str, int]:
        return self.match(task, now)

    def check_reservations(self, task: Task, now: datetime) -> Mapping[str, int]:
        return self.reservations(task, now)


def ask_of(task: Task) -> Ask:
    options = task.options
    thorough = options.mode is Mode.COMPREHENSIVE
    return Ask(
        run=task.run,
        dry_run=options.dry_run,
        min_age=timedelta(minutes=options.min_age_minutes),
        max_age=timedelta(hours=options.max_age_hours),
        timeout=timedelta(hours=options.auto_timeout_hours),
        force=options.force_timeout,
        old=thorough,
        ended=thorough,
    )


def day_of(task: Task) -> tuple[datetime, datetime]:
    """Its first instant, and that of the next."""
    day = task.options.day or (born_at(task.run) - timedelta(days=1)).date()
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


def seen_of(looked: Looked) -> Seen:
    line = Line(
        order=looked.order,
        result=looked.result,
        why=looked.why,
        provider=looked.provider,
        payment=looked.payment,
        status=looked.status,
    )
    silences = looked.asked and looked.why in {Why.THROTTLED, Why.REFUSED, Why.NOT_CONNECTED}
    return Seen(line=line, asked=looked.asked, changed=looked.changed, found=looked.found, again=looked.again, silences=silences)


def _compared(compared: Compared, provider: str, payment: str) -> Seen:
    result = "settled" if compared.settled else "differs" if compared.drifts else "agrees"
    line = Line(order=compared.order, result=result, why=", ".join(compared.drifts) or None, provider=provider, payment=payment)
    tally: dict[str, int] = {"opened": compared.opened, "resolved": compared.resolved}
    tally |= dict.fromkeys(compared.drifts, 1)
    return Seen(line=line, asked=True, changed=compared.settled, tally={name: count for name, count in tally.items() if count})


def _unanswered(about: str, provider: str | None, refusal: HoldfastError) -> Seen:
    """Of the ledger: orders that wait have their own words for it."""
    why = asking.CODES.get(refusal.code)
    if why is None and isinstance(refusal, UnavailableError | VersionConflict):
        why = Why.BUSY
    facts: dict[str, Any] = refusal.facts
    who = provider or facts.get("partner") or facts.get("provider")
    line = Line(order=about, result=Result.SKIPPED if why else Result.ERROR, why=why or refusal.code, provider=who)
    again = getattr(refusal, "retry_after", 0) if why in asking.AGAIN else None
    return Seen(line=line, asked=True, again=again, silences=why in {Why.THROTTLED, Why.REFUSED})


MOST_EVENTS = 2000
"""Of one shop in one run: a sale's worth of webhooks that overtook their orders."""
EVENTS_AT_ONCE = 100


@dataclass(frozen=True)
class Matching:
    """Webhooks whose order was not known, and those that nobody worked at: back to their worker."""

    inbox: Inbox
    pass_on: Passing

    def __call__(self, task: Task, now: datetime) -> Mapping[str, int]:
        pass_on = _nobody if task.options.dry_run else self.pass_on
        sent, after = 0, None
        for _ in range(MOST_EVENTS // EVENTS_AT_ONCE):
            page = redriving.rematch(task.shop, inbox=self.inbox, pass_on=pass_on, now=now, limit=EVENTS_AT_ONCE, after=after)
            sent, after = sent + page.redriven, page.last
            if after is None:
                break
        return {"looked_at_again": sent} if sent else {}


def _nobody(event: ProviderEvent, *, again: bool = False, looked: int = 0, delay: timedelta = timedelta()) -> None:
    """A dry run tells nobody."""


@dataclass(frozen=True)
class Reservations:
    """Holds and orders that lost each other, and holds whose time is over. `skus` answers all SKUs of a shop."""

    cleaner: Cleaner
    orders: orphans.OrderBook
    skus: Callable[[str], Iterable[str]]

    def __call__(self, task: Task, now: datetime) -> Mapping[str, int]:
        options, counts = task.options, Counter[str]()
        if options.check_orphaned_reservations:
            counts.update(self._orphans(task, now))
        if options.cleanup_reservations:
            run = self.cleaner.clean(task.shop, trigger=task.run, dry_run=options.dry_run)
            counts.update({f"cleaned_{name}": run.report[name] for name in ("locks", "units", "failed")})
        return {name: count for name, count in counts.items() if count}

    def _orphans(self, task: Task, now: datetime) -> Mapping[str, int]:
        dry_run = task.options.dry_run or not task.options.cleanup_reservations
        found = orphans.find_orphans(
            task.shop,
            list(self.skus(task.shop)),
            store=self.cleaner.store,
            orders=self.orders,
            grace=self.cleaner.grace,
            now=now,
            dry_run=dry_run,
        )
        counts = Counter(orphan.kind for orphan in found.orphans)
        repaired = sum(one.done for one in found.repaired)
        return {**counts, "repaired": repaired, "incomplete": int(not found.complete)}
