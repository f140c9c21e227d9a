"""Payment accounts in the tenants table, where a shop's other entrusted things lie."""

from holdfast.payments import keys
from holdfast.payments.accounts import Account
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Table, record

# Nobody changed the account since it was read.
SAME_ACCOUNT = "#version = :seen"


class DynamoAccounts:
    """`payments.ports.Accounts`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def account(self, shop: str, provider: str) -> Account | None:
        item = self._table.get(keys.account_key(shop, provider))
        return Account.model_validate(item) if item else None

    def accounts(self, shop: str) -> list[Account]:
        of_shop = Expression("#pk = :pk AND begins_with(#sk, :sk)", {"#pk": "pk", "#sk": "sk"}, keys.accounts_of(shop))
        return [Account.model_validate(item) for item in self._table.query_all(of_shop)]

    def save(self, account: Account) -> bool:
        seen = account.version - 1
        before = Expression(SAME_ACCOUNT, {"#version": "version"}, {":seen": seen}) if seen else NOT_THERE
        try:
            self._table.put({**keys.account_key(account.shop, account.provider), **record(account)}, before)
        except ConditionFailed as refusal:
            return refusal.item is not None and Account.model_validate(refusal.item) == account  # delivered twice
        return True

    def remove(self, account: Account) -> bool:
        same = Expression(SAME_ACCOUNT, {"#version": "version"}, {":seen": account.version})
        try:
            self._table.delete(keys.account_key(account.shop, account.provider), same)
        except ConditionFailed as refusal:
            return refusal.item is None  # it is gone already
        return True
