"""TransactWriteItems: prepared, held, committed; and its ClientRequestToken, which makes a repetition an answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.simulator import errors
from infra.simulator.actions import Action, judge, normal_item
from infra.simulator.capacity import consumed
from infra.simulator.errors import Reason
from infra.simulator.expressions import Invalid
from infra.simulator.sizes import item_size, read_units
from infra.simulator.tables import Address, Charge, Judged
from infra.simulator.traffic import Busy
from infra.simulator.updates import Misfit

if TYPE_CHECKING:
    from infra.simulator.dynamo import Client

MOST_ACTIONS = 100
TOKEN_SECONDS = 600
"""How long after its end a transaction is still known by its token."""
UNDER_WAY = -1.0
FINE = Reason()


class Transactions:
    def __init__(self, client: "Client") -> None:
        self._client = client
        self._tokens: dict[str, tuple[str, float]] = {}
        """Token to what was asked, and when it was done."""

    def write(self, request: Mapping[str, Any]) -> dict[str, Any]:
        token, asked = request.get("ClientRequestToken"), repr(request["TransactItems"])
        if token is not None and self._known(token, asked):
            self._client.take(self._repeated(request), "TransactWriteItems")
            return {}
        if token is None:
            return self._carried_out(request)
        self._tokens[token] = (asked, UNDER_WAY)
        try:
            reply = self._carried_out(request)
        except BaseException:
            del self._tokens[token]  # a cancelled transaction may be asked for again
            raise
        self._tokens[token] = (asked, self._client.traffic.now())
        return reply

    def _known(self, token: str, asked: str) -> bool:
        before, done = self._tokens.get(token, ("", 0.0))
        if not before or (done != UNDER_WAY and self._client.traffic.now() > done + TOKEN_SECONDS):
            return False
        if before != asked:
            raise errors.refusal("IdempotentParameterMismatchException", "TransactWriteItems")
        if done == UNDER_WAY:
            raise errors.refusal("TransactionInProgressException", "TransactWriteItems")
        return True

    def _carried_out(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        judgements, reasons = self._prepared(actions)
        if any(reason is not FINE for reason in reasons):
            raise errors.cancelled(reasons)
        changes = [judged for judged in judgements if judged]
        with self._client.traffic.held([judged.address for judged in changes]):
            pass
        self._client.apply(changes)
        charges = [charge for judged in changes for charge in judged.charges(times=2)]
        return consumed(charges, request, many=True)

    def _prepared(self, actions: Sequence[tuple[Action, Mapping[str, Any]]]) -> tuple[list[Judged | None], list[Reason]]:
        """Every action is looked at, also after one that fails; each has its units taken."""
        self._demand_one_transaction(actions)
        judgements: list[Judged | None] = []
        reasons: list[Reason] = []
        for kind, action in actions:
            try:
                judged = judge(self._client.table(action), kind, action)
            except Misfit as error:
                judgements.append(None)
                reasons.append(Reason("ValidationError", str(error)))
                continue
            judgements.append(judged)
            reasons.append(self._reason(judged, action))
        return judgements, reasons

    def _reason(self, judged: Judged, action: Mapping[str, Any]) -> Reason:
        try:
            self._client.take(judged.charges(times=2), "TransactWriteItems")
            self._client.traffic.demand_free(judged.address)
        except Busy as busy:
            return Reason(busy.code)
        if not judged.failed:
            return FINE
        shown = action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and judged.before
        return Reason("ConditionalCheckFailed", item=judged.before.item if shown and judged.before else None)

    def _demand_one_transaction(self, actions: Sequence[tuple[Action, Mapping[str, Any]]]) -> None:
        if not 1 <= len(actions) <= MOST_ACTIONS:
            raise Invalid(f"Member must have length less than or equal to {MOST_ACTIONS} and not less than 1")
        if len(set(self._addresses(actions))) != len(actions):
            raise Invalid("Transaction request cannot include multiple operations on one item")

    def _addresses(self, actions: Sequence[tuple[Action, Mapping[str, Any]]]) -> list[Address]:
        tables = [self._client.table(action) for _, action in actions]
        return [
            Address(table.name, table.keys.of(normal_item(action["Item"] if kind == "Put" else action["Key"])))
            for table, (kind, action) in zip(tables, actions, strict=True)
        ]

    def _repeated(self, request: Mapping[str, Any]) -> list[Charge]:
        """A repetition is looked up, which costs a transactional read of each item."""
        charges = []
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        for (kind, action), address in zip(actions, self._addresses(actions), strict=True):
            stored = self._client.tables[address.table].get(address.key)
            size = stored.size if stored else item_size(action["Item"] if kind == "Put" else action["Key"])
            charges.append(Charge(address.table, None, address.key[0], 2 * read_units(size, consistent=True), write=False))
        return charges
