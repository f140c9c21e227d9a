"""Payment accounts through the real functions: no secret comes out anywhere, secrets are replaced without a gap, and live means live."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.kernel.time import epoch
from holdfast.payments.providers.stripe import signature
from holdfast.platform import aws
from holdfast.platform.log import logger
from infra.local.paths import ROOT
from infra.providers.paypro import FakePayPro
from tests.unit.functions import contract, stripe_cases
from tests.unit.functions.api_gateway import request
from tests.unit.functions.providers import NETWORK, STRIPE
from tests.unit.functions.world import CLOCK, KEYS, PUBLISHED, QUEUES, World, body, load, templates

PROVIDERS = "/shops/{shop}/admin/payments/providers"
PROVIDER = PROVIDERS + "/{provider}"
WEBHOOK = "/shops/{shop}/webhooks/payments/{provider}"
MARK = "MARKED"
HERE = ("storefront_http", "payments_webhook", "payments_admin_http", "admin_http")
"""Functions that are at work here, and remember."""
PAGES = {"return_url": "https://shop.example/{order}", "cancel_url": "https://shop.example/"}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "stripe": {"secret_key": f"sk_test_{MARK}_0123456789abcdef", "webhook_secret": f"whsec_{MARK}_0123456789abcdef", **PAGES},
    "razorpay": {"key_id": "rzp_test_Holdfast", "key_secret": f"{MARK}-key-0123456789", "webhook_secret": f"{MARK}hook"},
    "paypal": {
        "mode": "sandbox",
        "client_id": "AnAppOfPayPal",
        "client_secret": f"{MARK}-secret-0123456789",
        "webhook_id": "4JH86294D6297924G",
        **PAGES,
    },
    "paypro": {
        "shop_id": "361",
        "secret_key": f"{MARK}-key-0123456789",
        "public_key": FakePayPro(CLOCK).public_key,
        "test": True,
        "notification_url": "https://api.example/v1/shops/demo/webhooks/payments/paypro",
        **PAGES,
    },
}
"""One account at each provider, whose secrets are marked."""
SECRET = {"stripe": "secret_key", "razorpay": "key_secret", "paypal": "client_secret", "paypro": "secret_key"}


class Desk:
    """The shop's administrator; `told` is all that was ever answered."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[str] = []

    def ask(self, method: str, resource: str, sent: Any = None, *, key: str = "admin", **path: str) -> dict[str, Any]:
        headers = {"X-Api-Key": KEYS[key], **({"If-Match": path.pop("over")} if "over" in path else {})}
        event = request(method, resource, {"shop": "demo", **path}, body=sent, headers=headers)
        answer = contract.check(event, self.world.call("payments_admin_http", event))
        self.told.append(json.dumps(answer))
        return answer

    def connect(self, provider: str, sent: Any, **options: str) -> dict[str, Any]:
        return self.ask("PUT", PROVIDER, sent, provider=provider, **options)

    def webhook(self, secret: str, number: int, **facts: Any) -> int:
        """An event of Stripe that is about nothing of ours, signed with the secret."""
        told = {"id": f"evt_{number}", "object": "event", "type": "charge.updated", "livemode": False, "data": {"object": {}}, **facts}
        raw = json.dumps(told).encode()
        stamp = str(epoch(CLOCK.now))
        headers = {"Stripe-Signature": f"t={stamp},v1={signature.digest(secret, stamp, raw)}"}
        event = request("POST", WEBHOOK, {"shop": "demo", "provider": "stripe"}, body=raw, headers=headers)
        answer = contract.check(event, self.world.call("payments_webhook", event))
        self.told.append(json.dumps(answer))
        return int(answer["statusCode"])


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that any function logs, as it is written, and what libraries say when they are asked to say much."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logger.registered_formatter)
    watched = [logger, logging.getLogger("urllib3"), logging.getLogger("chalice")]
    levels = [each.level for each in watched]
    for each in watched:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    yield written
    for each, level in zip(watched, levels, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


# No secret comes out.


def everything_that_can_be_done(desk: Desk, provider: str) -> None:
    good, world = ACCOUNTS[provider], desk.world
    assert desk.connect(provider, good)["statusCode"] == 200
    assert desk.connect(provider, good, over='"1"')["statusCode"] == 200
    assert desk.connect(provider, {**good, SECRET[provider]: good[SECRET[provider]] + MARK, "overlap_hours": 1})["statusCode"] == 200
    assert desk.connect(provider, good, over='"1"')["statusCode"] == 412
    desk.ask("GET", PROVIDERS)
    desk.ask("GET", PROVIDER, provider=provider)
    for _ in range(2):
        NETWORK.down = set() if NETWORK.down else {"api.stripe.com"}
        desk.ask("POST", f"{PROVIDER}/check", provider=provider)
    desk.ask("POST", f"{PROVIDER}/disable", provider=provider)
    desk.ask("POST", f"{PROVIDER}/enable", provider=provider)
    command = {"command": "connect_provider", "shop": "demo", "provider": provider}
    for account in (good, {**good, "another": MARK}, {**good, SECRET[provider]: f"{MARK} "}, {}):
        desk.told.append(json.dumps(world.call("operations_command", {**command, "account": account})))
    place = {"payment": {"provider": provider}}
    world.http("storefront_http", "POST", "/shops/{shop}/checkout-sessions", shop="demo", body=place)
    desk.told.append(json.dumps(world.play("storefront_http/place_order_with_stripe")))
    desk.webhook(f"{MARK}-wrong", 1)


def everything_that_can_be_wrong(desk: Desk, provider: str) -> None:
    good = ACCOUNTS[provider]
    wrong = [{**good, name: [MARK, {MARK: MARK}]} for name in good]
    wrong += [{**good, name: f"{MARK} \u00e9\x00" + "x" * 2000} for name in good]
    wrong += [{**good, f"sk_{MARK}_1": MARK}, {MARK: good}, [MARK], json.dumps(MARK), {**good, "overlap_hours": MARK}]
    for sent in wrong:
        assert desk.connect(provider, sent)["statusCode"] == 422
    assert desk.connect(provider, f'{{"secret_key": "{MARK}')["statusCode"] == 400
    assert desk.connect("purse", good)["statusCode"] == 404
    assert desk.connect(provider, good, key="operator")["statusCode"] == 403
    assert desk.connect(provider, {**good, "x": MARK * 60_000})["statusCode"] == 413


def the_key_service_fails(desk: Desk, provider: str) -> None:
    """Its client's error is logged as it is."""
    aws.client("kms").delete_alias(AliasName="alias/sealing")
    changed = {**ACCOUNTS[provider], SECRET[provider]: ACCOUNTS[provider][SECRET[provider]] + "2", "overlap_hours": 0}
    assert desk.connect(provider, changed)["statusCode"] == 503


@pytest.mark.parametrize("provider", ACCOUNTS)
def test_no_secret_is_told_logged_or_stored(desk: Desk, log: io.StringIO, capsys: pytest.CaptureFixture[str], provider: str) -> None:
    NETWORK.fakes |= dict.fromkeys({"api.razorpay.com", "api-m.sandbox.paypal.com", "checkout.paypro.by"}, NETWORK.stripe)
    everything_that_can_be_done(desk, provider)
    everything_that_can_be_wrong(desk, provider)
    the_key_service_fails(desk, provider)
    assert desk.ask("DELETE", PROVIDER, provider=provider)["statusCode"] == 204
    written = log.getvalue()
    assert ("payment provider connected" in written, "The key service did not answer" in written) == (True, True)
    tables = [json.dumps(desk.world.items(name.lower()), default=str) for name in templates()["Resources"]]
    queues = [json.dumps(desk.world.messages(name)) for name in QUEUES]
    everywhere = {"answers": desk.told, "log": [written], "output": list(capsys.readouterr()), "tables": tables, "queues": queues}
    found = [(where, text[max(0, text.index(MARK) - 200) :][:400]) for where, texts in everywhere.items() for text in texts if MARK in text]
    assert found == []
    assert MARK not in json.dumps(PUBLISHED)


def test_the_marks_are_seen_where_there_are_some(desk: Desk, log: io.StringIO) -> None:
    """So that the test above proves something."""
    logger.info("careless", extra={"body": ACCOUNTS["stripe"]})
    assert MARK in log.getvalue()
    assert desk.connect("stripe", {**ACCOUNTS["stripe"], "return_url": f"https://shop.example/{MARK}"})["statusCode"] == 200
    assert MARK in desk.told[-1]
    assert MARK in json.dumps(desk.world.items("tenants"))


def test_api_gateway_writes_down_no_body() -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert "AccessLogSetting" in template
    assert [word for word in ("DataTraceEnabled", "LoggingLevel", "requestOverride", "$input") if word in template] == []


# Secrets are replaced without a gap.


def account(number: int, **changes: Any) -> dict[str, Any]:
    return {**STRIPE, "webhook_secret": f"whsec_number_{number}_0123456789", **changes}


def secret(number: int) -> str:
    return str(account(number)["webhook_secret"])


def forget() -> None:
    """Ten seconds later."""
    for name in HERE:
        if hasattr(load(name), "providers"):
            load(name).providers.seen.clear()


def test_what_was_signed_before_a_change_is_taken_for_a_while(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    assert desk.webhook(secret(1), 1) == 200
    told = body(desk.connect("stripe", account(2, overlap_hours=2)))
    assert told["former_secrets_until"] == "2026-11-21T14:00:00.000Z"
    forget()
    assert [desk.webhook(secret(number), 10 + number) for number in (1, 2)] == [200, 200]
    desk.world.later(minutes=119, seconds=59)
    assert [desk.webhook(secret(number), 20 + number) for number in (1, 2)] == [200, 200]
    desk.world.later(seconds=1)
    assert [desk.webhook(secret(number), 30 + number) for number in (1, 2)] == [401, 200]
    assert len([item for item in desk.world.items("payments") if item["sk"] == "EVENT"]) == 6


def test_what_leaked_is_refused_after_seconds(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    desk.connect("stripe", account(2))
    desk.connect("stripe", account(3, overlap_hours=0))
    forget()
    assert [desk.webhook(secret(number), number) for number in (1, 2, 3)] == [401, 401, 200]


def test_an_account_that_is_switched_off_hears_of_what_is_under_way(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    desk.ask("POST", f"{PROVIDER}/disable", provider="stripe")
    forget()
    assert desk.webhook(secret(1), 1) == 200
    refused = desk.world.play("storefront_http/place_order_with_stripe")
    assert (refused["statusCode"], body(refused)["code"]) == (422, "provider_not_offered")
    desk.ask("DELETE", PROVIDER, provider="stripe")
    forget()
    assert desk.webhook(secret(1), 2) == 404


def test_what_does_not_fit_any_more_is_told_as_such(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    (kept,) = [item for item in desk.world.items("tenants") if item["sk"] == "PROVIDER#stripe"]
    desk.world.put("tenants", {**kept, "shown": {"return_url": 7}})
    forget()
    assert desk.webhook(secret(1), 1) == 503
    answer = desk.ask("POST", f"{PROVIDER}/check", provider="stripe")
    assert (answer["statusCode"], body(answer)["code"], body(answer)["provider"]) == (503, "provider_account_unreadable", "stripe")
    assert body(desk.ask("GET", PROVIDER, provider="stripe"))["version"] == 1
    desk.connect("stripe", account(1))
    forget()
    assert desk.webhook(secret(1), 2) == 200


# Live means live.


LIVE = {"secret_key": "sk_live_not_a_real_key"}


def go_live(desk: Desk) -> None:
    headers = {"X-Api-Key": KEYS["admin"]}
    sent = {"name": "Demo shop", "live": True}
    answer = desk.world.http("admin_http", "PUT", "/shops/{shop}/admin/settings", shop="demo", body=sent, headers=headers)
    assert (answer["statusCode"], body(answer)["live"]) == (200, True)
    for name in HERE:  # a minute later
        if hasattr(load(name), "directory"):
            load(name).directory._shops.clear()


def status(desk: Desk) -> Any:
    return body(desk.ask("GET", PROVIDER, provider="stripe"))["status"]


def test_a_live_shop_knows_no_test_account_and_no_play_money(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    go_live(desk)
    assert status(desk) == "refused_in_live_shop"
    assert desk.webhook(secret(1), 1) == 404
    for sample in ("storefront_http/place_order_with_stripe", "storefront_http/place_order"):
        answer = desk.world.play(sample)
        assert (answer["statusCode"], body(answer)["code"]) == (422, "provider_not_offered")
    assert desk.world.play("payments_webhook/succeeded")["statusCode"] == 404
    assert desk.world.items("locks") == []


def test_a_live_shop_takes_live_accounts_and_of_those_live_events(desk: Desk) -> None:
    desk.connect("stripe", account(1, **LIVE))
    go_live(desk)
    assert status(desk) == "ready"
    assert desk.webhook(secret(1), 1) == 200
    assert desk.webhook(secret(1), 2, livemode=True) == 200
    events = {item["id"]: (item["state"], item["reason"]) for item in desk.world.items("payments") if item["sk"] == "EVENT"}
    assert events["evt_1"] == ("ignored", "test money in a live account, or the other way round")
    assert events["evt_2"][0] == "ignored"
    assert events["evt_2"][1] != events["evt_1"][1]


def test_what_a_test_account_signed_says_nothing_of_real_money(desk: Desk) -> None:
    desk.connect("stripe", account(1))
    desk.connect("stripe", account(2, **LIVE))
    forget()
    assert desk.webhook(secret(1), 1, livemode=True) == 401


def test_test_payments_that_wait_when_the_shop_goes_live_are_given_up(world: World, desk: Desk) -> None:
    """Their webhooks are refused; they may be cancelled, and else their holds run out."""
    stripe_cases.is_paid(world)
    go_live(desk)
    assert world.play("payments_webhook/stripe_completed")["statusCode"] == 404
    assert stripe_cases.order(world)["status"] == "pending_payment"
    assert [item for item in world.items("payments") if item["sk"] == "EVENT"] == []


def test_any_account_may_be_checked_before_the_shop_goes_live_and_after(desk: Desk) -> None:
    desk.connect("stripe", STRIPE)
    for act in (lambda: None, lambda: go_live(desk)):
        act()
        answer = desk.ask("POST", f"{PROVIDER}/check", provider="stripe")
        assert (answer["statusCode"], body(answer)) == (
            200,
            {"provider": "stripe", "live": False, "checked_at": "2026-11-21T12:00:00.000Z"},
        )


@pytest.mark.parametrize("name", ["storefront_http", "payments_webhook", "payments_inbox", "orders_http", "payments_admin_http"])
def test_production_knows_no_play_money_and_sends_nothing_elsewhere(name: str) -> None:
    settings = load(name).settings
    for wrong in ({"sandbox_enabled": True}, {"provider_reroute": "http://127.0.0.1:8080"}):
        with pytest.raises(ValueError, match="in prod"):
            type(settings).model_validate({**settings.model_dump(), "sandbox_enabled": False, **wrong, "environment": "prod"})
    assert type(settings).model_validate({**settings.model_dump(), "sandbox_enabled": False, "environment": "prod"})
