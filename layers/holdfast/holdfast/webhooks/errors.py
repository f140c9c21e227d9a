"""Why an endpoint is not taken, or a delivery not sent again."""

from typing import ClassVar

from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal


class UnknownEndpoint(NotFound):
    """Same words as for anything unknown."""


class UnknownDelivery(NotFound):
    """Same words as for anything unknown; also after thirty days."""


class TooManyEndpoints(Conflict):
    """The shop has as many webhook endpoints as it may have. Facts: limit."""

    code = "too_many_webhook_endpoints"


class UrlRefused(Invalid):
    """Webhooks are not sent to such an address. Facts: reason."""

    code = "webhook_url_refused"


class UnknownEventTypes(Invalid):
    """No event is called that. Facts: unknown."""

    code = "unknown_event_types"


class EndpointDisabled(Conflict):
    """Nothing is sent to a webhook endpoint that is switched off; enable it first. Facts: reason."""

    code = "webhook_endpoint_disabled"


class DeliveryInFlight(Conflict):
    """The webhook is being sent at this moment."""

    code = "webhook_in_flight"


class StaleEndpoint(Refusal):
    """If-Match names another version than the one that stands. Facts: version."""

    code: ClassVar[str] = "precondition_failed"
    status: ClassVar[int] = 412
    title: ClassVar[str] = "Precondition failed"
