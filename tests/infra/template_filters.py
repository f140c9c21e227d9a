"""Event patterns as EventBridge and Lambda's event filters read them; only the operators that our templates use."""

from typing import Any


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Every field of the pattern must hold; what the pattern does not name may be anything."""
    return all(_field(wanted, event.get(name) if isinstance(event, dict) else None) for name, wanted in pattern.items())


def _field(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        return matches(wanted, value)
    return any(_one(choice, one) for choice in wanted for one in (value if isinstance(value, list) else [value]))


def _one(choice: Any, value: Any) -> bool:
    if not isinstance(choice, dict):
        return bool(choice == value)
    operator, argument = next(iter(choice.items()))
    if operator == "exists":
        return (value is not None) is argument
    if operator == "prefix":
        return isinstance(value, str) and value.startswith(argument)
    raise ValueError(f"no test knows the operator {operator}")
