"""What the mail service tells of our mails: arrived, came back, called spam."""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.notifications import mail_events
from holdfast.notifications.repository import DynamoNotifications
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.settings import FunctionSettings


class Settings(FunctionSettings):
    notifications_table: str


settings = Settings.load()
client = aws.dynamodb()
store = DynamoNotifications(Table(client, settings.notifications_table, IN_A_QUEUE), DynamoCommit(client, IN_A_QUEUE))
COUNTED = {
    mail_events.News.BOUNCED: "MailsBounced",
    mail_events.News.COMPLAINED: "MailsComplained",
    mail_events.News.REJECTED: "MailsRejected",
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{notification, status}`: the row that it was about, or null where it is none of ours."""
    told = mail_events.read(event)
    row = mail_events.apply(told, store=store, now=utc_now()) if told else None
    if told is None or row is None:
        logger.info("news of no mail of ours", extra={"news": str(event.get("detail-type"))[:80]})
        return {"notification": None, "status": None}
    if told.status is not None and told.news in COUNTED:
        metrics.count(COUNTED[told.news])
        metrics.flush()
    logger.info("news of a mail", extra={"shop": row.shop, "notification": row.id, "news": told.news, "status": row.status})
    return {"notification": row.id, "status": row.status}
