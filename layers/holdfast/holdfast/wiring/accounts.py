"""A payment account as its owner sends it: each provider's own fields. A connector is loaded when its provider is named."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, cast

from pydantic import Field, GetJsonSchemaHandler, RootModel, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from holdfast.payments.accounts import LONGEST_OVERLAP, USUAL_OVERLAP, Credentials
from holdfast.payments.enrolling import Connect
from holdfast.platform.problems import ValidationFailed
from holdfast.platform.reading import parse
from holdfast.wiring.providers import REAL, kind_of

HOUR = timedelta(hours=1)
OVERLAP = "overlap_hours"
_PLAIN = re.compile(r"(/[a-z_]{1,40}|/[0-9]{1,2})*")
"""Pointers that can be repeated back: a secret in the place of a field's name is none."""


class ProviderAccountBody(RootModel[dict[str, Any]]):
    """The fields of the provider that the path names."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """For the contract only: this loads all connectors."""
        return {"oneOf": [_told(form_of(name), handler) for name in REAL], "description": cls.__doc__}


def _told(form: type[Credentials], handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    told = handler(form.__pydantic_core_schema__)
    for name in form.SECRETS:
        told["properties"][name]["writeOnly"] = True
    return told


def connect_of(shop: str, provider: str, sent: Mapping[str, Any], over: int | None = None) -> Connect:
    """UnknownProvider, ValidationFailed."""
    form = _filled(provider, sent)
    fields = form.model_dump(exclude={OVERLAP})
    credentials = kind_of(provider).credentials.model_validate(fields)
    return Connect(shop, provider, credentials, form.__dict__[OVERLAP] * HOUR, over)


@cache
def form_of(provider: str) -> type[Credentials]:
    """The provider's fields, and `overlap_hours`. UnknownProvider."""
    fields = kind_of(provider).credentials
    hours = Field(
        default=USUAL_OVERLAP // HOUR,
        ge=0,
        le=LONGEST_OVERLAP // HOUR,
        description="How long what the former secrets signed is still taken; 0: they are not good any more, now.",
    )
    made = create_model(f"{provider.capitalize()}Account", __base__=fields, __doc__=fields.__doc__, **{OVERLAP: (int, hours)})  # type: ignore[call-overload]
    return cast(type[Credentials], made)


def _filled(provider: str, sent: Mapping[str, Any]) -> Credentials:
    form = form_of(provider)
    try:
        return cast(Credentials, parse(form, dict(sent), "body"))
    except ValidationFailed as refused:
        errors = [{**error, "pointer": error["pointer"] if _PLAIN.fullmatch(error["pointer"]) else ""} for error in refused.facts["errors"]]
        raise ValidationFailed(f"These are not the fields of {provider}: {', '.join(form.model_fields)}.", errors=errors) from None
