"""All stand-ins under one roof, each with its own mood: what comes in by host, and what a test or a shopper does to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.providers.faults import Faults, Mood
from infra.providers.paypal import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID, FakePayPal
from infra.providers.paypro import SECRET_KEY, SHOP_ID, FakePayPro
from infra.providers.postman import ROUNDS, Rounds
from infra.providers.razorpay import FakeRazorpay
from infra.providers.stripe import FakeStripe
from infra.providers.wire import Answer, Call, Clock, Fake, Webhook

STRIPE = {"secret_key": "sk_test_StandInOfStripe01", "webhook_secret": "whsec_StandInOfStripe01"}
RAZORPAY = {"key_id": "rzp_test_StandIn01", "key_secret": "StandInOfRazorpay01", "webhook_secret": "StandInOfRazorpay02"}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Tenant:
    """`account`: what a shop needs to be its customer, but for the addresses of its own that it `wants` as well."""

    fake: Fake
    account: Mapping[str, Any]
    wants: tuple[str, ...] = ("return_url", "cancel_url")
    faults: Faults = field(default_factory=Faults)
    rounds: Rounds = field(default_factory=Rounds)
    calls: int = 0
    """That came; `seen` are those that it has worked at."""
    seen: int = 0

    @property
    def state(self) -> dict[str, Any]:
        return {**self.faults.mood.__dict__, **self.rounds.__dict__, "asked": self.calls, "seen": self.seen}


class House:
    def __init__(self, clock: Clock = now) -> None:
        stripe, razorpay = FakeStripe(**STRIPE, clock=clock), FakeRazorpay(**RAZORPAY, clock=clock)
        paypal, paypro = FakePayPal(clock), FakePayPro(clock)
        app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "webhook_id": WEBHOOK_ID, "mode": "sandbox"}
        shop = {"shop_id": SHOP_ID, "secret_key": SECRET_KEY, "public_key": paypro.public_key, "test": True}
        self.tenants = {
            "stripe": Tenant(stripe, STRIPE),
            "razorpay": Tenant(razorpay, RAZORPAY, wants=()),
            "paypal": Tenant(paypal, app),
            "paypro": Tenant(paypro, shop, wants=("return_url", "cancel_url", "notification_url")),
        }

    def accounts(self, addresses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """By provider, as a shop with these addresses would enter them."""
        return {name: {**tenant.account, **{want: addresses[want] for want in tenant.wants}} for name, tenant in self.tenants.items()}

    def at(self, host: str) -> tuple[str, Tenant] | None:
        """Who lives there."""
        return next((found for found in self.tenants.items() if host in found[1].fake.hosts), None)

    def mood(self, tenant: Tenant, call: Call) -> Mood:
        """How it takes this call."""
        tenant.calls += 1
        return tenant.faults.next(call.path)

    def answer(self, tenant: Tenant, call: Call, mood: Mood) -> tuple[Answer, list[Webhook]]:
        """What comes back, and the webhooks to be sent because of it."""
        if mood.answer is not None:
            return mood.answer, []
        tenant.seen += 1
        answer = tenant.fake.answer(call)
        return answer, tenant.rounds.sent(tenant.fake.news())

    def act(self, provider: str, payment: str, action: str) -> tuple[list[Webhook], list[Webhook]]:
        """All the news, and the webhooks to be sent. KeyError, ValueError: `wire.Fake.act`; KeyError also for an unknown provider."""
        tenant = self.tenants[provider]
        told = tenant.fake.act(payment, action)
        return told, tenant.rounds.sent(told)

    def control(self, provider: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A new mood, and how webhooks are sent from now on; without any, all is well again. KeyError, ValueError."""
        tenant = self.tenants[provider]
        rounds = {name: asked[name] for name in ROUNDS if name in asked}
        wanted = Rounds().changed(rounds)
        tenant.faults.set({name: value for name, value in asked.items() if name not in ROUNDS})
        tenant.rounds = wanted
        return tenant.state
