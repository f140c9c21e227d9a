"""Where providers knock: verify the raw bytes, store the event once, answer. The work is done from the queue."""

from functools import partial

from holdfast.kernel.model import Model
from holdfast.kernel.time import utc_now
from holdfast.payments.errors import AccountUnreadable, CredentialsRefused, SignatureInvalid, UnknownProvider, WebhookUnreadable
from holdfast.payments.model import EventState
from holdfast.payments.receiving import receive
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Api, Request
from holdfast.platform.queue import Queue
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.inbox import EventQueue
from holdfast.wiring.providers import ProviderSettings, providers_of


class Settings(ProviderSettings):
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
pass_on = EventQueue(Queue(settings.payments_queue_url))
tenants_table = Table(client, settings.tenants_table)
directory = Directory(DynamoTenants(tenants_table))


signing_secret = partial(secrets.secret, settings.sandbox_secret_arn)
providers = providers_of(
    settings,
    tenants=tenants_table,
    payments=payments_table,
    live_only=lambda shop: directory.shop(shop).live,
    clock=utc_now,
    secret=signing_secret,
)
api = Api("payments-webhook", clock=utc_now, shop_origins=directory.origins)
app = api.app
asking = (CredentialsRefused, AccountUnreadable, PartnerUnavailable, PartnerThrottles, PartnerUnreadable)
"""PayPal is asked where a certificate of its cannot be judged; it then sends the event again."""


@api.post(
    "/shops/{shop}/webhooks/payments/{provider}",
    returns=Received,
    raw=True,
    security=("providerSignature",),
    refusals=(SignatureInvalid, WebhookUnreadable, UnknownProvider, *asking),
)
def take_webhook(request: Request[None]) -> Received:
    """A payment provider tells of a payment. Signed; the same event may come any number of times."""
    name = request.path["provider"]
    try:
        event = receive(
            request.shop,
            request.headers,
            request.raw,
            provider=providers(request.shop, name),
            inbox=inbox,
            pass_on=pass_on,
            fresh=partial(providers.fresh, request.shop, name),
            request_id=request.request_id,
            now=request.now,
        )
    except SignatureInvalid:
        metrics.count("WebhookSignatureInvalid")
        raise
    return Received(id=event.id, state=event.state)
