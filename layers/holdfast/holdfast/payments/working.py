"""Working at received events: each becomes news of a payment, and its order says what that changes.

Fetch when in doubt: an event is taken by its word where its order waits for just this money, and where its provider knows no better.
For everything else the provider is asked, so events that come late, twice, or in another order end in what the provider says.

What goes wrong, and what becomes of the event:

its order is not there (yet)        unmatched: looked for again a few times, then by the reconciliation
the provider does not know it       ignored: the payment is none of ours
AmountNotPayable, UnknownProvider   dead at once: no later try would do better, a person has to look
all else, refused credentials too   failed: it comes back by the queue, later each time, and is dead after the last try
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from holdfast.kernel.errors import HoldfastError, Refusal, VersionConflict
from holdfast.payments import collecting, receiving
from holdfast.payments.errors import AmountNotPayable, PaymentUnknown, UnknownProvider
from holdfast.payments.model import EventState, News, ProviderEvent, ProviderFact, Standing
from holdfast.payments.ports import Inbox, Orders, Passing, Provider

LOOK_AGAIN = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=5))
"""After so long an unknown order is looked for again: an event may be faster than our own write of the order."""
UNKNOWN_ORDER = "unknown_order"
UNKNOWN_PAYMENT = "the provider does not know this payment as one of ours"
NOTHING_YET = "the provider still waits for the money"
NOT_CONNECTED = "provider_not_offered"


class World(Protocol):
    """`provider` answers a shop's connector by the provider's name; UnknownProvider."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def provider(self) -> Callable[[str, str], Provider]: ...
    @property
    def pass_on(self) -> Passing: ...


class _Verdict(NamedTuple):
    state: EventState
    reason: str | None = None
    order: str | None = None


def work_at(
    shop: str, provider: str, event: str, *, again: bool = False, looked: int = 0, world: World, now: datetime
) -> ProviderEvent | None:
    """The event after it; None when there is none (any more). `again`: also one that was applied; `looked`: how often its order was looked
    for. What may be over at the next try is raised, and noted by `failed`.
    """
    found = world.inbox.get(shop, provider, event)
    if found is None or found.state is EventState.IGNORED:
        return found
    if found.state is EventState.APPLIED and not again:
        world.orders.finish(found, now)  # its worker may have died half-way
        return found
    verdict = _judged(found, world, now)
    if verdict.state is EventState.APPLIED:
        return _named(found, verdict.order).model_copy(update={"state": EventState.APPLIED})  # who settled it has noted it
    after = ended(_named(found, verdict.order), verdict.state, verdict.reason, inbox=world.inbox, now=now)
    if after.state is EventState.UNMATCHED and looked < len(LOOK_AGAIN):
        world.pass_on(after, looked=looked + 1, delay=LOOK_AGAIN[looked])
    return after


def _judged(event: ProviderEvent, world: World, now: datetime) -> _Verdict:
    try:
        return _settled(event, world, now)
    except PaymentUnknown:
        return _Verdict(EventState.IGNORED, UNKNOWN_PAYMENT)
    except UnknownProvider:
        return _Verdict(EventState.DEAD, NOT_CONNECTED)
    except AmountNotPayable as final:
        return _Verdict(EventState.DEAD, final.code)
    except VersionConflict:
        raise  # not all of it may be booked
    except Refusal:
        # The order has its news, and what followed was refused: a refund, say, which is asked for again by others.
        fresh = world.inbox.get(event.shop, event.provider, event.id)
        if fresh is None or fresh.state is not EventState.APPLIED:
            raise
        return _Verdict(EventState.APPLIED, order=fresh.order)


def _settled(event: ProviderEvent, world: World, now: datetime) -> _Verdict:
    provider = world.provider(event.shop, event.provider)
    reason = receiving.refused(event.shop, event, live=provider.live)
    if reason is not None:
        return _Verdict(EventState.IGNORED, reason)
    standing = world.orders.standing(event.shop, event.order) if event.order else None
    if event.order and standing is None:
        return _Verdict(EventState.UNMATCHED, UNKNOWN_ORDER)
    news = _news(event, provider, standing, world)
    if news.shop != event.shop:
        return _Verdict(EventState.IGNORED, receiving.ANOTHER_SHOP)
    if news.news in {News.PENDING, News.AUTHORIZED}:
        return _Verdict(EventState.IGNORED, NOTHING_YET, news.order)
    settled = world.orders.settle(news, event, now)
    if settled is None:
        return _Verdict(EventState.UNMATCHED, UNKNOWN_ORDER, news.order)
    return _Verdict(EventState.APPLIED if settled.applied else EventState.IGNORED, settled.reason, news.order)


def _news(event: ProviderEvent, provider: Provider, standing: Standing | None, world: World) -> ProviderFact:
    told = event.fact
    if told is not None and (provider.hearsay or _awaited(told, standing)):
        return told
    payment = event.payment or (told.payment if told else "")
    return collecting.truth(payment, provider=provider, standing=lambda news: world.orders.standing(event.shop, news.order))


def _awaited(told: ProviderFact, standing: Standing | None) -> bool:
    return told.news is News.SUCCEEDED and standing is not None and standing.waiting and standing.meant_by(told)


def _named(event: ProviderEvent, order: str | None) -> ProviderEvent:
    return event.model_copy(update={"order": order}) if order else event


def failed(shop: str, provider: str, event: str, error: Exception, *, last: bool, inbox: Inbox, now: datetime) -> ProviderEvent | None:
    """Note that a try came to nothing: the code of what went wrong, and nothing of whom it is about. `last`: nobody tries again."""
    found = inbox.get(shop, provider, event)
    if found is None or found.state is EventState.IGNORED:
        return found
    code = error.code if isinstance(error, HoldfastError) else "internal_error"
    return ended(found, EventState.DEAD if last else EventState.FAILED, code, inbox=inbox, now=now)


def ended(event: ProviderEvent, state: EventState, reason: str | None, *, inbox: Inbox, now: datetime) -> ProviderEvent:
    """Note what became of it. One that was applied stays applied: that is the better news."""
    order = event.order
    while event.state is not EventState.APPLIED:
        told = {"state": state, "reason": reason, "order": order or event.order, "worked_at": now}
        changed = event.model_copy(update={**told, "attempts": event.attempts + 1, "version": event.version + 1})
        if inbox.save(changed):
            return changed
        found = inbox.get(event.shop, event.provider, event.id)
        if found is None:
            return changed
        event = found
    return event


def applied(shop: str, provider: str, event: str, order: str, *, inbox: Inbox, now: datetime) -> None:
    """It had its effect. Nothing happens when that was noted before, or there is no such event."""
    found = inbox.get(shop, provider, event)
    if found is not None:
        ended(_named(found, order), EventState.APPLIED, None, inbox=inbox, now=now)
