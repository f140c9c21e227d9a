"""The base of every value in the system: frozen, closed, strict about types, and silent about its content when it does not fit:
errors are logged, and an address or a key must not be."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A value. Unknown fields are refused, so a misspelt name is an error and not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Input(BaseModel):
    """What a stranger sends: as Model, and strict - `true` is not 1 and "5" is not 5.

    `NUMBERS_OF_GOODS`: licence keys or delivery notes, which may look like card numbers and are none.
    """

    NUMBERS_OF_GOODS: ClassVar[bool] = False

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Record(BaseModel):
    """A value that is kept. Unknown fields are passed over, because newer code may have written the item (and be rolled back)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
