"""The clients against a server that hangs up: how often a call is really delivered, and by whom."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, NoCredentialsError

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import aws
from holdfast.platform.dynamo import Table
from tests.unit.platform.virtual import VirtualTime


class HangsUp:
    """Reads each request and closes the line; `deliveries` are the operations that were asked for, or whose they are."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.deliveries: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return  # closed
            with line:
                request = line.recv(65536).decode("latin-1").lower()
                named = re.search(r"x-amz-target: \S*\.(\w+)|/(\w+)/aws4_request", request)
                self.deliveries.append(named[1] or named[2] if named else request)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def hung_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangsUp]:
    server = HangsUp()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # botocore's own pauses
    _forget()
    yield server
    server.close()
    _forget()


def _forget() -> None:
    aws.client.cache_clear()
    aws._session.cache_clear()


def ask(client: Any) -> None:
    client.get_item(TableName="things", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})


def test_a_call_to_dynamodb_is_delivered_once(hung_up: HangsUp) -> None:
    with pytest.raises(ConnectionClosedError):
        ask(aws.dynamodb())
    assert hung_up.deliveries == ["getitem"]


def test_as_other_services_are_called_it_would_be_delivered_three_times(hung_up: HangsUp) -> None:
    """Under six tries of ours: eighteen."""
    with pytest.raises(ConnectionClosedError):
        ask(aws._session().create_client("dynamodb", config=aws._CONFIG))
    assert hung_up.deliveries == ["getitem"] * 3


def test_services_that_nobody_else_asks_again_are_asked_three_times(hung_up: HangsUp) -> None:
    with pytest.raises(ConnectionClosedError):
        aws.client("secretsmanager").get_secret_value(SecretId="a")
    assert hung_up.deliveries == ["getsecretvalue"] * 3


def test_a_message_is_handed_to_its_service_once(hung_up: HangsUp) -> None:
    """Where only the answer was lost, the second delivery would be a second message."""
    with pytest.raises(ConnectionClosedError):
        aws.client("sesv2").send_email(Content={"Raw": {"Data": b"a"}})
    with pytest.raises(ConnectionClosedError):
        aws.client("sns").publish(PhoneNumber="+4915112345678", Message="a")
    assert hung_up.deliveries == ["ses", "sns"]


def test_the_layers_together_deliver_as_often_as_one_of_them(hung_up: HangsUp) -> None:
    patience = VirtualTime().patience()
    with pytest.raises(UnavailableError) as away:
        Table(aws.dynamodb(), "things", patience).get({"pk": "a", "sk": "b"})
    assert isinstance(away.value.__cause__, ConnectionClosedError)
    assert hung_up.deliveries == ["getitem"] * 7
    assert len(hung_up.deliveries) <= patience.tries


def test_without_credentials_nothing_is_sent_and_nothing_is_tried_again(hung_up: HangsUp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    waiting = VirtualTime()
    with pytest.raises(NoCredentialsError):
        Table(aws.dynamodb(), "things", waiting.patience()).get({"pk": "a", "sk": "b"})
    assert (hung_up.deliveries, waiting.pauses) == ([], [])
