"""Writes down a run on the simulator as a history: every image of a level, and every call that meant to change one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.simulator.actions import normal_item
from infra.simulator.dynamo import Client
from infra.simulator.expressions import Terms, holds
from infra.simulator.history import Call, Image, LevelKey, Result, Touch
from infra.simulator.partitions import CALL
from infra.simulator.tables import Charge, Judged

LEVEL = "LEVEL"
WORDS = {
    "get_item": "get",
    "batch_get_item": "look",
    "query": "query",
    "put_item": "put",
    "update_item": "update",
    "delete_item": "delete",
    "transact_write_items": "transact",
}
PATH: ContextVar[list[str] | None] = ContextVar("path", default=None)
"""Where an act that wants to know lists its calls."""
FAILED = "ConditionalCheckFailed"


def image_of(item: Mapping[str, Any], *, at: float, commit: int, cause: int | None = None) -> Image:
    """A level's item as it goes over the wire, for example in a stream's record."""
    entries = {name: (int(entry["L"][0]["N"]), int(entry["L"][1]["N"])) for name, entry in item["lk"]["M"].items()}
    number = {name: int(item[name]["N"]) for name in ("ver", "on_hand", "avail")}
    key = level_key(item["pk"]["S"])
    return Image(at, key, number["ver"], number["on_hand"], number["avail"], entries, commit, cause)


def level_key(pk: str) -> LevelKey:
    shop, sku, part = pk.split("#")
    return shop, sku, part


class Recorder:
    """A client like the one that it is given. `charges`: units by table, index, kind of item, and whether they bought nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.images: list[Image] = []
        self.calls: list[Call] = []
        self.charges: Counter[tuple[str, str | None, str, bool, bool]] = Counter()
        self.requests: Counter[str] = Counter()
        self.streams: list[Callable[[Image], None]] = []
        self._items: dict[tuple[LevelKey, int], Mapping[str, Any]] = {}
        self._left: set[int] = set()
        self._tokens: dict[str, int] = {}
        client.watchers.append(self)

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        return operation if name.startswith("_") or not callable(operation) else self._counted(name, operation)

    def update_item(self, **request: Any) -> Any:
        return self._noted("update_item", [request], request)

    def put_item(self, **request: Any) -> Any:
        return self._noted("put_item", [request], request)

    def transact_write_items(self, **request: Any) -> Any:
        actions = [next(iter(action.values())) for action in request["TransactItems"]]
        return self._noted("transact_write_items", actions, request)

    def changed(self, judged: Judged, commit: int) -> None:
        if judged.key[1] != LEVEL or judged.after is None:
            return
        image = image_of(judged.after.item, at=self._client.traffic.now(), commit=commit, cause=CALL.get())
        self.images.append(image)
        self._items[image.key, image.version] = judged.after.item
        if image.cause is not None:
            self._left.add(image.cause)
        for tell in self.streams:
            tell(image)

    def charged(self, charges: Sequence[Charge], operation: str) -> None:
        del operation
        for charge in charges:
            self.charges[charge.table, charge.index, str(charge.sort), charge.write, charge.refused] += charge.units  # type: ignore[assignment]

    def _counted(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self._count(name)
            return operation(**request)

        return call

    def _count(self, name: str) -> None:
        self.requests[name] += 1
        path = PATH.get()
        if path is not None:
            path.append(WORDS.get(name, name))

    def _noted(self, name: str, actions: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> Any:
        self._count(name)
        operation = getattr(self._client, name)
        touched = {index: level_key(pk) for index, action in enumerate(actions) if (pk := _level_pk(action)) is not None}
        if not touched:
            return operation(**request)
        number, begun = self._begin(request.get("ClientRequestToken"), self._touches(actions, touched, set()))
        outer = CALL.set(number)
        result, refused = Result.UNKNOWN, set[int]()
        try:
            reply = operation(**request)
            result = Result.OK
            return reply
        except ClientError as error:
            refused = _refused(error)
            result = Result.REFUSED if refused else Result.UNKNOWN
            raise
        except BotoCoreError:
            raise
        finally:
            CALL.reset(outer)
            if result is Result.REFUSED and number in self._left:
                result, refused = Result.OK, set()  # an earlier delivery did it: the refusal met its own work
            ended = self._client.traffic.now() if result is not Result.UNKNOWN else float("inf")
            self.calls[number] = Call(number, begun, ended, result, self._touches(actions, touched, refused))

    def _begin(self, token: str | None, touches: tuple[Touch, ...]) -> tuple[int, float]:
        """A call's number, and when it was first sent: the same token is the same call, tried again."""
        if token is not None and token in self._tokens:
            call = self.calls[self._tokens[token]]
            return call.id, call.begun
        call = Call(len(self.calls), self._client.traffic.now(), float("inf"), Result.UNKNOWN, touches)
        self.calls.append(call)
        if token is not None:
            self._tokens[token] = call.id
        return call.id, call.begun

    def _touches(self, actions: Sequence[Mapping[str, Any]], touched: Mapping[int, LevelKey], refused: set[int]) -> tuple[Touch, ...]:
        return tuple(Touch(key, self._condition(actions[index]), index in refused) for index, key in touched.items())

    def _condition(self, action: Mapping[str, Any]) -> Callable[[Image | None], bool]:
        text = action.get("ConditionExpression")

        def held(image: Image | None) -> bool:
            if text is None:
                return True
            terms = Terms(action.get("ExpressionAttributeNames", {}), normal_item(action.get("ExpressionAttributeValues", {})))
            return holds(text, self._items[image.key, image.version] if image else {}, terms)

        return held


def _level_pk(action: Mapping[str, Any]) -> str | None:
    """Of an action that changes a level; a mere check changes nothing."""
    key = action.get("Key") or action.get("Item") or {}
    changes = "UpdateExpression" in action or "Item" in action
    return key["pk"]["S"] if changes and key["sk"]["S"] == LEVEL else None


def _refused(error: ClientError) -> set[int]:
    """The places of the actions whose conditions failed."""
    response: Any = error.response
    if response["Error"]["Code"] == f"{FAILED}Exception":
        return {0}
    return {index for index, reason in enumerate(response.get("CancellationReasons", ())) if reason["Code"] == FAILED}
