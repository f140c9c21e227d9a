"""Guests hold tokens: a checkout token for their session, an order token for their order."""

from collections.abc import Mapping

from chalice.app import Request as ChaliceRequest

from holdfast.kernel.events import CUSTOMER, Actor
from holdfast.orders.errors import CheckoutTokenMissing, CsrfTokenInvalid, OrderTokenMissing, UnknownOrder, UnknownSession
from holdfast.platform.http import MUTATIONS, Guard
from holdfast.platform.tokens import Tokens

CHECKOUT, CSRF, ORDER = "checkout", "csrf", "order"


def checkout_session(tokens: Tokens) -> Guard:
    """`X-Checkout-Token`, or `?token=` on links, and on every mutation `X-CSRF-Token`. A wrong checkout token is told like an unknown
    session.
    """

    def guard(request: ChaliceRequest, path: Mapping[str, str]) -> Actor:
        subject = path["shop"], path["session"]
        token = _token(request, "x-checkout-token")
        if token is None:
            raise CheckoutTokenMissing("Send the session's checkout_token in X-Checkout-Token.")
        if not tokens.opens(token, CHECKOUT, *subject):
            raise UnknownSession
        if request.method in MUTATIONS and not tokens.opens(request.headers.get("x-csrf-token", ""), CSRF, *subject):
            raise CsrfTokenInvalid("Send the session's csrf_token in X-CSRF-Token.")
        return CUSTOMER

    return guard


def order(tokens: Tokens) -> Guard:
    """`X-Order-Token`, or `?token=` on links. A wrong one is told like an unknown order."""

    def guard(request: ChaliceRequest, path: Mapping[str, str]) -> Actor:
        token = _token(request, "x-order-token")
        if token is None:
            raise OrderTokenMissing("Send the order_token in X-Order-Token.")
        if not tokens.opens(token, ORDER, path["shop"], path["order"]):
            raise UnknownOrder
        return CUSTOMER

    return guard


def _token(request: ChaliceRequest, header: str) -> str | None:
    """Mails have links, and links have no headers: they only look."""
    token: str | None = request.headers.get(header)
    if token is None and request.method == "GET":
        token = request.query_params.get("token") if request.query_params else None
    return token
