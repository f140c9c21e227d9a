"""Business counts as CloudWatch embedded metrics: written with the log, so a count costs no call."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

_metrics = Metrics()


def count(name: str, quantity: int = 1) -> None:
    _metrics.add_metric(name=name, unit=MetricUnit.Count, value=quantity)


def flush() -> None:
    """Write what was counted; nothing when nothing was."""
    if _metrics.metric_set:
        _metrics.flush_metrics()
