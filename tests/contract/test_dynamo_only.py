"""What only stores with a wire can show: items of newer code, writes that are delivered twice, more keys than one call takes."""

from dataclasses import replace
from datetime import timedelta
from itertools import count, islice
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ReadTimeoutError

from holdfast.fulfilment.model import Queue
from holdfast.kernel.errors import HoldfastError, NotFound, VersionConflict
from holdfast.notifications import keys as notification_keys
from holdfast.notifications import rules as notification_rules
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Notice, Recipient
from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import News
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.proxy import Action, SandboxBook
from holdfast.platform import metrics
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, DynamoCommit, Expression, Item, Table
from holdfast.platform.idempotency import DynamoReplays, IdempotencyKey, Replay
from holdfast.stock.model import LevelKey
from tests.memory import samples
from tests.memory.backends import ON, WIRED
from tests.memory.engine import Memory
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores, in_memory, on_dynamo


@pytest.fixture(params=WIRED)
def stores(request: pytest.FixtureRequest) -> Stores:
    found: Stores = request.getfixturevalue(ON[request.param])
    return found


@pytest.fixture(params=[one for one in WIRED if one != "moto"])
def remembering(request: pytest.FixtureRequest) -> Stores:
    """Those that know a transaction's token again; moto does not."""
    found: Stores = request.getfixturevalue(ON[request.param])
    return found


def tables_of(stores: Stores) -> list[Table]:
    """Every table, by way of one store that uses it."""
    owners: list[Any] = [
        stores.stock.levels,
        stores.stock.locks,
        stores.orders,
        stores.inbox,
        stores.fulfilment.vaults,
        stores.notifications,
        stores.tenants,
        stores.products,
        stores.runs,
        stores.webhooks,
    ]
    return [owner._table for owner in owners]


def test_a_shop_of_older_code_has_no_version_and_may_be_changed(stores: Stores, shop: str) -> None:
    made = samples.tenant(shop)
    item = {"pk": shop, "sk": "SHOP", "id": shop, "name": "Demo", "currency": "EUR", "created_at": "2026-01-02T03:04:05.678Z"}
    stores.tenants._table.put(item)  # type: ignore[attr-defined]
    assert stores.tenants.shop(shop) == made
    assert stores.tenants.save_shop(made.model_copy(update={"return_days": 3, "version": 2}))
    assert not stores.tenants.save_shop(made.model_copy(update={"return_days": 4, "version": 2}))


def test_a_session_of_older_code_is_one_without_tax_and_wishes(stores: Stores, shop: str) -> None:
    """Its thirty minutes may span a deployment."""
    made = samples.session(shop)
    money = {"amount": 1999, "currency": "EUR"}
    line = {"sku": "A", "title": "The A", "quantity": 1, "unit_price": money, "digital": True, "backorder": False}
    nothing = {"amount": 0, "currency": "EUR"}
    totals = {"subtotal": money, "shipping": nothing, "tax": nothing, "total": money}
    item = {"pk": f"{shop}#{made.id}", "sk": "SESSION", "id": made.id, "shop": shop, "lines": [line], "totals": totals, "version": 1}
    times = {"created_at": "2026-01-02T03:04:05.678Z", "expires_at": "2026-01-02T03:19:05.678Z"}
    stores.sessions._table.put({**item, **times})  # type: ignore[attr-defined]
    assert stores.sessions.get(shop, made.id) == made
    assert stores.sessions.save(made.model_copy(update={"version": 2, "phone": "+4912345678"}))


def test_attributes_of_newer_code_are_passed_over(stores: Stores, shop: str) -> None:
    """Everything that is kept is written, gets an attribute that this code does not know, and reads as it was."""
    stores.stock.levels.open(shop, "A")
    stores.stock.locks.claim(samples.lock(shop))
    order = samples.full_order(shop)
    stores.orders.add(order)
    writes = [
        stores.fulfilment.debts.add_write(samples.debt(shop)),
        stores.stock.ledger.movement_write(samples.movement(shop)),
        *stores.fulfilment.vaults.import_writes(stores.fulfilment.vaults.vault(shop, "A"), ["key"], "batch", NOW),
    ]
    stores.commit(writes, token=f"{shop}-1")
    stores.commit(samples.hand_out_writes(stores.fulfilment.vaults, samples.delivery(shop, 1, 1)), token=shop)
    stores.commit(stores.fulfilment.queues.open_writes(Queue(shop=shop, sku="A"), samples.batch(shop), LATER), token=f"{shop}-batch")
    stores.sessions.add(samples.full_session(shop))
    stores.inbox.add(samples.provider_event(shop))
    stores.notifications.add(samples.notification(shop))
    stores.tenants.add_shop(samples.full_tenant(shop))
    stores.tenants.add_api_key(samples.api_key(shop))
    stores.products.save(samples.full_product(shop), over=None)

    def seen() -> list[Any]:
        return [
            stores.stock.levels.level(LevelKey(shop=shop, sku="A")),
            stores.stock.levels.head(shop, "A"),
            stores.stock.ledger.movement(shop, "mov_1"),
            stores.stock.locks.get(shop, samples.lock(shop).id),
            stores.orders.get(shop, order.id),
            stores.sessions.get(shop, samples.session(shop).id),
            stores.inbox.get(shop, "sandbox", "evt_1"),
            stores.fulfilment.vaults.vault(shop, "A"),
            stores.fulfilment.vaults.keys(shop, "A", [1]),
            stores.fulfilment.vaults.deliveries(shop, "ord_1"),
            stores.notifications.of_subject(shop, "ord_1")[0],
            stores.fulfilment.debts.head(shop, "A", 1)[0],
            stores.fulfilment.queues.queue(shop, "A"),
            stores.fulfilment.queues.batch(shop, "A", 1),
            stores.tenants.shop(shop),
            stores.tenants.api_key(shop, "0" * 64),
            stores.products.get(shop, "A"),
        ]

    before = seen()
    assert None not in before
    changed = 0
    for table in tables_of(stores):
        for item in table.client.scan(TableName=table.name)["Items"]:
            if item["pk"]["S"].startswith(shop):
                table.client.put_item(TableName=table.name, Item={**item, "of_tomorrow": {"M": {"n": {"N": "1"}}}})
                changed += 1
    assert changed >= len(before)
    assert seen() == before


def test_a_notification_that_cannot_be_read_hides_no_other(
    stores: Stores, shop: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever there is a list of them. It is told which one, and not what is in it."""
    counted: list[str] = []
    monkeypatch.setattr(metrics, "count", counted.append)
    to = Recipient(channel=Channel.EMAIL, to="ada@example.com")
    late = NOW - timedelta(days=5000)
    told = (Notice(shop=shop, event=f"evt_{number}", kind=Kind.COMPLETED, at=late, subject="ord_1") for number in count())
    of_one_part = (row for notice in told if notification_keys.due_part_of((row := notification_rules.row(notice, to, late)).id) == 7)
    made = bad, *others = list(islice(of_one_part, 4))
    for row in made:
        stores.notifications.add(row)
    table: Table = stores.notifications._table  # type: ignore[attr-defined]
    item = table.get(notification_keys.row_key(shop, bad.id))
    assert item is not None
    table.put({**item, "recipient": {**item["recipient"], "channel": "pigeon", "to": "eve@example.com"}})
    found = stores.notifications.overdue(7, NOW, 1000, lambda since: since == late)
    assert {row.id for row in found if row.shop == shop} == {row.id for row in others}
    readable = {row.id for row in made} - {bad.id}
    assert {row.id for row in stores.notifications.of_subject(shop, "ord_1")} == readable
    assert {row.id for row in stores.notifications.page(shop, frozenset(), 100, None)[0]} == readable
    logged = [record for record in caplog.records if record.message == "a notification cannot be read"]
    assert {(record.row, tuple(record.members)) for record in logged} == {(f"{shop}#{bad.id}", ("recipient.channel",))}  # type: ignore[attr-defined]
    assert "eve@example.com" not in caplog.text
    assert counted == ["NotificationsUnreadable"] * 3


def test_what_was_due_in_one_of_four_parts_is_still_found(stores: Stores, shop: str) -> None:
    late = NOW - timedelta(days=5500)
    told = Notice(shop=shop, event="evt_1", kind=Kind.COMPLETED, at=late, subject="ord_1")
    row = stores.notifications.add(notification_rules.row(told, Recipient(channel=Channel.EMAIL, to="ada@example.com"), late))
    table: Table = stores.notifications._table  # type: ignore[attr-defined]
    item = table.get(notification_keys.row_key(shop, row.id))
    assert item is not None
    for part in range(4):
        table.put({**item, "xpk": f"DUE#{part}"})
        found = [
            one.id
            for bucket in range(notification_keys.DUE_BUCKETS)
            for one in stores.notifications.overdue(bucket, NOW, 1000, lambda since: since == late)
        ]
        assert found == [row.id]


def test_items_carry_no_attribute_without_a_value(stores: Stores, shop: str) -> None:
    stores.sessions.add(samples.session(shop))
    table: Table = tables_of(stores)[2]
    item = table.get({"pk": f"{shop}#{samples.session(shop).id}", "sk": "SESSION"})
    assert item is not None
    assert {"email", "address", "order"}.isdisjoint(item)
    assert isinstance(item["ttl"], int)


def test_a_batch_of_more_keys_than_one_call_takes(stores: Stores, shop: str) -> None:
    for number in (0, 150):
        stores.stock.levels.open(shop, f"SKU-{number}")
    found = stores.stock.levels.levels([LevelKey(shop=shop, sku=f"SKU-{number}") for number in range(201)])
    assert {key.sku for key in found} == {"SKU-0", "SKU-150"}


def test_a_refused_write_shows_what_stands_there(stores: Stores, shop: str) -> None:
    table: Table = tables_of(stores)[0]
    key = {"pk": shop, "sk": "TEST"}
    table.put({**key, "n": 1})
    with pytest.raises(ConditionFailed) as refused:
        table.put({**key, "n": 2}, NOT_THERE)
    assert refused.value.item == {**key, "n": 1}
    with pytest.raises(ConditionFailed) as refused:
        table.delete({"pk": shop, "sk": "NONE"}, THERE)
    assert refused.value.item is None


def test_a_refused_transaction_is_told_from_what_stands_there(stores: Stores, shop: str) -> None:
    table: Table = tables_of(stores)[0]
    key = {"pk": shop, "sk": "TEST"}
    table.put({**key, "n": 1})

    def told(item: Item | None) -> HoldfastError:
        return NotFound() if item is None else VersionConflict("It moved.", n=item["n"])

    with pytest.raises(VersionConflict) as refused:
        stores.commit([table.put_write({**key, "n": 2}, NOT_THERE, told)], token=f"{shop}-1")
    assert refused.value.facts == {"n": 1}
    with pytest.raises(NotFound):
        stores.commit([table.delete_write({"pk": shop, "sk": "NONE"}, THERE, told)], token=f"{shop}-2")


def test_a_check_holds_the_transaction_and_changes_nothing(stores: Stores, shop: str) -> None:
    table: Table = tables_of(stores)[0]
    seen, other = {"pk": shop, "sk": "SEEN"}, {"pk": shop, "sk": "OTHER"}
    table.put({**seen, "n": 1})

    def told(item: Item | None) -> HoldfastError:
        return VersionConflict("It moved.", n=(item or {})["n"])

    def writes(number: int) -> list[Any]:
        same = Expression("#n = :n", {"#n": "n"}, {":n": number})
        return [table.check_write(seen, same, told), table.put_write({**other, "n": number}, NOT_THERE, NotFound())]

    with pytest.raises(VersionConflict) as refused:
        stores.commit(writes(2), token=f"{shop}-1")
    assert (refused.value.facts, table.get(other)) == ({"n": 1}, None)
    stores.commit(writes(1), token=f"{shop}-2")
    assert (table.get(seen), table.get(other)) == ({**seen, "n": 1}, {**other, "n": 1})


def test_the_sandbox_book(stores: Stores, shop: str) -> None:
    book: SandboxBook = stores.provider._book
    entry = Book(id=f"pay_{shop}", shop=shop, order_id="ord_1", amount=1999, currency="EUR", changed_at=NOW)
    with pytest.raises(PaymentUnknown):
        book.look_up(entry.id)
    book.open(entry)
    book.open(entry.model_copy(update={"amount": 1}))
    assert book.look_up(entry.id) == entry
    with pytest.raises(PaymentStateConflict):
        book.act(entry.id, Action.REFUND, LATER)
    assert book.act(entry.id, Action.DECLINE, NOW).status is News.FAILED
    paid = book.act(entry.id, Action.PAY, LATER)
    assert (paid.status, paid.changed_at) == (News.SUCCEEDED, LATER)
    assert book.act(entry.id, Action.PAY, NOW) == paid  # the same again changes nothing
    book.open(entry)
    assert book.look_up(entry.id) == paid
    with pytest.raises(PaymentStateConflict):
        book.act(entry.id, Action.EXPIRE, LATER)
    assert book.act(entry.id, Action.REFUND, LATER).status is News.REFUNDED


WRITES = {"put_item", "update_item", "delete_item", "transact_write_items"}


class Twice:
    """A client whose every write is delivered twice, as the network may do it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in WRITES:
            return operation

        def delivered(**request: Any) -> Any:
            operation(**request)
            return operation(**request)

        return delivered


class Deaf:
    """A client that does not hear the first reply to a write: it was done (or refused), and our own retries send it again."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._sent: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in WRITES:
            return operation

        def delivered(**request: Any) -> Any:
            again, self._sent = request == self._sent, request
            reply = operation(**request)
            if not again:
                raise ReadTimeoutError(endpoint_url="https://dynamodb")
            return reply

        return delivered


class Forgetful:
    """A client that gives each delivery of a transaction a token of its own."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name != "transact_write_items":
            return operation
        return lambda **request: operation(**{**request, "ClientRequestToken": uuid4().hex})


def at_once(table: Table, client: Any) -> Table:
    """The table by way of another client, without pauses between tries."""
    return Table(client, table.name, replace(table.patience, sleep=lambda seconds: None))


ONE_MORE = Expression("SET #n = #n + :one", {"#n": "n"}, {":one": 1})


def test_a_write_whose_reply_got_lost_is_met_again_and_done_once(stores: Stores, shop: str) -> None:
    table = tables_of(stores)[0]
    deaf, key = at_once(table, Deaf(table.client)), {"pk": shop, "sk": "TEST"}
    with pytest.raises(ConditionFailed) as met:
        deaf.put({**key, "n": 1}, NOT_THERE)
    assert met.value.item == {**key, "n": 1}  # our own
    with pytest.raises(ConditionFailed) as met:
        deaf.update(key, ONE_MORE, Expression("#n = :seen", {"#n": "n"}, {":seen": 1}))
    assert met.value.item == {**key, "n": 2}
    with pytest.raises(ConditionFailed) as met:
        deaf.delete(key, THERE)
    assert met.value.item is None
    assert table.get(key) is None


def test_a_condition_that_does_not_know_its_own_write_lets_it_be_done_twice(stores: Stores, shop: str) -> None:
    table = tables_of(stores)[0]
    deaf, key = at_once(table, Deaf(table.client)), {"pk": shop, "sk": "TEST"}
    table.put({**key, "n": 1})
    assert deaf.update(key, ONE_MORE, THERE)["n"] == 3


@pytest.mark.parametrize(("tokens", "done"), [(lambda client: client, 2), (Forgetful, 3)], ids=["one token", "without it: twice"])
def test_a_transaction_whose_reply_got_lost_is_done_once_by_its_token(remembering: Stores, shop: str, tokens: Any, done: int) -> None:
    """Its condition would let it be done twice."""
    table, key = tables_of(remembering)[0], {"pk": shop, "sk": "TEST"}
    table.put({**key, "n": 1})
    commit = DynamoCommit(Deaf(tokens(table.client)), at_once(table, None).patience)  # type: ignore[arg-type]
    commit([table.update_write(key, ONE_MORE, THERE, VersionConflict("It is gone."))], token=shop)
    assert table.get(key) == {**key, "n": done}


@pytest.mark.parametrize("faulty", [Twice, Deaf])
def test_each_write_may_be_delivered_twice(remembering: Stores, shop: str, faulty: Any) -> None:
    """Through the real stores."""
    tables = ("Stock", "Locks", "Orders", "Payments", "Fulfilment", "Notifications", "Tenants", "Catalogue", "Operations", "Webhooks")
    names = dict(zip(tables, [table.name for table in tables_of(remembering)], strict=True))
    client = faulty(tables_of(remembering)[0].client)
    stores = on_dynamo(client, names)
    lock, order, row = samples.lock(shop), samples.order(shop), samples.notification(shop)
    stores.stock.levels.open(shop, "A")
    empty = stores.stock.levels.level(LevelKey(shop=shop, sku="A"))
    assert empty is not None
    received = [stores.stock.levels.change_write(empty, 5, "mov_1"), stores.stock.ledger.movement_write(samples.movement(shop))]
    stores.commit(received, token=f"{shop}-1")
    level = stores.stock.levels.level(empty.key)
    assert level is not None
    assert (level.on_hand, level.available) == (5, 5)
    assert stores.stock.locks.claim(lock) is None
    assert stores.stock.locks.renew(samples.lock(shop, claimed_at=LATER), lock)
    assert stores.orders.add(order)
    assert stores.orders.save(order.model_copy(update={"version": 2}))
    assert stores.notifications.add(row) == row
    assert stores.notifications.save(row.changed(LATER, claim="clm_1"))
    assert stores.tenants.add_shop(samples.tenant(shop))
    assert stores.products.save(samples.product(shop), over=None)
    assert stores.inbox.add(samples.provider_event(shop)) == samples.provider_event(shop)
    replays = DynamoReplays(Table(client, names["Orders"]))
    key = IdempotencyKey(scope=shop, value="key-1", fingerprint="asked")
    assert replays.begin(key, NOW) is None
    replays.finish(key, Replay(status=200, body="{}"), NOW)
    assert replays.begin(key, NOW) == Replay(status=200, body="{}")


def test_writes_of_different_stores_are_never_mixed(stores: Stores, shop: str) -> None:
    foreign = in_memory(Memory()).orders.save_write(samples.order(shop))
    commit: DynamoCommit = stores.commit  # type: ignore[assignment]
    with pytest.raises(TypeError):
        commit([foreign], token=shop)
