"""Assembles the two layers under .build/layers, ready to be zipped as they are: `python/` is what Lambda puts on the path."""

import json
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.local import environments, stamps
from infra.local.locks import held
from infra.local.paths import BUILD, LAYERS, shown
from infra.local.progress import step

Target = Literal["local", "aws"]

BUILT = BUILD / "layers"
LOG = environments.LOGS / "layers.log"
RECIPE = Path(__file__)  # a change of what is pruned here makes the layer anew

AWS_PYTHON = "3.13"
AWS_PLATFORM = "aarch64-manylinux_2_28"  # Lambda on arm64 is Amazon Linux 2023, glibc 2.34

# botocore describes 400 services in 25 MB. These are the ones that the product calls; a call to another fails with UnknownServiceError.
SERVICES = ("dynamodb", "events", "kms", "secretsmanager", "ses", "sesv2", "sns", "sqs", "ssm", "sts")
# Never run in a function: Chalice's command line, tests, and what only builds or type checks need.
CHALICE_KEPT = {"__init__.py", "app.py", "py.typed"}
PRUNED_FOLDERS = ("bin", "boto3/examples")
PRUNED_ANYWHERE = ("__pycache__", "tests", "test")
KEPT_OF_DIST_INFO = {"METADATA", "RECORD"}


@dataclass(frozen=True)
class Interpreter:
    """What the layer is built for, and a Python to compile it with if there is one."""

    version: str
    platform: str | None
    python: Path | None


def build(target: Target = "local") -> str:
    """Build what changed. Gives a hash that stands for the content of both layers."""
    with held(BUILD / "layers.lock"):
        return stamps.digest(build_dependencies(target), build_holdfast())


def build_dependencies(target: Target) -> str:
    chosen = interpreter_for(target)
    expected = stamps.digest(
        LAYERS / "dependencies", RECIPE, chosen.version, chosen.platform or platform.platform(), chosen.python is not None
    )
    folder, stamp = BUILT / "dependencies", BUILT / "dependencies.stamp"
    if not stamps.fresh(stamp, expected) or not folder.exists():
        with step("Layer of third-party code") as current:
            stamp.unlink(missing_ok=True)
            fresh = _emptied(BUILT / "dependencies.new")
            _install(fresh / "python", chosen)
            prune(fresh / "python")
            _compile(fresh / "python", chosen)
            _replace(folder, fresh)
            stamps.write(stamp, expected)
            current.note = f"{megabytes(folder):.1f} MB for Python {chosen.version}" + (f", {chosen.platform}" if chosen.platform else "")
    return expected


def build_holdfast() -> str:
    source = LAYERS / "holdfast" / "holdfast"
    expected = stamps.digest(source, RECIPE)
    folder, stamp = BUILT / "holdfast", BUILT / "holdfast.stamp"
    if not stamps.fresh(stamp, expected) or not folder.exists():
        stamp.unlink(missing_ok=True)
        fresh = _emptied(BUILT / "holdfast.new")
        shutil.copytree(source, fresh / "python" / "holdfast", ignore=shutil.ignore_patterns(*stamps.IGNORED_NAMES, "*.pyc"))
        _replace(folder, fresh)
        stamps.write(stamp, expected)
    return expected


def report() -> None:
    for name in ("dependencies", "holdfast"):
        print(f"{shown(BUILT / name)}  {megabytes(BUILT / name):.1f} MB")


def interpreter_for(target: Target) -> Interpreter:
    if target == "local":
        return Interpreter(environments.runtime().removeprefix("python"), None, environments.python_of("emulator"))
    return Interpreter(AWS_PYTHON, AWS_PLATFORM, _python_on_path(AWS_PYTHON))


def prune(site: Path) -> None:
    """Leave out what a function never runs: each worker unpacks the layer, and each cold start reads it."""
    for name in PRUNED_FOLDERS:
        _remove(site / name)
    for name in PRUNED_ANYWHERE:
        for found in list(site.rglob(name)):
            _remove(found)
    for found in (site / "chalice").iterdir() if (site / "chalice").is_dir() else ():
        if found.name not in CHALICE_KEPT:
            _remove(found)
    for info in site.glob("*.dist-info"):
        for found in list(info.iterdir()):
            if found.name not in KEPT_OF_DIST_INFO:
                _remove(found)
    for stub in list(site.rglob("*.pyi")):
        stub.unlink()
    for data in (site / "botocore" / "data", site / "boto3" / "data"):
        prune_services(data)


def prune_services(data: Path) -> None:
    """Keep the shared files (endpoints, partitions, retries, defaults) and the services that are used."""
    for found in list(data.iterdir()) if data.is_dir() else ():
        if found.is_dir() and found.name not in SERVICES:
            _remove(found)


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _install(site: Path, chosen: Interpreter) -> None:
    how = "pip install --no-deps --require-hashes --only-binary :all: --link-mode copy"
    where = (
        ("--python-version", chosen.version, "--python-platform", chosen.platform) if chosen.platform else ("--python", str(chosen.python))
    )
    lock = LAYERS / "dependencies" / "requirements.txt"
    environments.uv(how, *where, "--target", site, "-r", lock, log=LOG, what="Installing the layer")


def _compile(site: Path, chosen: Interpreter) -> None:
    """Lambda cannot write .pyc files beside the code: without them each cold start compiles anew. Unchecked: file times do not count."""
    if chosen.python is not None:
        how = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-p", "/opt/python"]
        command = [str(chosen.python), *how, "-s", str(site), str(site)]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _python_on_path(version: str) -> Path | None:
    """A Python of that very version; a shim of a version manager may be on the path and refuse to run."""
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    asked = subprocess.run([found, "-c", "import json, sys; print(json.dumps(sys.version_info[:2]))"], capture_output=True, text=True)
    right = asked.returncode == 0 and json.loads(asked.stdout) == [int(part) for part in version.split(".")]
    return Path(found) if right else None


def _emptied(folder: Path) -> Path:
    _remove(folder)
    folder.mkdir(parents=True)
    return folder


def _replace(old: Path, new: Path) -> None:
    _remove(old)
    new.rename(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
