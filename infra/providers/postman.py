"""Which webhooks are sent, how often and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra.providers.wire import Webhook

MOST_COPIES = 50


@dataclass(frozen=True)
class Rounds:
    """`webhooks`: whether they are sent at all. `copies`: how often, the first of all before the second of any. `backwards`: last first."""

    webhooks: bool = True
    copies: int = 1
    backwards: bool = False

    def changed(self, asked: Mapping[str, Any]) -> "Rounds":
        """ValueError."""
        rounds = replace(self, **asked)
        if type(rounds.webhooks) is not bool or type(rounds.backwards) is not bool or type(rounds.copies) is not int:
            raise ValueError("webhooks and backwards are true or false, copies is a number")
        if not 1 <= rounds.copies <= MOST_COPIES:
            raise ValueError(f"copies is 1 to {MOST_COPIES}")
        return rounds

    def sent(self, told: Sequence[Webhook]) -> list[Webhook]:
        """In this order."""
        if not self.webhooks:
            return []
        return (list(reversed(told)) if self.backwards else list(told)) * self.copies


ROUNDS = ("webhooks", "copies", "backwards")
