"""Licence keys over HTTP."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from holdfast.kernel.model import Input, Model

MAX_KEYS = 5000
KeyText = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")]


class KeysBody(Input):
    """Each key is text of 1 to 1,000 characters without control characters; white space around it is cut off."""

    NUMBERS_OF_GOODS: ClassVar[bool] = True

    keys: list[KeyText] = Field(min_length=1, max_length=MAX_KEYS)
    dry_run: bool = False


class ImportedView(Model):
    """`duplicates`: positions of keys that the shop has already, or that stand in the list twice."""

    imported: int
    duplicates: list[int]
    dry_run: bool


class VaultView(Model):
    """Counts of a SKU's keys: `delivered` belong to orders, `left` are to be handed out. Never the keys themselves."""

    sku: str
    imported: int
    delivered: int
    left: int
