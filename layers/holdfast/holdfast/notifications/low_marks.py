"""What was told of low stock, in the notifications table: an item for each SKU that ever fell to its threshold."""

from holdfast.notifications.watching import Mark
from holdfast.platform.dynamo import ConditionFailed, Expression, Table, record

# Nobody has looked at this SKU before.
NO_MARK = "attribute_not_exists(#pk)"
# It is as it was seen: nobody noticed a fall or a rise meanwhile.
SAME_MARK = "#version = :before"


class DynamoMarks:
    """`watching.Marks`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mark(self, shop: str, sku: str) -> Mark:
        item = self._table.get(_key(shop, sku))
        return Mark.model_validate(item) if item else Mark(shop=shop, sku=sku)

    def save_mark(self, mark: Mark) -> bool:
        before = mark.version - 1
        standing = Expression(SAME_MARK, {"#version": "version"}, {":before": before}) if before else Expression(NO_MARK, {"#pk": "pk"})
        try:
            self._table.put({**_key(mark.shop, mark.sku), **record(mark)}, standing)
        except ConditionFailed as refusal:
            return refusal.item is not None and Mark.model_validate(refusal.item) == mark  # our own write, delivered twice
        return True


def _key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}#LOW", "sk": "LOW"}
