"""One running stack: emulator, deployment, gateway. The demo has one; each test run has its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import emulator, environments, fixups, loopback, ports, processes, sam, seed, stamps, status
from infra.local.locks import held
from infra.local.paths import LOCAL, ROOT, SAMCONFIG
from infra.local.progress import say, step
from infra.local.trouble import Trouble

GATEWAY_SECONDS = 15.0
STOP_SECONDS = 0.5  # nothing is kept, so nothing need be asked politely for long


@dataclass(frozen=True)
class Server:
    """A process of ours: by its id alone another program could be taken for it, so a mark of its command line goes along."""

    pid: int
    port: int
    mark: str

    @property
    def alive(self) -> bool:
        return processes.alive(self.pid, self.mark)


class Stack:
    """Everything about a stack lies in its folder; whoever opens the folder sees the same stack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status_file = folder / "status.json"
        self.key_file = folder / "admin.key"
        self.logs = folder / "logs"
        self._servers = folder / "servers.json"
        self._deployed = folder / "deployed.stamp"
        self._gateway_stamp = folder / "gateway.stamp"

    @classmethod
    def demo(cls) -> "Stack":
        return cls(LOCAL / "demo")

    def alone(self) -> AbstractContextManager[None]:
        """Two commands at once would start two emulators; the second waits."""
        return held(self.folder / "lock")

    def server(self, name: str) -> Server | None:
        """The running one, or nothing."""
        row = self._rows().get(name)
        found = Server(**row) if row else None
        return found if found and found.alive else None

    def read_status(self) -> status.Status | None:
        """While the stack runs."""
        if not (self.server("emulator") and self.status_file.exists()):
            return None
        return dict(json.loads(self.status_file.read_text()))

    def demand_status(self) -> status.Status:
        facts = self.read_status()
        if facts is None:
            raise Trouble("The demo is not running.", "Start it: python3 infra/dev.py demo --detach")
        return facts

    def up(self, port: int | None = None) -> status.Status:
        """Bring it up, or up to date; what runs and is unchanged stays."""
        environments.ensure()
        with self.alone():
            port = self._choose_port(port)
            built = sam.build()
            endpoint = self._ensure_current(port, built)
            known = status.outputs(endpoint, sam.stack_name())
            facts = status.compose(endpoint, port, known, sam.parameters(sam.settings()), self._seed(endpoint, known))
            self._write_status(facts)
            self._ensure_gateway(port)
            self._connect_providers(facts)
            return facts

    def bare_emulator(self) -> str:
        """Only the emulator, for tests that make their own tables."""
        environments.ensure("emulator")
        with self.alone():
            return self._ensure_emulator()

    def down(self) -> list[str]:
        """Stop what this stack started; the names of what was running."""
        if not self.folder.exists():
            return []
        with self.alone():
            stopped = [name for name in ("gateway", "emulator") if self._stop(name)]
            for path in (self._servers, self._deployed, self._gateway_stamp, self.status_file, self.key_file):
                path.unlink(missing_ok=True)
            shutil.rmtree(self.folder / "tmp", ignore_errors=True)
            return stopped

    def forget(self) -> None:
        """Stop it and keep not even its logs."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def gone(self) -> str | None:
        """The name of a server that should run and does not."""
        return next((name for name, row in self._rows().items() if not Server(**row).alive), None)

    def _rows(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self._servers.read_text()))
        except FileNotFoundError:
            return {}

    def _remember(self, name: str, server: Server) -> None:
        _write(self._servers, json.dumps(self._rows() | {name: server.__dict__}, indent=2))

    def _stop(self, name: str) -> bool:
        row = self._rows().get(name)
        return row is not None and processes.stop(row["pid"], row["mark"], grace_seconds=STOP_SECONDS)

    def _ensure_emulator(self) -> str:
        with step("Emulator") as current:
            running = self.server("emulator")
            if running and emulator.healthy(emulator.url(running.port)):
                current.note = "already running"
                return emulator.url(running.port)
            self._stop("emulator")
            self._deployed.unlink(missing_ok=True)
            self.key_file.unlink(missing_ok=True)
            pid, endpoint = emulator.start(self.folder, self.logs / "emulator.log")
            self._remember("emulator", Server(pid, int(endpoint.rsplit(":", 1)[1]), emulator.MARK))
            current.note = endpoint
            return endpoint

    def _choose_port(self, wanted: int | None) -> int:
        running = self.server("gateway")
        if running and wanted in (None, running.port):
            return running.port
        return ports.demand(wanted or ports.DEFAULT_PORT)

    def _ensure_current(self, port: int, built: str) -> str:
        """An emulator with what was built. The emulator cannot update a nested stack: then it starts anew, with nothing in it."""
        endpoint = self._ensure_emulator()
        updated_in_place = self._deployed.exists()
        try:
            self._ensure_deployed(endpoint, port, built)
        except Trouble:
            if not updated_in_place:
                raise
            say("The emulator cannot change this deployment in place; it starts afresh.")
            self._stop("emulator")
            endpoint = self._ensure_emulator()
            self._ensure_deployed(endpoint, port, built)
        return endpoint

    def _ensure_deployed(self, endpoint: str, port: int, built: str) -> None:
        own = parameters(port)
        expected = stamps.digest(built, json.dumps(own, sort_keys=True), SAMCONFIG, Path(fixups.__file__))
        with step("sam deploy") as current:
            if stamps.fresh(self._deployed, expected):
                current.unchanged()
                return
            sam.deploy(endpoint, own, self.logs / "sam-deploy.log")
        with step("Restore what the emulator drops") as current:
            current.note = fixups.apply(endpoint, sam.stack_name())
        stamps.write(self._deployed, expected)

    def _seed(self, endpoint: str, known: dict[str, str]) -> str:
        api = f"{endpoint}/_aws/execute-api/{status.needed(known, 'ApiId')}/{status.STAGE}"
        with step("Demo shop") as current:
            current.note = status.SHOP
            return seed.seed(endpoint, api, status.needed(known, "OperationsCommandFunction"), self.key_file)

    def _write_status(self, facts: status.Status) -> None:
        """It holds the admin key, so it is for this user only."""
        _write(self.status_file, json.dumps(facts, indent=2) + "\n", mode=0o600)

    def _ensure_gateway(self, port: int) -> None:
        with step("Gateway") as current:
            current.note = f"http://{ports.HOST}:{port}"
            expected = stamps.digest(ROOT / "infra" / "local" / "gateway", ROOT / "infra" / "providers", port)
            if self.server("gateway") and stamps.fresh(self._gateway_stamp, expected):
                current.note += "   already running"
                return
            self._stop("gateway")
            self._start_gateway(port)
            stamps.write(self._gateway_stamp, expected)

    def _connect_providers(self, facts: status.Status) -> None:
        with step("Payment providers") as current:
            current.note = ", ".join(seed.connect(facts["api_url"], facts["admin_key"], facts["providers_url"]))

    def _start_gateway(self, port: int) -> None:
        log = self.logs / "gateway.log"
        python = environments.python_of("project")
        argv: list[str | Path] = [python, "-m", "infra.local.gateway", "--port", str(port), "--status-file", self.status_file]
        server = Server(processes.start(argv, log, processes.bare_env(PYTHONUNBUFFERED="1")), port, str(self.status_file))
        self._remember("gateway", server)
        deadline = time.monotonic() + GATEWAY_SECONDS
        while not loopback.answers(f"http://{ports.HOST}:{port}/"):
            if not server.alive or time.monotonic() > deadline:
                raise Trouble("The gateway did not start.", log=log)
            time.sleep(0.05)


def parameters(port: int) -> dict[str, str]:
    """What the local deployment adds to samconfig.toml: this machine, and where its pages are."""
    base = f"http://{ports.HOST}:{port}"
    return {
        "Runtime": environments.runtime(),
        "Architecture": environments.architecture(),
        "SandboxPayUrl": f"{base}/pay",
        "StorefrontUrl": base,
        "ApiUrl": f"{base}/{status.STAGE}",
        "ProviderReroute": base + status.PROVIDERS,
    }


KEEP = b"keep"


def guard(*stacks: Stack) -> "subprocess.Popen[bytes]":
    """A process that stops the stacks when we are gone, even killed: its stdin is a pipe that only we hold open.

    Who wants them to outlive us says KEEP into that pipe.
    """
    argv = [sys.executable, "-m", "infra.local.watchdog", *(str(stack.folder) for stack in stacks)]
    log = subprocess.DEVNULL
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT, env=processes.bare_env(), start_new_session=True)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Whole or not at all: others read these files at any time."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=mode)
    temporary.write_text(text)
    temporary.replace(path)
