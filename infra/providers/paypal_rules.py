"""What PayPal takes and refuses, and how it writes amounts and times."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from infra.providers.wire import Call, json_answer

WITHOUT_DECIMALS = {"HUF", "JPY", "TWD"}
CURRENCIES = {
    *{"AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK"},
    *{"SGD", "THB", "USD"},
    *WITHOUT_DECIMALS,
}
APPROVAL = timedelta(hours=3)


class Refusal(Exception):
    def __init__(self, status: int, issue: str, name: str = "UNPROCESSABLE_ENTITY") -> None:
        super().__init__(issue)
        self.answer = json_answer(status, {"name": name, "message": issue, "debug_id": "stand-in", "details": [{"issue": issue}]})


@dataclass
class Book:
    """An order as PayPal keeps it. Amounts are in hundredths, thousandths or units: whatever the text had."""

    id: str
    unit: dict[str, Any]
    born: datetime
    status: str = "PAYER_ACTION_REQUIRED"
    captures: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    declines: bool = False
    approvals: int = 0
    back: str | None = None
    cancel: str | None = None

    @property
    def lapsed_at(self) -> datetime:
        return self.born + APPROVAL


def content(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type") != "application/json":
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE")
    try:
        body = json.loads(call.body)
    except ValueError:
        raise Refusal(400, "MALFORMED_REQUEST_JSON", "INVALID_REQUEST") from None
    return body if isinstance(body, dict) else {}


def payable(amount: Any) -> str:
    """Its text, if PayPal takes that."""
    if not isinstance(amount, dict) or not re.fullmatch(r"[0-9]{1,10}(\.[0-9]+)?", str(amount.get("value"))):
        raise Refusal(400, "INVALID_PARAMETER_SYNTAX", "INVALID_REQUEST")
    value: str = amount["value"]
    if amount.get("currency_code") not in CURRENCIES:
        raise Refusal(422, "INVALID_CURRENCY_CODE")
    if amount["currency_code"] in WITHOUT_DECIMALS and "." in value:
        raise Refusal(422, "DECIMALS_NOT_SUPPORTED")
    if len(value.partition(".")[2]) > 2:
        raise Refusal(422, "DECIMAL_PRECISION")
    if not value.strip("0."):
        raise Refusal(422, "CANNOT_BE_ZERO_OR_NEGATIVE")
    return value


def check_experience(body: Mapping[str, Any]) -> None:
    context = body.get("payment_source", {}).get("paypal", {}).get("experience_context", {})
    if context.get("user_action", "CONTINUE") not in {"CONTINUE", "PAY_NOW"}:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", "INVALID_REQUEST")
    if context.get("shipping_preference", "GET_FROM_FILE") not in {"GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"}:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", "INVALID_REQUEST")
    if context.get("return_url") and not context.get("cancel_url"):
        raise Refusal(422, "CANCEL_URL_REQUIRED")


def minor(text: str, places: int) -> int:
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(places, "0")[:places])


def written(minor: int, places: int) -> str:
    whole, part = divmod(minor, 10**places)
    return f"{whole}.{part:0{places}d}" if places else str(whole)


def gone(book: Book, capture: str, places: int) -> int:
    mine = (refund for refund in book.refunds if refund["links"][0]["href"].endswith(capture))
    return sum(minor(refund["amount"]["value"], places) for refund in mine)


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
