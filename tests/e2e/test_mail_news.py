"""What SES tells of a mail arrives at its notification, by the road it takes on AWS: default bus, rule, function."""

from __future__ import annotations

import pytest

from infra.local.client import Api, Json, expect
from infra.local.story import World, eventually

pytestmark = pytest.mark.stack

OVER = {"delivered", "bounced", "complained", "suppressed"}


def mailed(api: Api, order: Json) -> dict[str, str]:
    """Status of each mail about an order, by what it tells of."""
    rows = expect(200, api.admin("GET", f"/notifications?order={order['id']}")).json["items"]
    return {row["kind"]: row["status"] for row in rows if row["channel"] == "email"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("{}@example.com", "delivered"),
        ("bounce+{}@simulator.amazonses.com", "bounced"),
        ("complaint+{}@simulator.amazonses.com", "complained"),
    ],
)
def test_what_became_of_a_mail_is_known(world: World, api: Api, address: str, status: str) -> None:
    sku, buyer = world.put_digital(f"NEWS-{status}", 1), address.format(f"{status}-{world.run}")
    order = world.wait_for_status(world.buy(sku, 1, buyer), "completed")
    told = eventually(lambda: mailed(api, order), lambda seen: len(seen) == 2 and set(seen.values()) <= OVER, f"news of mails to {buyer}")
    assert set(told) == {"payment_receipt", "completed"}
    # The second mail may have been held back, because news of the first came before it.
    assert status in told.values()


def test_an_address_that_bounced_is_not_written_to_again(world: World, api: Api) -> None:
    buyer = f"bounce+again-{world.run}@simulator.amazonses.com"
    first, second = world.put_digital("NEWS-FIRST", 1), world.put_digital("NEWS-SECOND", 1)
    order = world.wait_for_status(world.buy(first, 1, buyer), "completed")
    eventually(lambda: mailed(api, order), lambda seen: "bounced" in seen.values(), f"the bounce of {buyer}")
    order = world.wait_for_status(world.buy(second, 1, buyer), "completed")
    wanted = {"payment_receipt": "suppressed", "completed": "suppressed"}
    eventually(lambda: mailed(api, order), lambda seen: seen == wanted, f"no mail to {buyer}")
    assert not [mail for mail in world.inbox.to(buyer) if order["number"] in mail["Subject"]]
