"""Runs pytest with everything it may ask for. The stack of the tests is started by the first test that needs it (tests/conftest.py)."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from infra.local import emulator, environments, ports, processes
from infra.local.paths import LOCAL, ROOT
from infra.local.progress import say
from infra.local.stack import Stack, guard
from infra.local.trouble import Trouble

RUNS = LOCAL / "test"
BENCHES = ROOT / "tests" / "bench"
STATUS = "HOLDFAST_STATUS"  # a status.json to test against instead of a stack of our own


class TestRun:
    """What one run of pytest may start: a deployed stack, and a bare emulator for contract tests. Both end with it, however it ends."""

    __test__ = False  # pytest must not collect it

    def __init__(self) -> None:
        self.folder = Path(os.environ.setdefault("HOLDFAST_TEST_RUN", str(RUNS / str(os.getpid()))))
        self.stack, self.bare = Stack(self.folder / "stack"), Stack(self.folder / "bare")

    def open(self) -> None:
        forget_old_runs()
        self._guard = guard(self.stack, self.bare)

    def close(self) -> None:
        self.stack.down()
        self.bare.down()
        self._guard.communicate()

    def stack_status(self) -> dict[str, object]:
        """Of the shared stack; started if this is the first to ask."""
        return self.stack.read_status() or self.stack.up(ports.free_port())


def run(arguments: Sequence[str]) -> NoReturn:
    """pytest takes our place: its exit code, its closing line, and whoever stops us stops it."""
    python = environments.python_of("project")
    os.chdir(ROOT)
    os.execve(python, [str(python), "-m", "pytest", *arguments], env())


def env(**extra: str) -> dict[str, str]:
    """A user's AWS configuration, log level or Python path must not reach a test; the first one that needs a stack may have to install."""
    given = {name: os.environ[name] for name in (STATUS, "CI", "COLUMNS") if name in os.environ}
    # moto knows no endpoints that carry the account's id.
    given |= emulator.credentials() | {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled", "NO_PROXY": "127.0.0.1,localhost"}
    return processes.network_env(**given) | extra


def bench(demo: Stack, names: Sequence[str]) -> int:
    """Each measurement is a module of tests/bench; it finds the stack by HOLDFAST_STATUS."""
    known = sorted(path.stem for path in BENCHES.glob("*.py") if not path.stem.startswith(("_", "conftest")))
    if unknown := set(names) - set(known):
        raise Trouble(f"There is no measurement {', '.join(sorted(unknown))}.", f"There are: {', '.join(known) or 'none'}")
    chosen = names or known
    # Imports are measured without a stack, and better so: it would take the processor.
    if not any(STATUS in (BENCHES / f"{name}.py").read_text("utf-8") for name in chosen):
        return _measure(chosen, env())
    with _measured_stack(demo) as status_file:
        return _measure(chosen, env(**{STATUS: str(status_file)}))


def _measure(names: Sequence[str], given: dict[str, str]) -> int:
    python = environments.python_of("project")
    return max((processes.call([python, "-m", f"tests.bench.{name}"], given) for name in names), default=0)


def forget_old_runs() -> None:
    """Runs keep their logs until the next one begins."""
    for folder in RUNS.glob("*"):
        if folder.name.isdigit() and not processes.alive(int(folder.name), ""):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _measured_stack(demo: Stack) -> Iterator[Path]:
    if demo.read_status():
        yield demo.status_file
        return
    say("The demo is not running: measuring on a stack of its own.")
    run_of_ours = TestRun()
    run_of_ours.open()
    try:
        run_of_ours.stack_status()
        yield run_of_ours.stack.status_file
    finally:
        run_of_ours.close()
