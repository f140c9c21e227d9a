"""Finds out why it does not work here: each finding with what to do about it. Reads only; starts and stops nothing."""

import os
import platform
import shutil
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from infra.local import emulator, environments, layers, loopback, ports
from infra.local.paths import LOCAL, ROOT, SAMCONFIG, TEMPLATE, shown
from infra.local.stack import Stack

DISK_GIGABYTES = 2.0
OPEN_FILES = 1024  # a burst of 64 function workers holds three pipes each, and every buyer a connection


@dataclass(frozen=True)
class Finding:
    good: bool
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{'ok ' if self.good else 'BAD'}  {self.what}" + (f"\n     -> {self.advice}" if not self.good and self.advice else "")


def examine(stack: Stack) -> int:
    """Print all findings; 1 if something is bad."""
    findings = [finding for look in LOOKS for finding in look(stack)]
    print("\n".join(map(str, findings)))
    return 0 if all(finding.good for finding in findings) else 1


def python(_: Stack) -> Iterator[Finding]:
    yield Finding(True, f"Python {platform.python_version()} at {environments.interpreter()} on {platform.platform()}")
    yield Finding(sys.implementation.name == "cpython", f"interpreter is {sys.implementation.name}", "The locked wheels are for CPython.")


def installer(_: Stack) -> Iterator[Finding]:
    missing = [name for name in environments.ALL if not environments.is_fresh(name)]
    yield Finding(True, f"environments to be made: {', '.join(missing)}" if missing else "all three Python environments are up to date")
    if missing:
        reached = _index_answers()
        yield Finding(reached or find_spec("ensurepip") is not None, "the Python package index or pip can be used", environments.OFFLINE)


def machine(_: Stack) -> Iterator[Finding]:
    free = shutil.disk_usage(ROOT).free / 1e9
    yield Finding(free > DISK_GIGABYTES, f"{free:.0f} GB of disk are free", f"At least {DISK_GIGABYTES:.0f} GB are needed.")
    limit = _open_files()
    yield Finding(limit >= OPEN_FILES, f"a process may open {limit} files", f"Raise it: ulimit -n {OPEN_FILES}")
    writable = os.access(ROOT, os.W_OK)
    yield Finding(writable, f"{ROOT} can be written", "State lies in the checkout, under .local and .build.")
    yield Finding(_loopback_works(), "127.0.0.1 can be bound and reached", "A firewall or sandbox stands between a program and itself.")


def checkout(_: Stack) -> Iterator[Finding]:
    for path in (TEMPLATE, SAMCONFIG):
        yield Finding(path.exists(), f"{shown(path)} is there", "The checkout is not complete.")
    built = (layers.BUILT / "dependencies.stamp").exists()
    yield Finding(True, "the layers are built" if built else "the layers will be built")


def running(stack: Stack) -> Iterator[Finding]:
    server = stack.server("emulator")
    if server is None:
        yield Finding(True, "the demo is not running")
        free = ports.is_free(ports.DEFAULT_PORT)
        yield Finding(free, f"port {ports.DEFAULT_PORT} is free", "Another program has it: demo --port N takes another.")
        return
    answers = emulator.healthy(emulator.url(server.port))
    yield Finding(answers, f"the emulator (process {server.pid}) answers at {emulator.url(server.port)}", _restart(stack, "emulator"))
    gateway = stack.server("gateway")
    yield Finding(gateway is not None, "the gateway runs", _restart(stack, "gateway"))
    facts = stack.read_status()
    if gateway and facts:
        healthy = loopback.answers(f"{facts['api_url']}/health", timeout=15)
        yield Finding(healthy, f"{facts['api_url']}/health answers", "python3 infra/dev.py logs --function health_http")


def leftovers(_: Stack) -> Iterator[Finding]:
    folders = [path for path in LOCAL.glob("test/*/*/tmp") if path.is_dir()] if LOCAL.exists() else []
    yield Finding(
        len(folders) < 2,
        f"{len(folders)} test runs hold temporary files",
        "A run is going on, or was cut off hard: the next one cleans up.",
    )


LOOKS: tuple[Callable[[Stack], Iterator[Finding]], ...] = (python, installer, machine, checkout, running, leftovers)


def _index_answers() -> bool:
    try:
        with urllib.request.urlopen(environments.UV_INDEX, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _open_files() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _loopback_works() -> bool:
    try:
        with socket.create_server((ports.HOST, 0)) as server, socket.create_connection(server.getsockname(), timeout=2):
            return True
    except OSError:
        return False


def _restart(stack: Stack, name: str) -> str:
    return f"python3 infra/dev.py down, then demo. Its log: {shown(stack.logs / f'{name}.log')}"
