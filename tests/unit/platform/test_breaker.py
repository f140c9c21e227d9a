"""The circuit breaker over real sockets, with its state in a table that several workers share: each has a store and counters of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import moto
import pytest
from aws_lambda_powertools.utilities.circuit_breaker import base
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as persistence
from aws_lambda_powertools.utilities.circuit_breaker.persistence import dynamodb

from holdfast.platform import aws, breaker, calling
from holdfast.platform.breaker import CIRCUITS, FAILURES, OPEN_SECONDS, SEEN_SECONDS, SharedBreaker
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, Reply
from tests.unit.platform.partners import HOST, URL, counted, partner
from tests.unit.webhooks.receivers import Server, read_request

TABLE = "operations"
CIRCUIT = f"partner:{HOST}"


class Hour:
    """The clock of the breaker and of its store, in whole seconds."""

    def __init__(self) -> None:
        self.now = 1_795_262_400.0

    def later(self, seconds: float) -> None:
        self.now += seconds


class Moody:
    """A partner that answers with the status it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.meanwhile: Callable[[], object] | None = None

    def __call__(self, server: Server, line: Any) -> None:
        read_request(line)
        self.asked += 1
        if self.meanwhile:
            self.meanwhile()
        line.sendall(f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())


class Worker:
    """A process of a function: what Powertools keeps in module state is its own."""

    def __init__(self, server: Server, table: str = TABLE) -> None:
        self.partner = partner(server, 2.0, SharedBreaker(table))
        self._kept: tuple[dict[str, Any], ...] = ({}, {}, {})

    def ask(self) -> Reply:
        with self._own_state():
            return self.partner.call("POST", URL, {}, b"x")

    @contextmanager
    def _own_state(self) -> Iterator[None]:
        shared = base._LOCAL_FAILURES, base._LOCAL_SUCCESSES, base._LAST_OBSERVED_STATE
        for one, own in zip(shared, self._kept, strict=True):
            one.clear()  # type: ignore[attr-defined]
            one.update(own)  # type: ignore[attr-defined]
        base._PROBE_OWNER.id, base._PROBE_OWNER.pid = f"worker-{id(self)}", base.os.getpid()
        try:
            yield
        finally:
            self._kept = tuple(dict(one) for one in shared)  # type: ignore[call-overload]

    def fails(self, times: int = 1) -> list[PartnerUnavailable]:
        found = []
        for _ in range(times):
            with pytest.raises(PartnerUnavailable) as failure:
                self.ask()
            found.append(failure.value)
        return found


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> Hour:
    made = Hour()

    class Instant:
        @staticmethod
        def timestamp() -> float:
            return made.now

    class Moment:
        @staticmethod
        def now() -> type[Instant]:
            return Instant

    class Module:
        datetime = Moment

    for module in (base, persistence, dynamodb):
        monkeypatch.setattr(module, "dt", Module)
    return made


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    counted(monkeypatch)  # nothing is left for who flushes next
    with moto.mock_aws():
        aws.dynamodb().create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield
    calling._pool().clear()


@pytest.fixture
def moody() -> Moody:
    return Moody()


@pytest.fixture
def server(moody: Moody) -> Iterator[Server]:
    with Server(moody) as made:
        yield made


def state() -> dict[str, Any]:
    found = aws.dynamodb().get_item(TableName=TABLE, Key={"pk": {"S": CIRCUITS}, "sk": {"S": CIRCUIT}}).get("Item", {})
    return {name: next(iter(value.values())) for name, value in found.items()}


def open_circuit(server: Server, moody: Moody) -> Worker:
    worker = Worker(server)
    moody.status = 503
    worker.fails(FAILURES)
    assert state()["state"] == "OPEN"
    return worker


def test_a_partner_that_is_well_costs_one_read(server: Server, moody: Moody, hour: Hour) -> None:
    calls: list[str] = []
    note: Callable[..., None] = lambda model, **_: calls.append(model.name)  # noqa: E731
    aws.dynamodb().meta.events.register("before-parameter-build.dynamodb", note, unique_id="noted")
    worker = Worker(server)
    for _ in range(20):
        assert worker.ask().ok
    aws.dynamodb().meta.events.unregister("before-parameter-build.dynamodb", unique_id="noted")
    assert (calls, moody.asked, state()) == (["GetItem"], 20, {})


def test_it_opens_after_failures_in_a_row_and_asks_no_more(
    server: Server, moody: Moody, hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = counted(monkeypatch)
    worker = open_circuit(server, moody)
    (refused,) = worker.fails()
    assert (moody.asked, refused.retry_after, refused.facts) == (FAILURES, OPEN_SECONDS, {"partner": "partner"})
    assert metrics == ["PartnerUnavailable"] * (FAILURES - 1) + ["PartnerUnavailable", "CircuitOpened"]
    assert int(state()["ttl"]) > hour.now


def test_a_success_in_between_begins_the_count_anew(server: Server, moody: Moody, hour: Hour) -> None:
    worker = Worker(server)
    for _ in range(3):
        moody.status = 500
        worker.fails(FAILURES - 1)
        moody.status = 200
        worker.ask()
    assert (moody.asked, state()) == (3 * FAILURES, {})


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_a_refusal_is_no_failure(server: Server, moody: Moody, hour: Hour, status: int) -> None:
    worker, moody.status = Worker(server), status
    for _ in range(2 * FAILURES):
        assert worker.ask().status == status
    assert state() == {}


def test_throttling_is_no_failure(server: Server, moody: Moody, hour: Hour) -> None:
    """It is busy, and not down: who is told to wait waits, and others' payments go on."""
    worker, moody.status = Worker(server), 429
    for _ in range(2 * FAILURES):
        with pytest.raises(PartnerThrottles):
            worker.ask()
    assert state() == {}


def test_other_workers_hear_of_it(server: Server, moody: Moody, hour: Hour) -> None:
    other = Worker(server)
    moody.status = 200
    other.ask()
    open_circuit(server, moody)
    hour.later(SEEN_SECONDS)  # what it has read is good for so long
    asked = moody.asked
    other.fails()
    Worker(server).fails()
    assert moody.asked == asked


def test_one_worker_tries_and_its_success_closes_it(server: Server, moody: Moody, hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, other = open_circuit(server, moody), Worker(server)
    metrics = counted(monkeypatch)
    hour.later(OPEN_SECONDS - 1)
    worker.fails()
    hour.later(1)
    moody.status, asked = 200, moody.asked
    moody.meanwhile = lambda: trials.extend(other.fails())
    trials: list[PartnerUnavailable] = []
    assert worker.ask().ok
    assert (state()["state"], len(trials), moody.asked) == ("CLOSED", 1, asked + 1)
    assert Worker(server).ask().ok
    assert metrics == []


def test_a_try_that_fails_opens_it_again(server: Server, moody: Moody, hour: Hour) -> None:
    worker = open_circuit(server, moody)
    hour.later(OPEN_SECONDS)
    asked = moody.asked
    worker.fails(3)
    assert (state()["state"], moody.asked) == ("OPEN", asked + 1)
    hour.later(OPEN_SECONDS)
    moody.status = 200
    assert worker.ask().ok


def test_a_try_whose_worker_died_is_taken_over(server: Server, moody: Moody, hour: Hour) -> None:
    open_circuit(server, moody)
    hour.later(OPEN_SECONDS)
    moody.status, opened_at = 200, int(state()["opened_at"])
    assert SharedBreaker(TABLE)._store.try_acquire_half_open(CIRCUIT, "died", opened_at)
    hour.later(OPEN_SECONDS - 1)
    Worker(server).fails()
    hour.later(1)
    assert Worker(server).ask().ok
    assert state()["state"] == "CLOSED"


def test_partners_fail_each_for_itself(server: Server, moody: Moody, hour: Hour) -> None:
    open_circuit(server, moody)
    moody.status = 200
    other = calling.Partner("other", frozenset({HOST}), breaker=SharedBreaker(TABLE), seconds=2, reroute=f"http://127.0.0.1:{server.port}")
    assert other.call("POST", URL, {}, b"x").ok


def test_hosts_of_a_partner_fail_each_for_itself(server: Server, moody: Moody, hour: Hour, caplog: pytest.LogCaptureFixture) -> None:
    """A sandbox that is down stops no real money."""
    sandbox = "sandbox.partner.example"
    both = calling.Partner(
        "partner", frozenset({HOST, sandbox}), breaker=SharedBreaker(TABLE), seconds=2, reroute=f"http://127.0.0.1:{server.port}"
    )
    moody.status = 503
    for _ in range(FAILURES + 1):
        with pytest.raises(PartnerUnavailable) as failure:
            both.call("POST", f"https://{sandbox}/v1", {}, b"x")
    assert (failure.value.retry_after, failure.value.facts, moody.asked) == (OPEN_SECONDS, {"partner": "partner"}, FAILURES)
    moody.status = 200
    assert both.call("POST", URL, {}, b"x").ok
    assert state() == {}
    (changed,) = [record for record in caplog.records if record.message == "circuit changed"]
    assert (vars(changed)["partner"], vars(changed)["host"], vars(changed)["circuit"]) == ("partner", sandbox, "OPEN")


def test_without_its_table_calls_pass(server: Server, moody: Moody, hour: Hour) -> None:
    """A breaker must not be the outage that it is there against."""
    worker = Worker(server, table="gone")
    assert worker.ask().ok
    moody.status = 500
    worker.fails(2 * FAILURES)
    moody.status = 200
    assert worker.ask().ok
    assert moody.asked == 2 * FAILURES + 2


def test_without_a_breaker_each_call_is_made(server: Server, moody: Moody) -> None:
    """The negative control."""
    moody.status, bare = 503, partner(server)
    for _ in range(4 * FAILURES):
        with pytest.raises(PartnerUnavailable):
            bare.call("POST", URL, {}, b"x")
    assert moody.asked == 4 * FAILURES


def test_a_fault_of_ours_is_not_the_partners(server: Server, hour: Hour) -> None:
    def broken() -> Reply:
        raise RuntimeError("ours")

    guarded = SharedBreaker(TABLE)
    for _ in range(2 * FAILURES):
        with pytest.raises(RuntimeError):
            guarded(CIRCUIT, broken)
    assert state() == {}


def test_the_numbers_are_those_of_the_documents() -> None:
    assert (breaker.FAILURES, breaker.OPEN_SECONDS, breaker.SUCCESSES) == (5, 30, 1)
