"""Where providers knock: verify the raw bytes, store the event once, answer. The work is done from the queue."""

from functools import partial

from holdfast.kernel.model import Model
from holdfast.kernel.time import utc_now
from holdfast.payments.errors import SignatureInvalid, UnknownProvider, WebhookUnreadable
from holdfast.payments.model import EventState, ProviderEvent
from holdfast.payments.repository import DynamoInbox
from holdfast.payments.usecases import receive
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Api, Request
from holdfast.platform.queue import Queue
from holdfast.platform.settings import SandboxSettings
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.payments import Providers, sandbox


class Settings(SandboxSettings):
    payments_table: str
    tenants_table: str
    payments_queue_url: str
    sandbox_secret_arn: str = ""


class Received(Model):
    """The event is safe with us. `state` tells what became of an event that came before."""

    id: str
    state: EventState


settings = Settings.load()
client = aws.dynamodb()
payments_table = Table(client, settings.payments_table)
inbox = DynamoInbox(payments_table)
queue = Queue(settings.payments_queue_url)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))


signing_secret = partial(secrets.secret, settings.sandbox_secret_arn)
providers = Providers({"sandbox": partial(sandbox, payments_table, secret=signing_secret)} if settings.sandbox_enabled else {})
api = Api("payments-webhook", clock=utc_now, shop_origins=directory.origins)
app = api.app


@api.post(
    "/shops/{shop}/webhooks/payments/{provider}",
    returns=Received,
    raw=True,
    security=("providerSignature",),
    refusals=(SignatureInvalid, WebhookUnreadable, UnknownProvider),
)
def take_webhook(request: Request[None]) -> Received:
    """A payment provider tells of a payment. Signed; the same event may come any number of times."""
    provider = providers(request.path["provider"])
    try:
        event = receive(request.shop, request.headers, request.raw, provider=provider, inbox=inbox, pass_on=_pass_on, now=request.now)
    except SignatureInvalid:
        metrics.count("WebhookSignatureInvalid")
        raise
    return Received(id=event.id, state=event.state)


def _pass_on(event: ProviderEvent) -> None:
    queue.send({"shop": event.shop, "provider": event.provider, "event": event.id})
