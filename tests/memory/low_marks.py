"""`notifications.watching.Marks` in memory."""

from holdfast.notifications.watching import Mark
from tests.memory.engine import Memory


class MemoryMarks:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def mark(self, shop: str, sku: str) -> Mark:
        found: Mark | None = self._memory.get("low", shop, sku)
        return found or Mark(shop=shop, sku=sku)

    def save_mark(self, mark: Mark) -> bool:
        def same(standing: Mark | None) -> bool:
            if mark.version == 1:
                return self._memory.condition("NO_MARK", standing is None)
            return self._memory.condition("SAME_MARK", standing is not None and standing.version == mark.version - 1)

        done, standing = self._memory.change(("low", mark.shop, mark.sku), same, lambda _: mark)
        return done or bool(standing == mark)
