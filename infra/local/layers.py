"""Assembles the two layers under .build/layers, ready to be zipped as they are: `python/` is what Lambda puts on the path."""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.local import environments, processes, stamps
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
PRUNED = (
    "bin",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
    "boto3/examples",
    "cffi",  # cryptography needs its backend only, which lies beside it
    "pycparser",
    "pydantic/v1",
    "**/__pycache__",
    "**/tests",
    "**/*.pyi",
)
DIST_INFO_KEPT = {"METADATA", "RECORD"}


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
    return Interpreter(AWS_PYTHON, AWS_PLATFORM, _python_here(AWS_PYTHON))


def prune(site: Path) -> None:
    """Leave out what a function never runs: each worker unpacks the layer, and each cold start reads it."""
    for found in [path for pattern in PRUNED for path in site.glob(pattern)]:
        _remove(found)
    _keep(site / "chalice", CHALICE_KEPT)
    for info in site.glob("*.dist-info"):
        _keep(info, DIST_INFO_KEPT)
    for data in (site / "botocore" / "data", site / "boto3" / "data"):
        prune_services(data)


def prune_services(data: Path) -> None:
    """Keep the services that are used, and the files that all share (endpoints, partitions, retries, defaults)."""
    _keep(data, {*SERVICES, *(path.name for path in data.glob("*.json*"))})


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
        # Some files of other Pythons do not compile on this one, and are not imported by it.
        processes.ask([chosen.python, *how, "-s", site, site], processes.bare_env())


def _python_here(version: str) -> Path | None:
    """A Python of that very version, if this machine has one."""
    code, said = processes.ask(
        [environments.ensure_uv(), "python", "find", "--no-python-downloads", "--no-project", version], processes.bare_env()
    )
    return Path(said) if code == 0 else None


def _keep(folder: Path, names: set[str]) -> None:
    for found in [path for path in folder.glob("*") if path.name not in names]:
        _remove(found)


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
