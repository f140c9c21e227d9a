"""What notifications know of an event of an order on the bus."""

from typing import Any

from holdfast.notifications.telling import Happened


def happened(detail: dict[str, Any]) -> Happened:
    known = ("shop", "id", "type", "at", "order", "number", "data", "reason")
    return Happened.model_validate({**{name: detail[name] for name in known if name in detail}, "by": detail["actor"]["kind"]})
