"""Why a checkout or an order is refused."""

from holdfast.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UnknownOrder(NotFound):
    """Unknown, foreign, or asked for with a wrong token: the same words."""


class UnknownSession(NotFound):
    """Unknown, foreign, or asked for with a wrong token: the same words."""


class SessionExpired(Conflict):
    """A session lives for thirty minutes. Start a new one with the same lines."""

    code = "session_expired"


class SessionAlreadyOrdered(Conflict):
    """The session became an order that is paid. Facts: order."""

    code = "session_already_ordered"


class UnknownSku(Invalid):
    """A line names a SKU that the shop does not sell. Facts: skus."""

    code = "unknown_sku"


class QuantityAboveMaximum(Invalid):
    """More units of a SKU than one order may have. Facts: lines of sku, requested, maximum."""

    code = "quantity_above_maximum"


class MixedCurrencies(Invalid):
    """One order, one currency."""

    code = "mixed_currencies"


class OrderNotCancellable(Conflict):
    """The order ended, or is paid. Facts: order_status."""

    code = "order_not_cancellable"


class NothingHeld(Conflict):
    """The order ended, or is paid: there is no hold to extend. Facts: order_status."""

    code = "hold_expired"


class TotalTooLarge(Invalid):
    """More money than one order may be about. Facts: maximum, in minor units."""

    code = "total_too_large"


class CheckoutTokenMissing(Unauthenticated):
    """A session opens with X-Checkout-Token."""

    code = "checkout_token_missing"


class CsrfTokenInvalid(Forbidden):
    """A change of a session needs its csrf_token in X-CSRF-Token."""

    code = "csrf_token_invalid"


class OrderTokenMissing(Unauthenticated):
    """An order opens with X-Order-Token, or `?token=` on links."""

    code = "order_token_missing"


class EmailMissing(Invalid):
    """Something in the cart is limited per customer, and nobody said who the customer is."""

    code = "email_missing"
