"""What staff may ask for when they look for orders, from a URL's query."""

from datetime import datetime, timedelta
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from holdfast.kernel.ids import Sku
from holdfast.kernel.time import Instant
from holdfast.orders import searching
from holdfast.orders.exporting import Format
from holdfast.orders.model import Status
from holdfast.orders.searching import Wanted

TEN_YEARS = 10 * 366 * 24 * 60
Asked = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _number(text: Any) -> Any:
    return searching.order_number(text) or _refuse("an order number has two groups of five letters and digits")


def _phone(text: Any) -> Any:
    return searching.phone_digits(text) or _refuse("four digits of a phone number, or more")


def _email(text: Any) -> Any:
    return text if "@" in text else _refuse("an e-mail address has an @")


def _tracking(text: Any) -> Any:
    return searching.tracking_number(text) or _refuse("a tracking number has letters or digits")


def _listed(text: Any) -> Any:
    return text.split(",") if isinstance(text, str) else text


def _refuse(sentence: str) -> NoReturn:
    raise ValueError(sentence)


Number = Annotated[str, BeforeValidator(_number), WithJsonSchema({"type": "string", "pattern": f"^{searching.NUMBER_PATTERN}$"})]
Phone = Annotated[str, BeforeValidator(_phone), WithJsonSchema({"type": "string", "pattern": r"([0-9][^0-9]*){4}"})]
Email = Annotated[Asked, BeforeValidator(_email), WithJsonSchema({"type": "string", "pattern": "^[^@]*@[^@]*$", "maxLength": 200})]
Tracking = Annotated[Asked, BeforeValidator(_tracking), WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": 200})]
Minutes = Annotated[int, Field(ge=0, le=TEN_YEARS)]
Statuses = Annotated[
    frozenset[Status],
    BeforeValidator(_listed),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "enum": [status.value for status in Status]}}),
]


class OrderFilter(BaseModel):
    """All of it must be true of an order. `q`: any of the others' values, and what it is is found out. `status` may come several
    times, or with commas. `phone`: the last four digits or more; `key`: a licence key; `disputed`: whether a customer's bank asks for
    the money and has not decided. Ages are of the order, since it was placed; `created_from` is in, `created_to` is not. A name that is
    not one of these is refused, for a filter with a slip of the pen would be none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    q: Asked | None = None
    id: Annotated[str, StringConstraints(pattern=r"^ord_[0-9A-Z]{26}$")] | None = None
    number: Number | None = None
    email: Email | None = None
    phone: Phone | None = None
    sku: Sku | None = None
    payment: Asked | None = None
    tracking: Tracking | None = None
    key: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    status: Statuses | None = None
    disputed: bool | None = None
    older_than_minutes: Minutes | None = None
    younger_than_minutes: Minutes | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None

    def wanted(self, now: datetime) -> Wanted:
        after = [self.created_from, _ago(now, self.younger_than_minutes)]
        before = [self.created_to, _ago(now, self.older_than_minutes)]
        return Wanted(
            order=self.id,
            number=self.number,
            email=self.email,
            phone=self.phone,
            sku=self.sku,
            payment=self.payment,
            tracking=self.tracking,
            key=self.key,
            statuses=self.status or frozenset(),
            disputed=self.disputed,
            created_from=max((instant for instant in after if instant), default=None),
            created_to=min((instant for instant in before if instant), default=None),
        )


def _ago(now: datetime, minutes: int | None) -> datetime | None:
    return None if minutes is None else now - timedelta(minutes=minutes)


class OrderQuery(OrderFilter):
    """As `OrderFilter`, a page at a time: `limit` 1 to 100 (25 unless told); `cursor` is the `next` of the page before."""

    limit: int = Field(default=25, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=6000)


class ExportQuery(OrderFilter):
    """As `OrderFilter`, up to 1,000 orders a call. `bom`: the file begins with the mark by which some spreadsheets know UTF-8."""

    format: Format = Format.CSV
    bom: bool = False
    limit: int = Field(default=1000, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=6000)
