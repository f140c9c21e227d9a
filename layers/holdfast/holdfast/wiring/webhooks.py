"""What webhooks know of orders - the names of their events - and what a deployment allows them."""

from typing import Any

from pydantic import Field, model_validator

from holdfast.orders import events
from holdfast.platform.settings import FunctionSettings
from holdfast.webhooks.delivering import Happened
from holdfast.webhooks.ports import EventTypes
from holdfast.webhooks.targets import Doors

TYPES = EventTypes(all=frozenset(events.ALL), confidential=events.STAFF_ONLY)


class WebhookSettings(FunctionSettings):
    """`webhook_ports`: ports of https that webhooks are sent to. Plain http to this machine is for laptops; never in production."""

    webhook_ports: str = Field(default="443", pattern=r"^\d{1,5}(,\d{1,5})*$")
    webhook_loopback: bool = False

    @model_validator(mode="after")
    def _never_in_production(self) -> "WebhookSettings":
        if self.webhook_loopback and self.environment == "prod":
            raise ValueError("webhooks to this machine must not be allowed in prod")
        return self

    @property
    def doors(self) -> Doors:
        return Doors(ports=frozenset(map(int, self.webhook_ports.split(","))), loopback=self.webhook_loopback)


def happened(detail: dict[str, Any]) -> Happened:
    """From an event of an order on the bus; what it was before and is after stays inside."""
    known = ("shop", "id", "type", "at", "order", "number", "status", "seq", "data")
    return Happened.model_validate({name: detail[name] for name in known if name in detail})
