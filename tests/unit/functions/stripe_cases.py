"""What must come of the samples of a real provider. Those of its webhooks are what its stand-in tells, byte for byte."""

import json
from datetime import timedelta
from typing import Any

from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.accounts import account_of
from holdfast.payments.providers.stripe import StripeCredentials
from holdfast.platform.breaker import CIRCUITS, FAILURES, OPEN_SECONDS
from holdfast.platform.dynamo import Table
from holdfast.platform.sealing import KmsSealer
from tests.unit.functions.providers import NETWORK, STRIPE
from tests.unit.functions.world import CLOCK, GIVEN, SHOP, World, body, load, ok, sample

Answer = dict[str, Any]

ORDER = "ord_01KAJVKP00C1G0HP0V7PKA0YPY"
PLACE = "storefront_http/place_order_with_stripe"
COMPLETED = "payments_webhook/stripe_completed"


def an_account(world: World) -> None:
    accounts = DynamoAccounts(Table(load("admin_http").client, "tenants"))
    sealer = KmsSealer(GIVEN["SEALING_KEY_ARN"])
    assert accounts.save(account_of(SHOP, "stripe", StripeCredentials.model_validate(STRIPE), sealer=sealer, now=CLOCK.now))


def an_order(world: World) -> None:
    an_account(world)
    ok(world.play(PLACE))


def is_paid(world: World) -> None:
    """At the provider; the shop does not know yet. The webhook is the sample."""
    an_order(world)
    (told,) = [webhook for webhook in NETWORK.stripe.act(payment(world), "pay") if b'"checkout.session.completed"' in webhook.body]
    event = sample(COMPLETED)
    assert (event["body"], event["headers"]["Stripe-Signature"]) == (told.body.decode(), told.headers["Stripe-Signature"])


def is_told(world: World) -> None:
    is_paid(world)
    ok(world.play(COMPLETED))


def is_settled_and_cancelled(world: World) -> None:
    is_told(world)
    world.play("payments_inbox/stripe_completed")
    ok(world.play("orders_http/cancel_paid_order"))


def payment(world: World) -> str:
    return str(order(world)["payment"]["id"])


def order(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    return found


def circuit(world: World) -> str | None:
    return next((item["state"] for item in world.items("operations") if item["pk"] == CIRCUITS), None)


def it_is_down(world: World) -> None:
    """And is known to be: so many have asked in vain."""
    an_account(world)
    NETWORK.down |= NETWORK.stripe.hosts
    for _ in range(FAILURES - 1):
        assert world.play(PLACE)["statusCode"] == 503
    assert circuit(world) is None


def it_was_down(world: World) -> None:
    it_is_down(world)
    assert world.play(PLACE)["statusCode"] == 503
    assert circuit(world) == "OPEN"
    NETWORK.down.clear()


def a_page_to_pay_on(world: World, answer: Answer) -> None:
    made = body(answer)["payment"]
    (session,) = NETWORK.stripe.book.things.values()
    assert (made["provider"], made["id"], made["client"]) == ("stripe", session["id"], {"url": session["url"]})
    assert (session["amount_total"], session["currency"], session["metadata"]["order"]) == (3998, "eur", body(answer)["id"])
    assert session["success_url"] == f"https://shop.example/orders/{body(answer)['id']}"


def nothing_is_held(world: World, answer: Answer) -> None:
    """Said in time and with a code, and its stock is free again."""
    assert (body(answer)["partner"], answer["headers"]["Retry-After"]) == ("stripe", "5")
    assert [item for item in world.items("orders") if item["sk"] == "ORDER"] == []
    level = next(item for item in world.items("stock") if item["pk"] == f"{SHOP}#licence#0" and item["sk"] == "LEVEL")
    assert (level["on_hand"], level["avail"], NETWORK.asked, circuit(world)) == (3, 3, [], "OPEN")


def is_well_again(world: World, answer: Answer) -> None:
    assert circuit(world) == "CLOSED"
    a_page_to_pay_on(world, answer)


def stored_and_passed_on(world: World, answer: Answer) -> None:
    (event,) = [item for item in world.items("payments") if item["sk"] == "EVENT"]
    assert (event["raw"], event["type"]) == (sample(COMPLETED)["body"], "checkout.session.completed")
    assert world.messages("payments") == [json.loads(sample("payments_inbox/stripe_completed")["Records"][0]["body"])]


def paid_once(world: World, answer: Answer) -> None:
    assert answer.get("batchItemFailures", []) == []
    found = order(world)
    assert (found["status"], found["payment"]["status"]) == ("paid", "succeeded")


def refunded_at_the_provider(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    (refund,) = [thing for thing in NETWORK.stripe.book.things.values() if thing["object"] == "refund"]
    assert (refund["amount"], order(world)["payment"]["status"]) == (3998, "refunded")


CASES: dict[str, dict[str, Any]] = {
    PLACE: {"status": 201, "members": {"status": "pending_payment"}, "given": an_account, "effect": a_page_to_pay_on},
    "storefront_http/place_order_while_stripe_is_down": {
        "status": 503,
        "members": {"code": "partner_unavailable"},
        "given": it_is_down,
        "effect": nothing_is_held,
    },
    "storefront_http/place_order_after_stripe_was_down": {
        "status": 201,
        "given": it_was_down,
        "later": timedelta(seconds=OPEN_SECONDS),
        "effect": is_well_again,
    },
    "orders_http/confirm_payment_at_stripe": {"status": 200, "members": {"status": "paid"}, "given": is_paid, "effect": paid_once},
    COMPLETED: {"status": 200, "members": {"state": "received"}, "given": is_paid, "effect": stored_and_passed_on},
    "payments_webhook/stripe_signed_by_somebody": {"status": 401, "members": {"code": "signature_invalid"}, "given": is_paid},
    "payments_inbox/stripe_completed": {"given": is_told, "effect": paid_once},
    "payments_inbox/stripe_refund_due": {"given": is_settled_and_cancelled, "effect": refunded_at_the_provider},
}
