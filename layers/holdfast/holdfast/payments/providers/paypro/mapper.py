"""PayPro's words into ours, and back. Pure."""

from collections.abc import Iterable
from datetime import UTC
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from holdfast.kernel.money import MAX_AMOUNT, Currency, Money
from holdfast.payments.amounts import scaled, unscaled
from holdfast.payments.errors import AmountNotPayable, WebhookUnreadable
from holdfast.payments.model import Charge, Dispute, DisputeState, Given, GivenState, News, ProviderFact, Told, Wish
from holdfast.payments.providers.paypro.settings import PayProCredentials

WHOLE = ("BYR", "CLF", "CVE", "IDR", "IQD", "IRR", "KPW", "LAK", "LBP", "MMK", "SLL", "STD")
DECIMALS = {**dict.fromkeys(WHOLE, 0), "MOP": 1, "UGX": 2}
"""Where the platform's own client counts otherwise than ISO 4217."""
REFUND_FAILED = frozenset({"failed", "declined", "expired", "error", "canceled", "cancelled"})
TRIES = 3
"""How often a shopper may try within one checkout."""
_KEY = "key="

Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]


class Word(BaseModel):
    """What PayPro says: strict about types, and open to fields that it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Priced(Word):
    """An amount of money, and what it is for."""

    amount: Annotated[int, Field(ge=0)]
    currency: Currency
    tracking_id: str | None = None

    @property
    def minor(self) -> int:
        return unscaled(self.amount, self.currency, DECIMALS)

    @model_validator(mode="after")
    def _is_ours(self) -> Self:
        """An amount that we can write."""
        try:
            fits = self.minor <= MAX_AMOUNT
        except AmountNotPayable:
            fits = False
        if not fits:
            raise ValueError("not an amount of this currency")
        return self


class Transaction(Priced):
    """A try to pay, or money that goes back. `parent_uid`: the payment that it goes back of."""

    uid: Uid
    type: Name
    status: Name
    parent_uid: Uid | None = None
    reason: str | None = None
    test: bool | None = None
    created_at: str | None = None

    @property
    def paid(self) -> bool:
        return self.type == "payment" and self.status == "successful"


class Tried(Word):
    uid: Uid


class Response(Word):
    payment: Tried | None = None


class Checkout(Word):
    """A checkout by its token. `status` is that of the last try."""

    token: Token
    status: str | None = None
    expired: bool = False
    test: bool | None = None
    order: Priced
    gateway_response: Response | None = None

    @property
    def tried(self) -> str | None:
        """The last try, by its uid."""
        return self.gateway_response.payment.uid if self.gateway_response and self.gateway_response.payment else None


class Made(Word):
    token: Token
    redirect_url: Annotated[str, StringConstraints(pattern=r"^https://")]


class Event(Word):
    """What comes when a transaction changes."""

    transaction: Transaction


class Lapsed(Word):
    """What comes when a checkout ends unpaid: not wrapped in anything."""

    token: Token
    shop_id: int
    order: Priced
    test: bool | None = None


class Reference(NamedTuple):
    shop: str
    order: str

    @property
    def tracking(self) -> str:
        """As PayPro keeps it: at most 255 letters. It stands in addresses, so no slash; a semicolon would begin another."""
        return f"{self.shop}:{self.order}"


def reference_of(tracking: str | None) -> Reference | None:
    """None for what was not made by us."""
    first = (tracking or "").partition(";")[0]
    shop, colon, order = first.partition(":")
    return Reference(shop, order) if shop and colon and order and ":" not in order else None


def checkout_of(wish: Wish, credentials: PayProCredentials) -> dict[str, Any]:
    """The body that makes a payment. AmountNotPayable."""
    page, back = (url.replace("{order}", wish.order) for url in (credentials.return_url, credentials.cancel_url))
    return {
        "checkout": {
            "test": credentials.test,
            "transaction_type": "payment",
            "attempts": TRIES,
            "order": {
                "amount": amount_of(wish.amount),
                "currency": wish.amount.currency,
                "description": f"Order {wish.number}"[:255],
                "tracking_id": Reference(wish.shop, wish.order).tracking,
                "expired_at": wish.until.astimezone(UTC).isoformat(timespec="seconds"),
            },
            "settings": {
                "success_url": page,
                "decline_url": back,
                "fail_url": back,
                "cancel_url": back,
                "notification_url": credentials.notification_url.replace("{order}", wish.order),
            },
            **({"customer": {"email": wish.email}} if wish.email else {}),
        }
    }


def refund_of(payment: str, amount: Money, key: str, ours: Reference) -> dict[str, Any]:
    """The body that gives money back. Our key stands in the reason, and beside the payment's own name in what it is found by."""
    found_by = f"{ours.tracking};{key}"
    return {"request": {"parent_uid": payment, "amount": amount_of(amount), "reason": f"{_KEY}{key}", "tracking_id": found_by}}


def amount_of(money: Money) -> int:
    """AmountNotPayable: nothing, or a fraction that PayPro's table does not have."""
    if not money.amount:
        raise AmountNotPayable("PayPro does not take this amount.", currency=money.currency)
    return scaled(money, DECIMALS)


def fact_of(payment: str, ours: Reference, family: Iterable[Transaction], checkout: Checkout | None = None) -> ProviderFact:
    """`family`: all transactions that are known of the order. The first that succeeded is its payment; others are beside it. `refunds` are
    those of the first, and ours of the others. What went back of the latter is not in `refunded`: it is only no longer beside.
    """
    known = {transaction.uid: transaction for transaction in family}
    paid = sorted((one for one in known.values() if one.paid), key=lambda one: (one.created_at or "", one.uid))
    back = [one for one in known.values() if one.type in {"refund", "chargeback"} and one.parent_uid in {more.uid for more in paid}]
    own = [one for one in back if paid and one.parent_uid == paid[0].uid]
    refunds = [one for one in back if one.type == "refund" and (one in own or given_of(one).key)]
    whole: Priced = paid[0] if paid else checkout.order if checkout else next(iter(known.values()))
    gone = _given_back(own)
    return ProviderFact(
        shop=ours.shop,
        order=ours.order,
        payment=payment,
        news=_news(paid, gone >= whole.minor, checkout),
        amount=whole.minor,
        currency=whole.currency,
        charge=paid[0].uid if paid else None,
        beside=tuple(Charge(id=more.uid, amount=left, currency=more.currency) for more in paid[1:] if (left := _left(more, back)) > 0),
        refunded=gone,
        refunds=tuple(map(given_of, refunds)),
        disputes=tuple(_dispute(one) for one in own if _charged_back(one)),
    )


def given_of(refund: Transaction) -> Given:
    reason = refund.reason or ""
    key = reason.removeprefix(_KEY) if reason.startswith(_KEY) else None
    return Given(ref=refund.uid, amount=refund.minor, state=_state(refund), key=key)


def told_of(raw: bytes, credentials: PayProCredentials) -> Told:
    """WebhookUnreadable. A transaction names itself and the order, not the checkout: what it means, its status says. Real money or not,
    what does not say so is as the account is.
    """
    try:
        return _of_transaction(Event.model_validate_json(raw).transaction, credentials)
    except (ValidationError, ValueError):
        pass
    try:
        return _of_lapsed(Lapsed.model_validate_json(raw), credentials)
    except (ValidationError, ValueError):
        raise WebhookUnreadable("The body is not an event of PayPro.") from None


def _of_transaction(told: Transaction, credentials: PayProCredentials) -> Told:
    ours = reference_of(told.tracking_id) or told.parent_uid
    return Told(
        id=f"{told.uid}:{told.status}",
        type=f"{told.type}.{told.status}",
        live=credentials.live if told.test is None else not told.test,
        payment=told.uid if ours else None,
    )


def _of_lapsed(told: Lapsed, credentials: PayProCredentials) -> Told:
    ours = str(told.shop_id) == credentials.shop_id and reference_of(told.order.tracking_id)
    live = credentials.live if told.test is None else not told.test
    return Told(id=f"{told.token}:expired", type="token.expired", live=live, payment=told.token if ours else None)


def _news(paid: list[Transaction], all_went_back: bool, checkout: Checkout | None) -> News:
    """A try that failed is not the end of a checkout; its expiry is."""
    if paid:
        return News.REFUNDED if all_went_back else News.SUCCEEDED
    ended = checkout is not None and (checkout.expired or checkout.status in {"expired", "deleted"})
    return News.EXPIRED if ended else News.PENDING


def _left(paid: Transaction, back: Iterable[Transaction]) -> int:
    """After what was given back of it, and what a bank took back."""
    own = [one for one in back if one.parent_uid == paid.uid]
    return paid.minor - _given_back(own) - sum(one.minor for one in own if _charged_back(one))


def _given_back(back: Iterable[Transaction]) -> int:
    return sum(one.minor for one in back if one.type == "refund" and _state(one) is not GivenState.FAILED)


def _charged_back(one: Transaction) -> bool:
    return one.type == "chargeback" and one.status == "successful"


def _state(refund: Transaction) -> GivenState:
    """A word that we do not know says nothing final: a refund that is taken for failed is asked for anew, and may go twice."""
    if refund.status == "successful":
        return GivenState.DONE
    return GivenState.FAILED if refund.status in REFUND_FAILED else GivenState.PENDING


def _dispute(chargeback: Transaction) -> Dispute:
    """PayPro tells of a chargeback when the money is gone, and takes no answer."""
    return Dispute(
        id=chargeback.uid,
        amount=chargeback.minor,
        currency=chargeback.currency,
        state=DisputeState.LOST,
        reason=chargeback.reason,
    )
