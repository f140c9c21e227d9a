"""The stock table: levels and heads. Each condition has a name and says what its failure means."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.time import epoch_ms
from holdfast.kernel.writes import Commit, Write
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, Expression, Item, Table, record
from holdfast.stock import keys
from holdfast.stock.documents import DynamoLedger, DynamoLocks
from holdfast.stock.errors import HoldLost, InsufficientStock, LedgerMoved, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.mapper import entry_wire, glance_of, level_of
from holdfast.stock.model import NEVER, SAFETY, Entry, Glance, Head, Level, LevelKey

# Enough units are free, and this lock has not taken any yet: a repeated delivery must not take twice.
ENOUGH_LEFT = "#avail >= :quantity"
NOT_TAKEN_YET = "attribute_not_exists(#lk.#name)"
# No paid order waits for the SKU: a new buyer overtakes nobody.
NOBODY_WAITS = "attribute_not_exists(#awaited)"
# The entry is the very one that was seen: neither extended, nor sold, nor given back since.
SAME_ENTRY = "#lk.#name = :entry"
# The entry stands and has as many units as are to be sold.
STILL_HELD = "#lk.#name[0] = :quantity"
# Nobody changed what we own of this part since it was seen: the ledger has one next line.
SAME_LAST, NO_LAST = "#last = :last", "attribute_not_exists(#last)"
# Nobody changed anything at all of the part.
SAME_LEVEL = "#ver = :seen"
# Nobody changed the layout.
SAME_HEAD = "#version = :seen"
# Nothing is there, and nobody holds anything.
EMPTY = "#on_hand = :nothing AND size(#lk) = :nothing"

_LOCKED = {"#avail": "avail", "#ver": "ver", "#lk": "lk"}
_OWNED = {**_LOCKED, "#on_hand": "on_hand", "#last": "last"}


class DynamoLevels:
    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, shop: str, sku: str) -> None:
        """The head last: it is what announces the SKU to the stream."""
        self.open_part(LevelKey(shop=shop, sku=sku), 1, 1)
        self._put_new(_head_item(Head(shop=shop, sku=sku)))

    def open_part(self, key: LevelKey, shards: int, made: int) -> None:
        self._put_new({**keys.level_key(key), "avail": 0, "on_hand": 0, "lk": {}, "ver": 1, "of": [shards, made]})

    def _put_new(self, item: Item) -> None:
        try:
            self._table.put(item, NOT_THERE)
        except ConditionFailed:
            return  # it is there already

    def open_pool(self, key: LevelKey, cap: int) -> None:
        self._put_new({**keys.level_key(key), "avail": cap, "on_hand": cap, "lk": {}, "ver": 1, "cap": cap})
        item = self._table.get(keys.level_key(key))
        if item is None or item["cap"] == cap:
            return
        change = Expression(
            "SET #avail = #avail + :more, #on_hand = #on_hand + :more, #cap = :cap, #ver = #ver + :one",
            {"#avail": "avail", "#on_hand": "on_hand", "#ver": "ver", "#cap": "cap"},
            {":more": cap - item["cap"], ":cap": cap, ":one": 1, ":seen": item["cap"]},
        )
        try:
            self._table.update(keys.level_key(key), change, Expression("#cap = :seen"), returns="NONE")
        except ConditionFailed:
            return  # another worker did it

    def level(self, key: LevelKey) -> Level | None:
        item = self._table.get(keys.level_key(key))
        return level_of(key, item) if item else None

    def levels(self, keys_: Sequence[LevelKey]) -> dict[LevelKey, Level]:
        wanted = {keys.level_key(key)["pk"]: key for key in keys_}
        items = self._table.batch_get([{"pk": pk, "sk": "LEVEL"} for pk in wanted])
        return {wanted[item["pk"]]: level_of(wanted[item["pk"]], item) for item in items}

    def head(self, shop: str, sku: str) -> Head | None:
        item = self._table.get(keys.head_key(shop, sku))
        return Head.model_validate(item) if item else None

    def with_heads(self, shop: str, wanted: Mapping[str, Sequence[str]]) -> tuple[dict[str, Head], dict[LevelKey, Level]]:
        parts = [LevelKey(shop=shop, sku=sku, part=part) for sku, names in wanted.items() for part in names]
        by_pk = {keys.level_key(key)["pk"]: key for key in parts}
        items = self._table.batch_get([*(keys.head_key(shop, sku) for sku in wanted), *({"pk": pk, "sk": "LEVEL"} for pk in by_pk)])
        heads = [Head.model_validate(item) for item in items if item["sk"] == "SKU"]
        levels = [level_of(by_pk[item["pk"]], item) for item in items if item["sk"] == "LEVEL"]
        return {head.sku: head for head in heads}, {level.key: level for level in levels}

    def save_head(self, head: Head, seen: Head) -> bool:
        change, unchanged = _head_change(head, seen)
        try:
            self._table.update(keys.head_key(head.shop, head.sku), change, unchanged, returns="NONE")
        except ConditionFailed as lost:
            return lost.item is not None and _same_layout(Head.model_validate(lost.item), head)
        return True

    def head_check(self, seen: Head) -> Write:
        unchanged = Expression(SAME_HEAD, {"#version": "version"}, {":seen": seen.version})
        return self._table.check_write(keys.head_key(seen.shop, seen.sku), unchanged, _moved())

    def retire_writes(self, head: Head, seen: Head, emptied: Sequence[LevelKey]) -> list[Write]:
        change, unchanged = _head_change(head, seen)
        empty = Expression(EMPTY, {"#on_hand": "on_hand", "#lk": "lk"}, {":nothing": 0})
        return [
            self._table.update_write(keys.head_key(head.shop, head.sku), change, unchanged, _moved()),
            *(self._table.check_write(keys.level_key(key), empty, _moved()) for key in emptied),
        ]

    def tell_layout(self, key: LevelKey, shards: int, made: int) -> None:
        change = Expression("SET #of = :of, #ver = #ver + :one", {"#of": "of", "#ver": "ver"}, {":of": [shards, made], ":one": 1})
        try:
            self._table.update(
                keys.level_key(key), change, Expression("attribute_exists(#lk) AND #of <> :of", {"#lk": "lk"}), returns="NONE"
            )
        except ConditionFailed:
            return  # it knows

    def await_units(self, key: LevelKey, waiting: bool) -> None:
        set_, there = ("SET #awaited = :one, #ver = #ver + :one", "attribute_exists(#lk) AND attribute_not_exists(#awaited)")
        clear, gone = ("SET #ver = #ver + :one REMOVE #awaited", "attribute_exists(#awaited)")
        names = {"#awaited": "awaited", "#ver": "ver"}
        change = Expression(set_ if waiting else clear, names, {":one": 1})
        try:
            condition = Expression(there, {"#lk": "lk"}) if waiting else Expression(gone)
            self._table.update(keys.level_key(key), change, condition, returns="NONE")
        except ConditionFailed:
            return  # it is so already

    def mark_hot(self, shop: str, sku: str, hot: bool) -> None:
        if hot:
            self._table.put({**keys.hot_key(shop, sku), "sku": sku})
        else:
            self._table.delete(keys.hot_key(shop, sku))

    def hot(self, shop: str) -> list[str]:
        of_shop = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.hot_skus(shop)})
        return [item["sku"] for item in self._table.query_all(of_shop)]

    def take(self, key: LevelKey, name: str, entry: Entry) -> Glance:
        change = Expression(
            "SET #avail = #avail - :quantity, #lk.#name = :entry, #ver = #ver + :one",
            {**_LOCKED, "#name": name},
            {":quantity": entry.quantity, ":entry": entry_wire(entry), ":one": 1},
        )
        takeable = Expression(f"{ENOUGH_LEFT} AND {NOT_TAKEN_YET} AND {NOBODY_WAITS}", {"#awaited": "awaited"})
        try:
            return glance_of(key, self._table.update(keys.level_key(key), change, takeable))
        except ConditionFailed as refusal:
            raise NotTaken(level_of(key, refusal.item) if refusal.item else None) from refusal

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> Glance:
        """An entry of the same name is written over, not removed: an expression may name a path once.

        Of an awaited part only his own units were planned for him; that others wait since it was seen is a change of it.
        """
        aliases = {old: "#name" if old == name else f"#f{i}" for i, old in enumerate(freed)}
        gone = [f"#lk.{alias}" for alias in aliases.values() if alias != "#name"]
        back = sum(old.quantity for old in freed.values())
        change = Expression(
            "SET #avail = #avail + :delta, #lk.#name = :entry, #ver = #ver + :one" + (f" REMOVE {', '.join(gone)}" if gone else ""),
            {**_LOCKED, "#name": name, **{alias: old for old, alias in aliases.items()}},
            {
                ":delta": back - entry.quantity,
                ":entry": entry_wire(entry),
                ":one": 1,
                ":needed": entry.quantity - back,
                **{f":f{i}": entry_wire(old) for i, old in enumerate(freed.values())},
            },
        )
        same = [f"#lk.{alias} = :f{i}" for i, alias in enumerate(aliases.values())]
        guards = [*([] if name in freed else [NOT_TAKEN_YET]), *([] if seen.awaited else [NOBODY_WAITS])]
        names = {} if seen.awaited else {"#awaited": "awaited"}
        unchanged = Expression(" AND ".join(["#avail >= :needed", *guards, *same]), names)
        try:
            return glance_of(seen.key, self._table.update(keys.level_key(seen.key), change, unchanged))
        except ConditionFailed as refusal:
            raise LevelMoved from refusal

    def give_back(self, key: LevelKey, name: str, entry: Entry) -> bool:
        change = Expression(
            "SET #avail = #avail + :quantity, #ver = #ver + :one REMOVE #lk.#name",
            {**_LOCKED, "#name": name},
            {":quantity": entry.quantity, ":one": 1, ":entry": entry_wire(entry)},
        )
        try:
            self._table.update(keys.level_key(key), change, Expression(SAME_ENTRY), returns="NONE")
        except ConditionFailed:
            return False
        return True

    def extend_write(self, key: LevelKey, name: str, before: Entry, until: datetime) -> Write:
        change = Expression(
            "SET #lk.#name = :after, #ver = #ver + :one",
            {"#lk": "lk", "#ver": "ver", "#name": name},
            {":after": [before.quantity, epoch_ms(until)], ":one": 1, ":entry": entry_wire(before)},
        )
        return self._table.update_write(keys.level_key(key), change, Expression(SAME_ENTRY), _hold_lost())

    def sell_held_write(self, seen: Level, name: str, quantity: int, document: str) -> Write:
        change = Expression(
            "SET #on_hand = #on_hand - :quantity, #last = :document, #ver = #ver + :one REMOVE #lk.#name",
            {"#on_hand": "on_hand", "#ver": "ver", "#lk": "lk", "#last": "last", "#name": name},
            {":quantity": quantity, ":one": 1, ":document": document, **_last_seen(seen)},
        )

        def refusal(item: Item | None) -> HoldfastError:
            held = item is not None and item["lk"].get(name, [0])[0] == quantity
            return _moved() if held else _hold_lost()

        return self._table.update_write(keys.level_key(seen.key), change, Expression(f"{STILL_HELD} AND {_same_last(seen)}"), refusal)

    def level_check(self, seen: Level) -> Write:
        return self._table.check_write(keys.level_key(seen.key), Expression(SAME_LEVEL, {"#ver": "ver"}, {":seen": seen.version}), _moved())

    def change_write(self, seen: Level, quantity: int, document: str, *, kept: int | None = None, exact: bool = False) -> Write:
        kept_now = seen.kept
        more_kept = 0 if kept is None else kept - kept_now
        names, values = dict(_OWNED), dict(_last_seen(seen))
        text = "SET #avail = #avail + :free, #on_hand = #on_hand + :owned, #last = :document, #ver = #ver + :one"
        values |= {":free": quantity - more_kept, ":owned": quantity, ":document": document, ":one": 1, ":needed": more_kept - quantity}
        conditions = [_same_last(seen), "#avail >= :needed", "attribute_exists(#lk)"]
        if exact:
            values[":seen"] = seen.version
            conditions.append(SAME_LEVEL)
        if more_kept:
            text, condition = _keep(text, names, values, kept or 0, kept_now)
            conditions.append(condition)

        def refusal(item: Item | None) -> HoldfastError:
            if item is None:
                return UnknownStock()
            moved = item.get("last") != seen.last or (exact and item["ver"] != seen.version)
            if moved or item["avail"] >= more_kept - quantity:
                return _moved()
            return _short(seen.key.sku, more_kept - quantity, item["avail"])

        return self._table.update_write(
            keys.level_key(seen.key), Expression(text, names, values), Expression(" AND ".join(conditions)), refusal
        )

    def use_write(self, key: LevelKey, name: str, quantity: int, back: int = 0) -> Write:
        change = Expression(
            "SET #avail = #avail + :back, #on_hand = #on_hand - :used, #ver = #ver + :one REMOVE #lk.#name",
            {"#avail": "avail", "#on_hand": "on_hand", "#ver": "ver", "#lk": "lk", "#name": name},
            {":quantity": quantity, ":back": back, ":used": quantity - back, ":one": 1},
        )
        return self._table.update_write(keys.level_key(key), change, Expression(STILL_HELD), _hold_lost())

    def restore_write(self, key: LevelKey, quantity: int) -> Write:
        """Guarded against repetition by what is committed with it."""
        change = Expression(
            "SET #avail = #avail + :quantity, #on_hand = #on_hand + :quantity, #ver = #ver + :one",
            {"#avail": "avail", "#on_hand": "on_hand", "#ver": "ver"},
            {":quantity": quantity, ":one": 1},
        )
        return self._table.update_write(keys.level_key(key), change, THERE, UnknownStock())

    def announce(self, shop: str, sku: str) -> None:
        change = Expression("SET #restocks = #restocks + :one", {"#restocks": "restocks"}, {":one": 1})
        try:
            self._table.update(keys.head_key(shop, sku), change, THERE, returns="NONE")
        except ConditionFailed:
            return  # a SKU that never was: nobody waits for it

    def announce_write(self, seen: Head) -> Write:
        """The version goes up: a layout that was decided on before this change is decided again."""
        change = Expression(
            "SET #restocks = #restocks + :one, #version = #version + :one, #locations = :locations",
            {"#restocks": "restocks", "#version": "version", "#locations": "locations"},
            {":one": 1, ":locations": record(seen)["locations"]},
        )
        unchanged = Expression(SAME_HEAD, {}, {":seen": seen.version})
        return self._table.update_write(keys.head_key(seen.shop, seen.sku), change, unchanged, _moved())


class DynamoStock:
    """The stock context's store."""

    def __init__(self, stock: Table, locks: Table, commit: Commit) -> None:
        self.levels = DynamoLevels(stock)
        self.ledger = DynamoLedger(stock, locks)
        self.locks = DynamoLocks(locks)
        self.commit = commit


def _keep(text: str, names: dict[str, str], values: dict[str, Any], kept: int, kept_now: int) -> tuple[str, str]:
    """The shop's own entry becomes `kept` units, if it still has `kept_now`: the change, and its condition."""
    names["#safety"] = SAFETY
    if kept_now:
        values[":kept_now"] = entry_wire(Entry(quantity=kept_now, expires_at=NEVER))
    if kept:
        values[":kept"] = entry_wire(Entry(quantity=kept, expires_at=NEVER))
    text += ", #lk.#safety = :kept" if kept else " REMOVE #lk.#safety"
    return text, "#lk.#safety = :kept_now" if kept_now else "attribute_not_exists(#lk.#safety)"


def _same_last(seen: Level) -> str:
    return SAME_LAST if seen.last else NO_LAST


def _last_seen(seen: Level) -> dict[str, Any]:
    return {":last": seen.last} if seen.last else {}


def _head_item(head: Head) -> Item:
    return {**keys.head_key(head.shop, head.sku), **record(head)}


def _head_change(head: Head, seen: Head) -> tuple[Expression, Expression]:
    fields = {"shards", "made", "ever", "pinned", "safety_stock", "locations", "left", "version"}
    values = {name: value for name, value in record(head).items() if name in fields}
    change = Expression(
        "SET " + ", ".join(f"#{name} = :{name}" for name in sorted(values)),
        {f"#{name}": name for name in values},
        {**{f":{name}": value for name, value in values.items()}, ":seen": seen.version},
    )
    return change, Expression(SAME_HEAD)


def _same_layout(found: Head, wanted: Head) -> bool:
    return found.model_copy(update={"restocks": wanted.restocks}) == wanted


def _hold_lost() -> HoldLost:
    return HoldLost("The hold has run out, and its units with it.")


def _moved() -> LedgerMoved:
    return LedgerMoved("The stock was changed meanwhile. Try again.")


def _short(sku: str, requested: int, available: int) -> InsufficientStock:
    return InsufficientStock("Not enough is left.", lines=[{"sku": sku, "requested": requested, "available": available}])
