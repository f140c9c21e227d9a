"""What staff's acts on orders touch: the workers whom they may ask to look again, and no provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.kernel.writes import Commit
from holdfast.orders import ports as orders_ports
from holdfast.orders.retrying import Worker
from holdfast.platform.queue import Queue


@dataclass(frozen=True)
class Workers:
    """`orders.retrying.Queues`."""

    queues: Mapping[Worker, Queue]

    def send(self, worker: Worker, message: Mapping[str, Any]) -> None:
        self.queues[worker].send(message)


@dataclass(frozen=True)
class Desk:
    """`orders.paying.World` of who decides about money and asks no provider: the payments worker does, when it hears of it."""

    orders: orders_ports.Orders
    stock: orders_ports.Stock
    policies: orders_ports.Policies
    commit: Commit

    @property
    def payments(self) -> orders_ports.Payments:
        raise TypeError("staff ask no provider")
