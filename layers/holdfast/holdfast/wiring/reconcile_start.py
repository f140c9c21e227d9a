"""Beginning a reconciliation: from a schedule, a request, a command or a console. Apart from its work, which loads far more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.kernel.errors import UnavailableError
from holdfast.kernel.ids import new_id
from holdfast.kernel.time import Clock
from holdfast.orders.keys import ORDER_BUCKETS
from holdfast.orders.unsettled import Source
from holdfast.payments import reconciling, reports
from holdfast.payments.reconciling import Office
from holdfast.payments.reports import Mode, Options, Report, Run, RunStore
from holdfast.platform.problems import ValidationFailed

LISTS = {
    Mode.PENDING: (Source.WAITING, Source.UNSETTLED),
    Mode.COMPREHENSIVE: (Source.WAITING, Source.UNSETTLED, Source.FAILED, Source.EXPIRED, Source.CANCELLED),
    Mode.LEDGER: (Source.PLACED,),
}


@dataclass(frozen=True)
class PlanOfShops:
    """`payments.reconciling.Plan`. `accounts` answers the names of the providers with which a shop has an account."""

    accounts: Callable[[str], Sequence[str]]

    def lists(self, mode: Mode) -> Sequence[tuple[str, int]]:
        return [(source.value, ORDER_BUCKETS) for source in LISTS[mode]]

    def providers(self, shop: str) -> Sequence[str]:
        return self.accounts(shop)


TRIES = 3
"""A beginning that failed half-way is made again: what is there already stays, and what was sent twice is done once."""


def begin(shop: str, options: Options, trigger: str, *, plan: reconciling.Plan, office: Office, now: datetime) -> Run:
    """`trigger` says who starts it: "schedule", or the actor's id. ValidationFailed for a day that is yet to come;
    UnavailableError when it could not be begun, or not all of it.
    """
    if options.day is not None and options.day > now.date():
        ahead = {"pointer": "/day", "code": "date_in_the_future", "detail": "The day has not begun."}
        raise ValidationFailed("The ledger of a day that has not begun is empty.", errors=[ahead])
    run = Run(shop=shop, id=new_id("run", now), started_at=now, trigger=trigger, options=options)
    for tries_left in reversed(range(TRIES)):
        try:
            reconciling.start(run, plan=plan, office=office)
            break
        except UnavailableError:
            if not tries_left:
                raise
    return run


EACH_LOOK = timedelta(seconds=1)


def awaited(run: Run, patience: timedelta, *, runs: RunStore, now: Clock, pause: Callable[[timedelta], None]) -> Report:
    """Its report when it is complete, or as it is when patience is at its end."""
    ends = now() + patience
    found = reports.report(run, runs=runs)
    while found.finished_at is None and now() < ends:
        pause(EACH_LOOK)
        found = reports.report(run, runs=runs)
    return found
