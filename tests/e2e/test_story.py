"""The story of the product, asserted on what the steps of `infra/local/story.py` saw: each step is a fixture that needs the last."""

from __future__ import annotations

import itertools

import pytest

from infra.local import story
from infra.local.story import Delivery, LastUnit, LatePayments, Race, Restock, Shelf, Webhooks, World

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shelf(world: World) -> Shelf:
    return story.fill_the_shelf(world)


@pytest.fixture(scope="module")
def one_key(world: World, shelf: Shelf) -> Delivery:
    return story.a_one_key(world, shelf)


@pytest.fixture(scope="module")
def part(world: World, shelf: Shelf, one_key: Delivery) -> Delivery:
    return story.b_part_now(world, shelf)


@pytest.fixture(scope="module")
def none(world: World, shelf: Shelf, part: Delivery) -> Delivery:
    return story.c_nothing_left(world, shelf)


@pytest.fixture(scope="module")
def restock(world: World, shelf: Shelf, part: Delivery, none: Delivery) -> Restock:
    return story.d_restock(world, shelf, part, none)


@pytest.fixture(scope="module")
def last_unit(world: World, shelf: Shelf) -> LastUnit:
    return story.e_last_unit(world, shelf)


@pytest.fixture(scope="module")
def late(world: World, shelf: Shelf, last_unit: LastUnit) -> LatePayments:
    return story.f_pay_late(world, shelf, last_unit)


@pytest.fixture(scope="module")
def webhooks(world: World) -> Webhooks:
    return story.g_same_webhook_three_times(world)


@pytest.fixture(scope="module")
def race(world: World) -> Race:
    return story.h_race(world)


class TestOneKey:
    def test_the_order_waits_for_its_money_and_holds_its_unit(self, one_key: Delivery) -> None:
        placed = one_key.order
        assert placed["status"] == "pending_payment"
        assert placed["hold"]["seconds_left"] > 0
        assert placed["payment"]["provider"] == "sandbox"
        assert placed["payment"]["client"]["pay_url"].endswith(f"/pay/{placed['payment']['id']}")
        assert placed["totals"]["total"] == {"amount": 1999, "currency": "EUR"}

    def test_paid_it_is_complete(self, one_key: Delivery) -> None:
        line = one_key.seen["lines"][0]
        assert (one_key.seen["status"], line["fulfilled"], line["owed"]) == ("completed", 1, 0)
        assert one_key.seen["hold"] is None
        assert one_key.seen["payment"]["status"] == "succeeded"

    def test_the_mail_brings_the_key(self, world: World, one_key: Delivery) -> None:
        (mail,) = world.inbox.to(world.buyer("ada"))
        (key,) = one_key.keys
        assert one_key.order["number"] in mail["Subject"]
        assert key in mail["BodyText"]
        assert key in mail["BodyHtml"]

    def test_three_become_two(self, one_key: Delivery) -> None:
        counted = [(level["on_hand"], level["available"], level["locked"]) for level in (one_key.before, one_key.after)]
        assert counted == [(3, 3, 0), (2, 2, 0)]


class TestPartNow:
    def test_two_now_and_three_owed(self, part: Delivery) -> None:
        line = part.seen["lines"][0]
        assert (line["quantity"], line["fulfilled"], line["owed"]) == (5, 2, 3)
        assert len(set(part.keys)) == 2

    def test_the_mail_says_what_is_here_and_what_is_coming(self, part: Delivery) -> None:
        mail = part.mails[0]
        assert all(key in mail["BodyText"] and key in mail["BodyHtml"] for key in part.keys)
        assert "3" in mail["BodyText"]
        assert part.order["number"] in mail["Subject"]

    def test_all_five_are_paid(self, part: Delivery) -> None:
        assert part.order["totals"]["total"]["amount"] == 5 * 1999

    def test_the_shelf_is_empty_and_three_wait(self, part: Delivery) -> None:
        assert (part.after["on_hand"], part.after["available"], part.after["locked"], part.after["waiting"]) == (0, 0, 0, 3)


class TestNothingLeft:
    def test_it_is_paid_and_owed(self, none: Delivery) -> None:
        line = none.seen["lines"][0]
        assert (none.seen["status"], line["fulfilled"], line["owed"], none.keys) == ("awaiting_stock", 0, 1, [])

    def test_the_mail_says_so_and_brings_no_key(self, none: Delivery, part: Delivery) -> None:
        (mail,) = none.mails
        assert none.order["number"] in mail["Subject"]
        assert not any(key in mail["BodyText"] for key in part.keys)

    def test_four_wait(self, none: Delivery) -> None:
        assert none.after["waiting"] == 4


class TestRestock:
    def test_who_paid_first_is_served_first(self, restock: Restock, world: World) -> None:
        assert restock.first_done_at <= restock.second_done_at
        sent = [mail["To"][0] for mail in world.inbox.all() if mail["To"][0] in (world.buyer("ben"), world.buyer("cleo"))]
        assert sent.index(world.buyer("ben")) < sent.index(world.buyer("cleo"))

    def test_both_get_the_rest(self, restock: Restock) -> None:
        assert [order["status"] for order in (restock.first, restock.second)] == ["completed", "completed"]
        assert [order["lines"][0]["owed"] for order in (restock.first, restock.second)] == [0, 0]
        assert (len(restock.first_keys), len(restock.second_keys)) == (5, 1)

    def test_no_key_is_given_twice(self, restock: Restock, one_key: Delivery) -> None:
        given = [*one_key.keys, *restock.first_keys, *restock.second_keys]
        assert len(given) == len(set(given)) == 7

    def test_each_mail_brings_only_the_additional_keys(self, restock: Restock, part: Delivery, world: World) -> None:
        added = [key for key in restock.first_keys if key not in part.keys]
        first, second = world.inbox.to(world.buyer("ben"))[-1], world.inbox.to(world.buyer("cleo"))[-1]
        assert [sum(key in mail["BodyText"] for key in restock.first_keys) for mail in (first, second)] == [3, 0]
        assert all(key in first["BodyText"] for key in added)
        assert restock.second_keys[0] in second["BodyText"]

    def test_nobody_gets_more_than_the_mails_he_should(self, restock: Restock, world: World) -> None:
        assert [len(world.inbox.to(world.buyer(name))) for name in ("ada", "ben", "cleo")] == [1, 2, 2]
        assert [len(world.inbox.receipts(world.buyer(name))) for name in ("ada", "ben", "cleo")] == [1, 1, 1]

    def test_nothing_is_left_and_nobody_waits(self, restock: Restock) -> None:
        assert (restock.level["on_hand"], restock.level["available"], restock.level["waiting"]) == (0, 0, 0)


class TestLastUnit:
    def test_while_it_is_held_nobody_else_gets_it(self, last_unit: LastUnit, shelf: Shelf) -> None:
        assert last_unit.before["available"] == 1
        assert last_unit.refused.code == "insufficient_stock"
        assert last_unit.refused.json["lines"] == [{"sku": shelf.box, "requested": 1, "available": 0}]

    def test_after_the_hold_the_next_buyer_gets_it_at_once(self, last_unit: LastUnit) -> None:
        assert last_unit.next_buyer.status == 201
        assert last_unit.next_buyer.json["hold"]["seconds_left"] > 0

    def test_one_unit_is_held_once(self, last_unit: LastUnit) -> None:
        assert (last_unit.after["on_hand"], last_unit.after["available"], last_unit.after["locked"]) == (1, 0, 1)


class TestLatePayment:
    def test_the_unit_is_gone_so_all_money_goes_back(self, late: LatePayments, world: World) -> None:
        assert late.refunded["status"] == "refunded"
        assert late.refunded_payment["status"] == "refunded"
        assert late.refunded["payment"]["status"] == "refunded"
        (mail,) = world.wait_for_mails(world.buyer("emil"), 1)
        assert late.refunded["number"] in mail["Subject"]

    def test_the_unit_is_free_so_it_is_taken_again(self, late: LatePayments) -> None:
        assert late.taken_again["status"] == "processing"
        assert (late.lamp["on_hand"], late.lamp["available"], late.lamp["locked"]) == (0, 0, 0)

    def test_who_paid_in_time_keeps_the_unit(self, late: LatePayments) -> None:
        assert late.in_time["status"] == "processing"
        assert (late.box["on_hand"], late.box["available"], late.box["locked"]) == (0, 0, 0)


class TestWebhooks:
    def test_a_forged_one_is_refused_and_changes_nothing(self, webhooks: Webhooks) -> None:
        assert (webhooks.forged.status, webhooks.forged.code) == (401, "signature_invalid")
        assert webhooks.status_after_forgery == "pending_payment"

    def test_the_same_event_is_welcome_every_time(self, webhooks: Webhooks) -> None:
        assert [answer.status for answer in webhooks.answers] == [200, 200, 200]

    def test_it_pays_once(self, webhooks: Webhooks) -> None:
        assert webhooks.paid_events == 1
        assert len(webhooks.keys) == 1
        assert len(webhooks.mails) == 1
        assert (webhooks.level["on_hand"], webhooks.level["available"]) == (0, 0)  # two keys, two buyers


class TestRace:
    def test_fifty_units_make_fifty_orders(self, race: Race) -> None:
        assert (len(race.buyers), race.orders) == (200, 50)

    def test_everybody_else_is_told_what_is_left(self, race: Race) -> None:
        assert race.sold_out == 150
        assert sorted(race.statuses) == [201, 409]

    def test_the_books_balance(self, race: Race) -> None:
        assert (race.level["on_hand"], race.level["available"], race.level["locked"]) == (50, 0, 50)

    def test_it_was_a_race(self, race: Race) -> None:
        marks = sorted([(buyer.began, 1) for buyer in race.buyers] + [(buyer.ended, -1) for buyer in race.buyers])
        at_once = max(itertools.accumulate(step for _, step in marks))
        assert at_once >= 16
