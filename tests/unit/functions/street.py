"""The four real providers as stand-ins, each with an account of the demo shop and a webhook that it signed."""

from collections.abc import Mapping
from typing import Any

from holdfast.kernel.ids import derived_id
from holdfast.kernel.money import Money
from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.accounts import account_of
from holdfast.payments.model import Wish
from holdfast.platform.dynamo import Table
from holdfast.platform.sealing import KmsSealer
from holdfast.wiring import providers as wiring
from infra.providers.house import House
from infra.providers.wire import Webhook
from tests.unit.functions import contract
from tests.unit.functions.api_gateway import request
from tests.unit.functions.providers import NETWORK
from tests.unit.functions.world import CLOCK, GIVEN, NOW, SHOP, World, load

RESOURCE = "/shops/{shop}/webhooks/payments/{provider}"
PROVIDERS = ("stripe", "razorpay", "paypal", "paypro")
PAGES = {
    "return_url": "https://shop.example/orders/{order}",
    "cancel_url": "https://shop.example/orders/{order}",
    "notification_url": "https://api.example/v1/shops/demo/webhooks/payments/paypro",
}


class Street:
    """The four providers, each with an account of the shop, and a webhook that it signed."""

    def __init__(self, world: World) -> None:
        self.world, self.house = world, House(CLOCK)
        for tenant in self.house.tenants.values():
            NETWORK.fakes |= dict.fromkeys(tenant.fake.hosts, tenant.fake)
        for name, credentials in self.house.accounts(PAGES).items():
            connect(name, credentials)
        self.told = {name: self.paid(name, f"{name}-1") for name in PROVIDERS}

    def paid(self, name: str, order: str, shop: str = SHOP) -> Webhook:
        """What it tells of a payment that came, for an order that nobody knows."""
        wish = Wish(shop, derived_id("ord", NOW, order), "AAAAA-AAAAA", Money(amount=1999, currency="EUR"), NOW)
        provider = load("payments_webhook").providers(SHOP, name)
        payment = provider.create(wish, NOW).id
        return self.house.tenants[name].fake.act(payment, "pay")[-1]

    def post(self, name: str, raw: bytes, headers: Mapping[str, str], *, encoded: bool = False, shop: str = SHOP) -> dict[str, Any]:
        sent: Any = raw if encoded else raw.decode("utf-8", "surrogateescape")
        event = request("POST", RESOURCE, {"shop": shop, "provider": name}, body=sent, headers=headers)
        return contract.check(event, self.world.call("payments_webhook", event))

    def events(self) -> list[dict[str, Any]]:
        return [item for item in self.world.items("payments") if item["sk"] == "EVENT"]


def connect(name: str, credentials: Mapping[str, Any]) -> None:
    kind = wiring.kind_of(name).credentials
    made = account_of(SHOP, name, kind.model_validate(credentials), sealer=KmsSealer(GIVEN["SEALING_KEY_ARN"]), now=CLOCK.now)
    accounts = DynamoAccounts(Table(load("admin_http").client, "tenants"))
    standing = accounts.account(SHOP, name)
    assert accounts.save(made if standing is None else made.model_copy(update={"version": standing.version + 1}))
