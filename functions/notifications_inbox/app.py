"""Order events become mails, one per event."""

from functools import partial
from typing import Any

from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.fulfilment.usecases import delivered_keys
from holdfast.kernel.time import utc_now
from holdfast.notifications.mailer import SesMailer
from holdfast.notifications.render import render
from holdfast.notifications.repository import DynamoOutbox
from holdfast.notifications.usecases import Notify, notify
from holdfast.orders import guards
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.log import logger
from holdfast.platform.settings import FunctionSettings
from holdfast.platform.tokens import Tokens
from holdfast.platform.worker import Message, work
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.letters import LettersOfOrders


class Settings(FunctionSettings):
    notifications_table: str
    orders_table: str
    fulfilment_table: str
    sealing_key_arn: str
    tenants_table: str
    token_secret_arn: str
    mail_sender: str
    storefront_url: str


settings = Settings.load()
client = aws.dynamodb()
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), DynamoCommit(client), safe)
outbox = DynamoOutbox(Table(client, settings.notifications_table))
mailer = SesMailer(settings.mail_sender)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
letters = LettersOfOrders(
    orders=DynamoOrders(Table(client, settings.orders_table)),
    keys=lambda shop, order, wave: delivered_keys(shop, order, vaults=fulfilment.vaults, wave=wave),
    shop=directory.shop,
    token=lambda shop, order: tokens.mint(guards.ORDER, shop, order),
    checkout=lambda shop, session: tokens.mint(guards.CHECKOUT, shop, session),
    storefront_url=settings.storefront_url,
)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, tell)


def tell(message: Message) -> None:
    told = message["detail"]
    command = Notify(
        shop=told["shop"],
        order=told["order"],
        event=told["id"],
        type=told["type"],
        by=told["actor"]["kind"],
        data=told["data"],
        reason=told.get("reason"),
    )
    sent = notify(command, outbox=outbox, letters=letters, render=render, mailer=mailer, now=utc_now())
    if sent is not None:
        metrics.count("MailsSent")
    logger.info("told" if sent else "nothing to tell", extra={"order": command.order, "event": command.type})
