"""Virtual time, and what partitions, transactions and the network do in it."""

import random
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from infra.simulator.clock import START, Clock
from infra.simulator.dynamo import Client
from infra.simulator.partitions import Faults, Limits, Partitioned, Times
from tests.unit.simulator.things import TABLE, THERE, adding, get, key, made

EVEN = Times(call=0.004, transaction=0.020, sigma=0.0)
"""Every call takes 4 ms, every transaction 20."""


def world(**limits: Any) -> tuple[Clock, Partitioned, Client]:
    clock = Clock()
    traffic = Partitioned(clock, random.Random(1), Limits(**limits), EVEN)
    return clock, traffic, made(Client(traffic))


def code_of(act: Any) -> str:
    try:
        act()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ConnectionClosedError:
        return "lost"
    return "done"


# The clock.


def test_turns_come_in_the_order_of_time_and_then_of_asking() -> None:
    clock, seen = Clock(), list[str]()

    def act(name: str, seconds: float) -> None:
        clock.sleep(seconds)
        seen.append(f"{name} at {clock.now()}")

    for name, seconds in (("late", 2.0), ("first", 1.0), ("second", 1.0)):
        clock.at(0, lambda name=name, seconds=seconds: act(name, seconds))  # type: ignore[misc]
    clock.run()
    assert seen == ["first at 1.0", "second at 1.0", "late at 2.0"]
    assert (clock.today() - START).total_seconds() == 2


def test_a_run_may_end_early_and_go_on() -> None:
    clock, seen = Clock(), list[float]()
    for seconds in (1.0, 5.0):
        clock.at(seconds, lambda: seen.append(clock.now()))
    clock.run(until=3)
    assert (seen, clock.now()) == ([1.0], 3)
    clock.run()
    assert seen == [1.0, 5.0]


def test_what_an_act_raises_comes_out_of_the_run() -> None:
    clock = Clock()
    clock.at(0, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        clock.run()


def test_nobody_waits_outside_of_an_act() -> None:
    clock = Clock()
    with pytest.raises(RuntimeError, match="only what the clock began"):
        clock.sleep(1)
    clock.at(0, clock.run)
    with pytest.raises(RuntimeError, match="from outside"):
        clock.run()


# Partitions.


def storm(clock: Clock, client: Client, calls: int, *, keys: int = 1) -> Counter[str]:
    """So many updates at once, over so many partition keys."""
    codes: Counter[str] = Counter()
    for number in range(calls):
        request = {**adding(1), "Key": key(f"a{number % keys}")}
        clock.at(0, lambda request=request: codes.update([code_of(lambda: client.update_item(**request))]))  # type: ignore[misc]
    clock.run()
    return codes


def test_a_partition_has_its_units_and_no_more() -> None:
    clock, traffic, client = world(write_units=100, burst=0.5)
    codes = storm(clock, client, 80)
    assert codes["done"] == 50
    assert codes["ProvisionedThroughputExceededException"] + codes["ThrottlingException"] == 30
    assert min(codes.values()) > 0  # both names of the same thing
    assert traffic.throttled == 30
    assert clock.now() == pytest.approx(0.004)


def test_units_flow_in_with_time() -> None:
    clock, _, client = world(write_units=100, burst=0.5)
    storm(clock, client, 80)
    clock.seconds += 0.1
    assert storm(clock, client, 80)["done"] == 10


def test_each_key_has_a_partition_of_its_own_or_shares_one() -> None:
    for partitions, done in ((0, 80), (1, 50)):
        clock, _, client = world(write_units=100, burst=0.5, partitions=partitions)
        assert storm(clock, client, 80, keys=4)["done"] == done


def test_an_index_that_is_busy_refuses_the_tables_write() -> None:
    clock, _, client = world(write_units=100, burst=0.5)
    codes: Counter[str] = Counter()
    for number in range(80):
        item = {**key(f"a{number}"), "xpk": {"S": "same"}, "xsk": {"S": str(number)}}
        clock.at(0, lambda item=item: codes.update([code_of(lambda: client.put_item(TableName=TABLE, Item=item))]))  # type: ignore[misc]
    clock.run()
    assert codes["done"] == 50


def test_a_plain_write_meets_a_transaction() -> None:
    clock, traffic, client = world()
    codes: dict[float, str] = {}

    def write(at: float) -> None:
        codes[at] = code_of(lambda: client.update_item(**adding(1)))

    clock.at(0, lambda: client.transact_write_items(TransactItems=[{"Update": adding(10)}]))
    for at in (0.0, 0.002, 0.010, 0.020):
        clock.at(at, lambda at=at: write(at))  # type: ignore[misc]
    clock.run()
    # The transaction reaches its item after 1.6 ms and holds it for 16.8 ms; a plain write is there after 2 ms.
    assert codes == {
        0.0: "TransactionConflictException",
        0.002: "TransactionConflictException",
        0.010: "TransactionConflictException",
        0.020: "done",
    }
    assert traffic.conflicts == 3
    assert get_later(clock, client) == {**key(), "n": {"N": "11"}}


def get_later(clock: Clock, client: Client) -> Any:
    found: list[Any] = []
    clock.at(clock.now(), lambda: found.append(get(client)))
    clock.run()
    return found[0]


def test_two_transactions_on_one_item() -> None:
    clock, _, client = world()
    codes: list[str] = []
    for token in ("one", "other", "one"):
        request = {"TransactItems": [{"Update": adding(1)}], "ClientRequestToken": token}
        clock.at(0, lambda request=request: codes.append(code_of(lambda: client.transact_write_items(**request))))  # type: ignore[misc]
    clock.run()
    assert sorted(codes) == ["TransactionCanceledException", "TransactionInProgressException", "done"]
    assert get_later(clock, client) == {**key(), "n": {"N": "1"}}


# The network.


@pytest.mark.parametrize(
    ("faults", "told", "added"),
    [
        (Faults(lost_request=1), "lost", {0}),
        (Faults(lost_reply=1), "lost", {1}),
        (Faults(late=1), "lost", {1}),
        (Faults(repeated=1), "done", {2, 3, 4}),
    ],
)
def test_what_a_rough_network_does_to_a_bare_increment(faults: Faults, told: str, added: set[int]) -> None:
    """Which is why there is none in the product."""
    clock, traffic, client = world()
    traffic.faults = faults
    codes: list[str] = []
    clock.at(0, lambda: codes.append(code_of(lambda: client.update_item(**adding(1)))))
    clock.run()
    traffic.faults = Faults()
    found = get_later(clock, client)
    assert codes == [told]
    assert (int(found["n"]["N"]) if found else 0) in added


def test_a_late_write_comes_when_nobody_expects_it() -> None:
    clock, traffic, client = world()
    traffic.faults = Faults(late=1, late_by=10)
    clock.at(0, lambda: code_of(lambda: client.update_item(**adding(1))))
    clock.run(until=0.01)
    assert client.scan(TableName=TABLE)["Items"] == []
    clock.run()
    assert len(client.scan(TableName=TABLE)["Items"]) == 1


def test_only_the_last_answer_of_a_repeated_write_comes_back() -> None:
    clock, traffic, client = world()
    traffic.faults = Faults(repeated=1)
    codes: list[str] = []
    condition = {"ConditionExpression": "attribute_not_exists(#pk)", "ExpressionAttributeNames": THERE["ExpressionAttributeNames"]}
    clock.at(0, lambda: codes.append(code_of(lambda: client.put_item(TableName=TABLE, Item=key(), **condition))))
    clock.run()
    assert codes == ["ConditionalCheckFailedException"]
    assert len(client.scan(TableName=TABLE)["Items"]) == 1
