"""The sandbox provider's own doors: what a pay page and a test need to play the shopper at the provider.

Only where a parameter allows play money, and never in production. The provider signs the webhook; whoever asked for the
action is its postman and may deliver it once, twice, late or never.
"""

import json
from functools import partial

from pydantic import Field

from holdfast.kernel.errors import NotFound
from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import utc_now
from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import News
from holdfast.payments.providers.sandbox import mapper, signature
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.proxy import Action, SandboxBook
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Api, Request
from holdfast.platform.settings import SandboxSettings


class Settings(SandboxSettings):
    payments_table: str
    sandbox_secret_arn: str = ""


class ActionBody(Input):
    action: Action = Field(strict=False)


class SandboxPayment(Model):
    id: str
    shop: str
    order_id: str
    amount: int
    currency: str
    status: News


class SignedWebhook(Model):
    """POST `body`, byte for byte, with `headers` to `path` under the API's base."""

    path: str
    headers: dict[str, str]
    body: str


class Acted(Model):
    payment: SandboxPayment
    webhook: SignedWebhook


settings = Settings.load()
book = SandboxBook(Table(aws.dynamodb(), settings.payments_table))
secret = partial(secrets.secret, settings.sandbox_secret_arn)


def _any_shop(shop: str) -> tuple[str, ...]:
    raise NotFound


api = Api("payments-sandbox", clock=utc_now, shop_origins=_any_shop)
app = api.app


@api.get("/sandbox/payments/{payment}", returns=SandboxPayment, refusals=(PaymentUnknown,))
def show_payment(request: Request[None]) -> SandboxPayment:
    """A payment as the sandbox provider knows it."""
    _allowed()
    return _view(book.look_up(request.path["payment"]))


@api.post("/sandbox/payments/{payment}/actions", body=ActionBody, returns=Acted, refusals=(PaymentUnknown, PaymentStateConflict))
def act(request: Request[ActionBody]) -> Acted:
    """The shopper pays or declines, the payment expires, or the money goes back; with the webhook that tells of it."""
    _allowed()
    after = book.act(request.path["payment"], request.body.action, request.now)
    body = json.dumps(mapper.webhook_of(after), separators=(",", ":"))
    headers = {"Content-Type": "application/json", signature.HEADER: signature.sign(secret(), body.encode(), request.now)}
    path = f"/shops/{after.shop}/webhooks/payments/sandbox"
    return Acted(payment=_view(after), webhook=SignedWebhook(path=path, headers=headers, body=body))


def _allowed() -> None:
    if not settings.sandbox_enabled:
        raise NotFound


def _view(payment: Book) -> SandboxPayment:
    return SandboxPayment(**payment.model_dump(include=set(SandboxPayment.model_fields)))
