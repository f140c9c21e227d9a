"""The pages on which shoppers pay: which address of a provider is one, what it shows, and where the shopper goes from there."""

import re
from typing import NamedTuple
from urllib.parse import urlencode

from infra.providers.paypal import FakePayPal
from infra.providers.paypro import FakePayPro
from infra.providers.razorpay import FakeRazorpay
from infra.providers.stripe import NO_DECIMALS, THREE_DECIMALS, FakeStripe
from infra.providers.wire import Fake

PAGES = {
    "stripe": re.compile(r"checkout\.stripe\.com/c/pay/(cs_\w+)"),
    "paypal": re.compile(r"www(?:\.sandbox)?\.paypal\.com/checkoutnow\?token=(\w+)"),
    "paypro": re.compile(r"checkout\.paypro\.by/v2/checkout\?token=(\w+)"),
    # Not an address of Razorpay's: its Checkout opens in the shop's own page, which tells it where to go on.
    "razorpay": re.compile(r"checkout\.razorpay\.com/pay/(order_\w+)(?:\?.*)?"),
}


class Till(NamedTuple):
    """`back`: where the shopper goes on once it is paid, `cancel`: if not. None where the shop's page has to know."""

    amount: str
    open: bool
    back: str | None
    cancel: str | None


def payment_at(address: str) -> tuple[str, str] | None:
    """The provider and its payment, if a shopper pays at this address (host, path and query)."""
    for provider, pattern in PAGES.items():
        found = pattern.fullmatch(address)
        if found:
            return provider, found[1]
    return None


def till_of(fake: Fake, payment: str) -> Till:
    """KeyError for a payment that is not known."""
    if isinstance(fake, FakeStripe):
        session = fake.book.things[payment]
        places = 0 if session["currency"] in NO_DECIMALS else 3 if session["currency"] in THREE_DECIMALS else 2
        amount = _amount(session["amount_total"], places, session["currency"])
        return Till(amount, session["status"] == "open", session["success_url"], session["cancel_url"])
    if isinstance(fake, FakeRazorpay):
        order = fake.book.things[payment]
        return Till(_amount(order["amount"], 2, order["currency"]), order["status"] != "paid", None, None)
    if isinstance(fake, FakePayPal):
        book = fake.book(payment)
        asked = book.unit["amount"]
        return Till(f"{asked['value']} {asked['currency_code']}", book.status == "PAYER_ACTION_REQUIRED", book.back, book.cancel)
    if isinstance(fake, FakePayPro):
        checkout = fake.book(payment)
        asked, pages = checkout.asked["order"], checkout.asked.get("settings", {})
        amount = _amount(asked["amount"], 2, asked["currency"])
        return Till(amount, not fake.paid(checkout), pages.get("return_url"), pages.get("cancel_url"))
    raise TypeError(f"{type(fake).__name__} has no page")


def way_back(fake: Fake, payment: str, back: str) -> str:
    """The address that the shopper's browser opens once it is paid, with what the provider gives it along."""
    if not isinstance(fake, FakeRazorpay):
        return back
    return f"{back}{'&' if '?' in back else '?'}{urlencode(fake.brought(payment))}"


def _amount(minor: int, places: int, currency: str) -> str:
    whole, part = divmod(minor, 10**places)
    return f"{whole}.{part:0{places}d} {currency.upper()}" if places else f"{whole} {currency.upper()}"
