"""Why a checkout or an order is refused."""

from holdfast.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthenticated


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
    """A line names a SKU that the shop does not sell. Facts: skus, issues."""

    code = "unknown_sku"


class QuantityAboveMaximum(Invalid):
    """More units of a SKU than one order may have. Facts: lines of sku, requested, maximum; issues."""

    code = "quantity_above_maximum"


class MixedCurrencies(Invalid):
    """One order, one currency. Facts: issues."""

    code = "mixed_currencies"


class CurrencyNotOffered(Invalid):
    """Something in the cart has no price in the currency that was asked for. Facts: skus, currency, issues."""

    code = "currency_not_offered"


class ShippingMethodNotOffered(Invalid):
    """These goods are not shipped that way to that country. Facts: offered, the methods that are."""

    code = "shipping_method_not_offered"


class AddressMissing(Invalid):
    """What the order costs depends on the country, and nobody said where the goods go."""

    code = "address_missing"


class NotShippedThere(Invalid):
    """The shop does not ship these goods to this country. Facts: country."""

    code = "not_shipped_there"


class StaleSession(Refusal):
    """If-Match names another version of the session than the one that stands. Facts: version."""

    code, status, title = "precondition_failed", 412, "Precondition failed"


class OrderNotCancellable(Conflict):
    """The order ended, or is paid. Facts: order_status."""

    code = "order_not_cancellable"


class NothingShipped(Conflict):
    """No parcel of the order has left. Facts: order_status."""

    code = "nothing_shipped"


class NothingHeld(Conflict):
    """The order ended, or is paid: there is no hold to extend. Facts: order_status."""

    code = "hold_expired"


class TotalTooLarge(Invalid):
    """More money than one order may be about. Facts: maximum, in minor units; issues."""

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


class TransitionRefused(Conflict):
    """The order's state does not allow this step, or not to this actor. Facts: order_status, to, allowed."""

    code = "transition_not_allowed"


class RefundTooLarge(Conflict):
    """More money, or more units, than can still go back. Facts: available (minor units), or lines of sku, requested, available."""

    code = "refund_too_large"


class NothingOwed(Conflict):
    """The order waits for nothing: there is no debt to give up. Facts: order_status."""

    code = "nothing_owed"


class UnknownLine(Invalid):
    """The order has no such line. Facts: skus."""

    code = "unknown_line"


class NotReturnable(Conflict):
    """Digital goods, goods that were not handed over, or more than were. Facts: lines of sku, requested, available."""

    code = "not_returnable"


class ReturnWindowOver(Conflict):
    """Goods may be sent back for so many days after they were handed over. Facts: ended_at."""

    code = "return_window_over"


class UnknownReturn(NotFound):
    """The order has no such return."""


class ReturnAlreadyReceived(Conflict):
    """The goods of this return were received before, and otherwise. Facts: return_id."""

    code = "return_already_received"


class OrderNotEditable(Conflict):
    """It is too late to change that of this order. Facts: order_status, fields."""

    code = "order_not_editable"


class NothingToResend(Conflict):
    """No mail was ever due for this order, or not for that event."""

    code = "nothing_to_resend"


class StaleOrder(Refusal):
    """If-Match names another version than the one that stands. Facts: version."""

    code, status, title = "stale_order", 412, "Precondition failed"


class NothingToRetry(Conflict):
    """The order waits for no worker: it is done, or a person must act. Facts: order_status."""

    code = "nothing_to_retry"
