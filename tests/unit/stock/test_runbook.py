"""The runbook knows each code that an audit, the orphans' finder and the stream can tell, and no other."""

import ast
import re
from pathlib import Path

from holdfast.stock import orphans

ROOT = Path(__file__).resolve().parents[3]
STOCK = ROOT / "layers" / "holdfast" / "holdfast" / "stock"


def told() -> set[str]:
    """Codes that findings are made with."""
    calls = [node for name in ("ledger", "auditing") for node in ast.walk(ast.parse((STOCK / f"{name}.py").read_text("utf-8")))]
    return {
        str(keyword.value.value)
        for node in calls
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }


def section() -> str:
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    return page.split("## Stock does not add up")[1].split("\n## ")[0]


def rows(heading: str) -> set[str]:
    table = section().split(f"| {heading} |")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


def test_each_code_of_an_audit_is_explained() -> None:
    assert rows("Code") == told()
    assert len(told()) == 8


def test_each_kind_of_orphan_is_explained() -> None:
    assert rows("Kind") == set(orphans._REPAIRS)


def test_each_command_that_it_shows_exists_and_has_a_sample() -> None:
    shown = set(re.findall(r'"command":"(\w+)"', section()))
    samples = "".join(path.read_text("utf-8") for path in (ROOT / "events" / "operations_command").glob("*.json"))
    assert shown == {"audit_stock", "rebuild_stock", "find_orphans", "stock_cleanup", "reshard"}
    assert all(f'"{name}"' in samples for name in shown)
