"""What a function does on AWS, watched while every sample of events/ is played, is what its role allows.

The emulator allows everything, so a right that is missing would be noticed in an account only.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.platform import aws, secrets
from tests.infra import template_rules as rules
from tests.infra.template_world import LOCAL, PROD, world
from tests.unit.functions import world as worlds
from tests.unit.functions.test_samples import CASES

Right = tuple[str, str, str]  # function, action, resource

# Rights that no sample needs, and what does.
WITHOUT_SAMPLE: dict[Right, str] = {
    ("admin_http", "secretsmanager:GetSecretValue", "Security/TokenSecret.Id"): "signs the cursor of a list that goes on",
    ("admin_http", "dynamodb:BatchGetItem", "Data/Locks.Arn"): "a ledger document may be a sealed lock",
    ("fulfilment_admin_http", "dynamodb:DeleteItem", "Data/Fulfilment.Arn"): "the last key that came back goes out again, or is withdrawn",
    ("fulfilment_admin_http", "dynamodb:BatchGetItem", "Data/Locks.Arn"): "a ledger document may be a sealed lock",
    ("fulfilment_admin_http", "dynamodb:BatchGetItem", "Data/Operations.Arn"): "what became of the lines of a long file",
    ("fulfilment_admin_http", "secretsmanager:GetSecretValue", "Security/TokenSecret.Id"): "signs the cursor of a list that goes on",
    ("fulfilment_inbox", "dynamodb:DeleteItem", "Data/Fulfilment.Arn"): "a debt that was paid in full, or refunded",
    ("fulfilment_inbox", "dynamodb:BatchGetItem", "Data/Locks.Arn"): "a ledger document may be a sealed lock",
    ("fulfilment_inbox", "dynamodb:BatchGetItem", "Data/Orders.Arn"): "a restock is shared among those who wait",
    ("fulfilment_inbox", "dynamodb:GetItem", "Data/Tenants.Arn"): "how the shop wants a restock to be shared",
    ("fulfilment_inbox", "dynamodb:UpdateItem", "Data/Fulfilment.Arn"): "a batch is opened and closed",
    ("fulfilment_inbox", "sqs:SendMessage", "Messaging/FulfilmentQueue.Arn"): "the rest of a long queue",
    ("notifications_inbox", "dynamodb:GetItem", "Data/Fulfilment.Arn"): "keys that came with a batch",
    ("orders_http", "dynamodb:GetItem", "Data/Fulfilment.Arn"): "keys that came with a batch",
    ("orders_inbox", "dynamodb:GetItem", "Data/Fulfilment.Arn"): "keys that came with a batch",
    ("notifications_admin_http", "dynamodb:GetItem", "Data/Fulfilment.Arn"): "a preview counts keys that came with a batch",
    ("notifications_admin_http", "dynamodb:GetItem", "Data/Catalogue.Arn"): "a message about a product is looked at",
    ("notifications_admin_http", "secretsmanager:GetSecretValue", "Security/TokenSecret.Id"): "signs the cursor of a list that goes on",
    ("notifications_inbox", "dynamodb:BatchGetItem", "Data/Orders.Arn"): "a day that had orders is counted",
    ("notifications_inbox", "sqs:ChangeMessageVisibility", "Messaging/NotificationsQueue.Arn"): "a message that failed comes back later",
    ("notifications_inbox", "sns:Publish", "all but arn:aws:sns:*:*:*"): "a text message needs a customer's consent",
    ("orders_http", "dynamodb:GetItem", "Data/Stock.Arn"): "a late payment takes the stock again",
    ("orders_http", "dynamodb:PutItem", "Data/Payments.Arn"): "the sandbox's book of a refund",
    ("orders_http", "dynamodb:Query", "Data/Orders.Arn"): "older events lie in pages beside their order",
    ("payments_inbox", "dynamodb:DeleteItem", "Data/Locks.Arn"): "a late payment takes the stock again, and gives back what is not enough",
    ("payments_inbox", "dynamodb:PutItem", "Data/Stock.Arn"): "what was refunded comes back into the ledger",
    ("payments_inbox", "dynamodb:GetItem", "Data/Stock.Arn"): "a late payment takes the stock again",
    ("payments_inbox", "dynamodb:PutItem", "Data/Operations.Arn"): "a provider that is down is noted for all",
    ("payments_inbox", "dynamodb:UpdateItem", "Data/Operations.Arn"): "a provider that was down is asked again",
    ("payments_webhook", "dynamodb:GetItem", "Data/Operations.Arn"): "PayPal is asked for a certificate, if it is not known to be down",
    ("payments_webhook", "dynamodb:PutItem", "Data/Operations.Arn"): "a provider that is down is noted for all",
    ("payments_webhook", "dynamodb:UpdateItem", "Data/Operations.Arn"): "a provider that was down is asked again",
    ("orders_http", "dynamodb:PutItem", "Data/Operations.Arn"): "a provider that is down is noted for all",
    ("orders_http", "dynamodb:UpdateItem", "Data/Operations.Arn"): "a provider that was down is asked again",
    ("operations_command", "dynamodb:Query", "Data/Tenants.Arn"): "the accounts of a shop whose books are compared",
    ("operations_command", "dynamodb:DeleteItem", "Data/Orders.Arn"): "a search row that is one too many",
    ("orders_admin_http", "dynamodb:BatchGetItem", "Data/Locks.Arn"): "a ledger document may be a sealed lock",
    ("orders_admin_http", "dynamodb:GetItem", "Data/Stock.Arn"): "a payment that is accepted late takes the stock again",
    ("orders_admin_http", "secretsmanager:GetSecretValue", "Security/TokenSecret.Id"): "signs the cursor of a list that goes on",
    ("orders_inbox", "dynamodb:Query", "Data/Orders.Arn"): "older parcels of an order are told in the pages beside it",
    ("payments_admin_http", "dynamodb:UpdateItem", "Data/Operations.Arn"): "a provider that was down is asked again",
    ("reconcile_inbox", "dynamodb:BatchGetItem", "Data/Locks.Arn"): "a ledger document may be a sealed lock",
    ("reconcile_inbox", "dynamodb:ConditionCheckItem", "Data/Stock.Arn"): "a shard that is not needed is given up",
    ("reconcile_inbox", "dynamodb:DeleteItem", "Data/Stock.Arn"): "a shard that is not needed is given up",
    ("reconcile_inbox", "dynamodb:GetItem", "Data/Stock.Arn"): "a late payment takes the stock again",
    ("reconcile_inbox", "dynamodb:PutItem", "Data/Stock.Arn"): "what was refunded comes back into the ledger",
    ("reconcile_inbox", "dynamodb:Query", "Data/Orders.Arn"): "older events lie in pages beside their order",
    ("reconcile_inbox", "dynamodb:UpdateItem", "Data/Operations.Arn"): "a circuit that closes again",
    ("reconcile_inbox", "sqs:ChangeMessageVisibility", "Messaging/ReconcileQueue.Arn"): "a piece that failed comes back sooner",
    ("storefront_http", "dynamodb:GetItem", "Data/Stock.Arn"): "a pool, of back-orders or of a customer, is looked at before it is opened",
    ("storefront_http", "dynamodb:PutItem", "Data/Stock.Arn"): "a pool, of back-orders or of a customer, is opened",
    ("webhooks_inbox", "dynamodb:DeleteItem", "Data/Webhooks.Arn"): "an endpoint that failed is well again",
    ("webhooks_inbox", "sqs:SendMessage", "Messaging/NotificationsQueue.Arn"): "staff is written to when an endpoint is switched off",
}
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
# Lambda itself needs these, to log and to bring events.
OF_LAMBDA = (
    "logs:",
    "sqs:Receive",
    "sqs:Delete",
    "sqs:GetQueue",
    "dynamodb:Describe",
    "dynamodb:GetRecords",
    "dynamodb:GetShard",
    "dynamodb:List",
)
SERVICES = ("dynamodb", "sqs", "events", "sesv2", "sns", "secretsmanager", "kms")
SES = "arn:aws:ses:eu-west-1:123456789012"


class Watch:
    """Sits in the clients' own event system and notes each call under the function that is at work."""

    def __init__(self) -> None:
        self.function = ""
        self.used: set[Right] = set()

    def __call__(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.function:
            self.used |= {(self.function, action, resource) for action, resource in needs(model.name, params)}


def needs(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The rights that AWS asks for: a transaction needs one for each of its writes."""
    if operation.startswith("Transact"):
        yield from ((f"dynamodb:{TRANSACTION[kind]}", table(one)) for item in params["TransactItems"] for kind, one in item.items())
    elif operation == "BatchGetItem":
        yield from (("dynamodb:BatchGetItem", table({"TableName": name})) for name in params["RequestItems"])
    elif "TableName" in params:
        yield f"dynamodb:{operation}", table(params)
    elif operation in {"SendMessage", "SendMessageBatch", "ChangeMessageVisibility"}:
        yield f"sqs:{operation.removesuffix('Batch')}", f"Messaging/{params['QueueUrl'].rsplit('/', 1)[1].title()}Queue.Arn"
    elif operation == "PutEvents":
        yield "events:PutEvents", "Messaging/Bus.Arn"
    elif operation in {"SendEmail", "Publish"}:
        yield from telling(params)
    elif operation == "GetSecretValue":
        yield "secretsmanager:GetSecretValue", f"Security/{params['SecretId'].title()}Secret.Id"
    elif operation in {"Encrypt", "Decrypt", "GenerateDataKey"}:
        yield f"kms:{operation}", "Security/SealingKey.Arn"
    else:
        raise AssertionError(f"no test knows which right {operation} needs")


def telling(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A mail needs the right to its sender, and to the set that news of it go by; a text message names a number and nothing else."""
    if "PhoneNumber" in params:
        yield "sns:Publish", "all but arn:aws:sns:*:*:*"
        return
    yield "ses:SendEmail", f"{SES}:identity/{params['FromEmailAddress'].rsplit('<', 1)[-1].rstrip('>')}"
    if "ConfigurationSetName" in params:
        yield "ses:SendEmail", f"{SES}:configuration-set/holdfast"


def table(params: dict[str, Any]) -> str:
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    return f"Data/{params['TableName'].title()}.Arn{index}"


@pytest.fixture(scope="module")
def used() -> set[Right]:
    """Every sample in a world of its own, after those that go before it."""
    watch, seen = Watch(), worlds.World.call
    with pytest.MonkeyPatch.context() as patched:

        def call(self: worlds.World, function: str, event: dict[str, Any]) -> dict[str, Any]:
            watch.function = function
            secrets.secret.cache_clear()  # each function is a process of its own
            try:
                return seen(self, function, event)
            finally:
                watch.function = ""

        patched.setattr(worlds.World, "call", call)
        with worlds.empty():
            clients = [aws.client(service) for service in SERVICES]
        for client in clients:
            client.meta.events.register("before-parameter-build", watch, unique_id="watch")
        for name, case in CASES.items():
            with worlds.furnished() as made:
                case.prepare(made)
                made.play(name)
        for client in clients:
            client.meta.events.unregister("before-parameter-build", watch, unique_id="watch")
    return watch.used


@pytest.fixture(scope="module")
def granted() -> set[Right]:
    """What the functions' own code may do; not what Lambda needs to bring events, to log and to take failures away."""
    deployed = world(LOCAL)
    return {
        (rules.snake(function), action, resource)
        for function in deployed.functions()
        for action, resource in rules.allowed_to(deployed, function)
        if not action.startswith(OF_LAMBDA) and not resource.endswith("Failures.Arn")
    }


def test_nothing_is_done_that_is_not_allowed(used: set[Right], granted: set[Right]) -> None:
    assert sorted(used - granted) == []


def test_nothing_is_allowed_that_is_not_done(used: set[Right], granted: set[Right]) -> None:
    domain = f"{SES}:identity/example.com"  # the other way to be verified
    idle = {right for right in granted - used if right[2] != domain}
    assert sorted(idle) == sorted(WITHOUT_SAMPLE)


def test_a_right_that_is_taken_away_is_missed(used: set[Right], granted: set[Right]) -> None:
    taken = ("storefront_http", "dynamodb:UpdateItem", "Data/Stock.Arn")
    assert taken in used - (granted - {taken})


def test_numbers_are_texted_only_where_it_is_switched_on(granted: set[Right]) -> None:
    assert {function for function, action, _ in granted if action.startswith("sns:")} == {"notifications_inbox"}
    prod = world(PROD)
    assert {action for function in prod.functions() for action, _ in rules.allowed_to(prod, function) if action.startswith("sns:")} == set()
