"""Three Python environments, locked and hashed. Three, because the emulator and SAM CLI each pin boto3 to a different exact version."""

import hashlib
import io
import os
import platform
import re
import sys
import sysconfig
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin

from infra.local import stamps
from infra.local.locks import held
from infra.local.paths import LAYERS, LOCAL, REQUIREMENTS, ROOT
from infra.local.processes import network_env, run
from infra.local.progress import step
from infra.local.trouble import Trouble

Environment = Literal["emulator", "deploy", "project"]
ALL: tuple[Environment, ...] = ("emulator", "deploy", "project")

VENVS = LOCAL / "venvs"
LOGS = LOCAL / "logs"
UV = VENVS / "uv" / "uv"
UV_INDEX = "https://pypi.org/simple/uv/"
DOWNLOAD_SECONDS = 30
UV_WHEELS = {
    ("Linux", "x86_64", "glibc"): "manylinux_2_17_x86_64",
    ("Linux", "aarch64", "glibc"): "manylinux_2_28_aarch64",
    ("Linux", "x86_64", ""): "musllinux_1_1_x86_64",
    ("Linux", "aarch64", ""): "musllinux_1_1_aarch64",
    ("Darwin", "x86_64", ""): "macosx_10_12_x86_64",
    ("Darwin", "arm64", ""): "macosx_11_0_arm64",
}
LOCKED_FOR = "3.11"  # the oldest Python that may run the project; locks are universal from there on
OFFLINE = "Is there a way to the Python package index from here? Proxies and mirrors are taken from HTTPS_PROXY, PIP_* and UV_*."


def interpreter() -> Path:
    """The Python that everything is made from: the one that runs this, outside of any environment."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def runtime() -> str:
    """As Lambda names it. The emulator runs functions with its own interpreter, so this is what is deployed locally."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def python_of(name: Environment) -> Path:
    return VENVS / name / "bin" / "python"


def tool(name: Environment, program: str) -> Path:
    return VENVS / name / "bin" / program


def ensure(*names: Environment) -> None:
    """Make the environments that are missing or out of date, side by side."""
    if all(map(is_fresh, names or ALL)):
        return
    with held(VENVS / "lock"):
        wanted = [name for name in names or ALL if not is_fresh(name)]
        with step(f"Python environments: {', '.join(wanted)}") as current, ThreadPoolExecutor() as pool:
            current.note = f"Python {platform.python_version()}"
            ensure_uv()
            list(pool.map(_make, wanted))


def ensure_uv() -> Path:
    """The one installer, pinned and checked by hash. Straight from the index if it can be reached so (needs no pip), else through pip."""
    lock = REQUIREMENTS / "uv.txt"
    expected = stamps.digest(lock, _signature())
    if stamps.fresh(UV.parent / ".stamp", expected) and UV.exists():
        return UV
    UV.parent.mkdir(parents=True, exist_ok=True)
    try:
        _unpack_uv(lock)
    except (OSError, LookupError, zipfile.BadZipFile) as reason:
        _install_uv_with_pip(lock, reason)
    stamps.write(UV.parent / ".stamp", expected)
    return UV


def uv(command: str, *arguments: str | Path, log: Path, what: str) -> None:
    env = network_env(UV_NO_CONFIG="1", UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1", UV_LINK_MODE=_link_mode())
    run([ensure_uv(), *command.split(), *arguments], log, env, what, OFFLINE)


def relock() -> list[Path]:
    """Resolve every lock file anew, within the pins of the .in files."""
    layer = LAYERS / "dependencies"
    plan: list[tuple[Path, Sequence[str]]] = [
        (REQUIREMENTS / "uv.in", []),
        (layer / "requirements.in", ["--excludes", str(layer / "excluded.txt")]),
        (REQUIREMENTS / "emulator.in", []),
        (REQUIREMENTS / "deploy.in", []),
        # Tests must run on exactly what the layer holds.
        (
            REQUIREMENTS / "project.in",
            ["--excludes", str(REQUIREMENTS / "project-excluded.txt"), "--constraints", str(layer / "requirements.txt")],
        ),
    ]
    return [_lock(source, options) for source, options in plan]


def _lock(source: Path, options: Sequence[str]) -> Path:
    target = source.with_suffix(".txt").relative_to(ROOT)
    how = f"pip compile --universal --python-version {LOCKED_FOR} --generate-hashes --upgrade --no-annotate"
    told = ("--custom-compile-command", "python3 infra/dev.py lock")  # in the head of the file, instead of the paths of this machine
    with step(f"Lock {target}"):
        uv(how, *told, *options, source.relative_to(ROOT), "-o", target, log=LOGS / "lock.log", what=f"Locking {source.name}")
    return target


def is_fresh(name: Environment) -> bool:
    return stamps.fresh(VENVS / name / ".stamp", _stamp(name)) and python_of(name).exists()


def _stamp(name: Environment) -> str:
    return stamps.digest(REQUIREMENTS / f"{name}.txt", _signature())


def _signature() -> str:
    return f"{interpreter()} {sys.version} {sysconfig.get_platform()}"


def _make(name: Environment) -> None:
    folder, log = VENVS / name, LOGS / f"environment-{name}.log"
    uv("venv --clear", "--python", interpreter(), folder, log=log, what=f"Making the {name} environment")
    # --no-deps: the lock is complete, and what it leaves out (Chalice's own command line) is left out on purpose.
    how, lock = "pip install --require-hashes --no-deps", REQUIREMENTS / f"{name}.txt"
    uv(how, "--python", python_of(name), "-r", lock, log=log, what=f"Installing the {name} environment")
    stamps.write(folder / ".stamp", _stamp(name))


def _link_mode() -> str:
    return "clone" if sys.platform == "darwin" else "hardlink"


def _unpack_uv(lock: Path) -> None:
    version, hashes = read_pin(lock.read_text())
    url = wheel_url(_download(UV_INDEX).decode(), version, _wheel_tag())
    wheel = _download(urljoin(UV_INDEX, url))
    if hashlib.sha256(wheel).hexdigest() not in hashes:
        raise LookupError(f"{url} is not the file that was locked")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        UV.write_bytes(archive.read(member))
    UV.chmod(0o755)


def read_pin(lock: str) -> tuple[str, set[str]]:
    """The version and the hashes of uv from its lock file."""
    version = re.search(r"^uv==(\S+)", lock, re.MULTILINE)
    if version is None:
        raise LookupError("no pin of uv in its lock file")
    return version[1], set(re.findall(r"sha256:([0-9a-f]{64})", lock))


def wheel_url(page: str, version: str, tag: str) -> str:
    """The link to the wheel on the index page."""
    links: list[str] = re.findall(rf'href="([^"#]*uv-{re.escape(version)}-[^"#]*\.whl)', page)
    for link in links:
        if tag in link:
            return link
    raise LookupError(f"no wheel of uv {version} for {tag}")


def _wheel_tag() -> str:
    libc = "glibc" if platform.libc_ver()[0] == "glibc" else ""
    return UV_WHEELS[platform.system(), platform.machine(), libc]


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as answer:
        return bytes(answer.read())


def _install_uv_with_pip(lock: Path, reason: Exception) -> None:
    """The way for networks that only pip is configured for (mirrors, proxies with their own certificates)."""
    if find_spec("ensurepip") is None:
        advice = f"{OFFLINE}\nOr install python3-venv, so that pip can be used instead."
        raise Trouble(f"The installer uv could not be fetched from {UV_INDEX} ({reason}).", advice)
    folder, log, env = UV.parent / "pip", LOGS / "environment-uv.log", network_env()
    apt = "On Debian and Ubuntu: apt install python3-venv"
    run([interpreter(), "-m", "venv", "--clear", folder], log, env, "Making an environment for pip", apt)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
    run([*pip, "-r", lock], log, env, "Installing uv", OFFLINE)
    UV.unlink(missing_ok=True)
    UV.symlink_to(folder / "bin" / "uv")


def reexecute_in_project(script: Path, arguments: Sequence[str]) -> None:
    """Go on in the project's environment, in the same process. Returns if that is where we are."""
    if Path(sys.prefix).resolve() == (VENVS / "project").resolve():
        return
    ensure()  # all of them, as they are made side by side
    python = python_of("project")
    os.execve(python, [str(python), str(script), *arguments], dict(os.environ) | {"PYTHONPATH": ""})
