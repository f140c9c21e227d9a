"""Style, types and templates: each check by the tool that is locked for it."""

from collections.abc import Sequence
from pathlib import Path

from infra.local import environments, processes, sam
from infra.local.paths import ROOT, TEMPLATE
from infra.local.progress import say, step


def commands() -> list[tuple[str, Sequence[str | Path]]]:
    ruff, mypy = environments.tool("project", "ruff"), environments.tool("project", "mypy")
    children = sorted((ROOT / "infra").glob(sam.CHILDREN))
    return [
        ("ruff check", [ruff, "check", "."]),
        ("ruff format --check", [ruff, "format", "--check", "."]),
        ("mypy --strict layers functions infra", [mypy, "--strict", "layers/holdfast/holdfast", "functions", "infra"]),
        ("cfn-lint", [environments.tool("deploy", "cfn-lint"), TEMPLATE, *children]),
        ("sam validate --lint", [environments.tool("deploy", "sam"), "validate", "--lint", "--template-file", TEMPLATE]),
    ]


def check() -> bool:
    """Run all of them, show what each has to say, and whether all are content."""
    passed = [_passes(title, argv) for title, argv in commands()]
    return all(passed)


def _passes(title: str, argv: Sequence[str | Path]) -> bool:
    with step(title) as current:
        code, said = processes.ask(argv, sam.env())
        if code != 0:
            current.failed()
    if code != 0:
        say(said)
    return code == 0
