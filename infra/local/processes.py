"""Start, watch and stop processes, by their id and only ours."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.paths import ROOT
from infra.local.trouble import Trouble

# What a tool may see of the user's environment: where programs and certificates are, how to reach the network. Nothing of AWS or Python.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "TZ", "XDG_CACHE_HOME")
KEPT_FOR_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
KEPT_PREFIXES = ("UV_", "PIP_")
GRACE_SECONDS = 3.0
BURIAL_SECONDS = 0.5
PROC = Path("/proc")  # Linux; elsewhere `ps` is asked

_children: dict[int, "subprocess.Popen[bytes]"] = {}


def bare_env(**extra: str) -> dict[str, str]:
    """For what runs our code: no setting of the user's shell may reach a function."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | extra


def network_env(**extra: str) -> dict[str, str]:
    """For installers: the user's proxies, certificates and package index count."""
    wanted = {*KEPT_FOR_NETWORK, *(name.lower() for name in KEPT_FOR_NETWORK)}
    kept = {name: value for name, value in os.environ.items() if name in wanted or name.startswith(KEPT_PREFIXES)}
    return bare_env(**kept) | extra


def run(argv: Sequence[str | Path], log: Path, env: Mapping[str, str], what: str, advice: str = "", cwd: Path = ROOT) -> None:
    """Run to the end with the output in a log file; on failure show the end of it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        code = call(argv, env, cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    if code != 0:
        raise Trouble(f"{what} failed (exit code {code}).", advice, log)


def call(argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path = ROOT, **streams: Any) -> int:
    """Run to the end on this terminal; the exit code."""
    return subprocess.run([str(part) for part in argv], check=False, env=dict(env), cwd=cwd, **streams).returncode


def ask(argv: Sequence[str | Path], env: Mapping[str, str]) -> tuple[int, str]:
    """Run to the end and listen; the exit code and all that was said."""
    done = subprocess.run(
        [str(part) for part in argv],
        check=False,
        env=dict(env),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout.rstrip()


def start(argv: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path = ROOT) -> int:
    """Start a server in a session of its own, so that Ctrl+C reaches us first and its children can be stopped with it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    _children[child.pid] = child
    # The system tells us of the new program a moment before it shows its command line, by which `alive` knows it.
    while child.poll() is None and not command_line(child.pid):
        time.sleep(0.001)
    return child.pid


def alive(pid: int, mark: str) -> bool:
    """Whether the process lives and is still the one we started: ids are used again, so its command line must contain the mark."""
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    return mark in command_line(pid)


def command_line(pid: int) -> str:
    if PROC.is_dir():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return ask(["ps", "-ww", "-o", "command=", "-p", str(pid)], bare_env())[1]


def stop(pid: int, mark: str, grace_seconds: float = GRACE_SECONDS) -> bool:
    """End a process started by `start` and its children. False if it was gone or never ours."""
    if not alive(pid, mark):
        return False
    for sent in (signal.SIGTERM, signal.SIGKILL):
        _signal_group(pid, sent)
        if _gone(pid, mark, grace_seconds):
            break
    # Children that outlived their parent are still in its group.
    _signal_group(pid, signal.SIGKILL)
    if pid in _children:
        _children.pop(pid).wait()
    _wait_for_group(pid)
    return True


def _signal_group(pid: int, sent: signal.Signals) -> None:
    try:
        os.killpg(pid, sent)
    except (ProcessLookupError, PermissionError):
        return


def _wait_for_group(pid: int) -> None:
    """Until nobody is left in it; not for ever, as a container may have nobody who buries the dead."""
    deadline = time.monotonic() + BURIAL_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(pid, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.005)


def _gone(pid: int, mark: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid, mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _reap(pid: int) -> None:
    """A dead child of ours stays visible as a zombie until somebody asks for its exit code."""
    child = _children.get(pid)
    if child is not None:
        child.poll()
