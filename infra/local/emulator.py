"""The embedded AWS: one process on loopback, everything in memory, gone when it stops."""

import os
import time
from pathlib import Path

from infra.local import environments, loopback, processes
from infra.local.ports import HOST, free_port
from infra.local.trouble import Trouble

START_SECONDS = 20.0
START_TRIES = 3  # a free port may be taken by somebody else before the emulator has it
WARM_SECONDS = 120  # how long a surplus worker of a function stays after a burst
REGION = "us-east-1"
PROCESS = Path(__file__).with_name("emulator_process.py")
MARK = str(environments.python_of("emulator"))  # of this checkout, in its command line


def start(folder: Path, log: Path) -> tuple[int, str]:
    """Its process id and its address, once it answers."""
    for _ in range(START_TRIES):
        port = free_port()
        pid = processes.start([environments.python_of("emulator"), PROCESS], log, env(port, folder))
        if _answers(port, pid):
            return pid, url(port)
        processes.stop(pid, MARK)
    raise Trouble("The emulator did not start.", "Run `python3 infra/dev.py doctor`.", log)


def url(port: int) -> str:
    return f"http://{HOST}:{port}"


def env(port: int, folder: Path) -> dict[str, str]:
    """All that the emulator and, through it, every function can see of this machine."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return processes.bare_env(
        GATEWAY_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=REGION,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LAMBDA_WARM_TTL_SECONDS=str(WARM_SECONDS),
        LOG_LEVEL="INFO",
        TMPDIR=str(temporary),  # each worker unpacks its code here; a folder of ours can be cleaned
        STATE_DIR=str(temporary / "state"),
        S3_DATA_DIR=str(temporary / "s3"),
        PYTHONUNBUFFERED="1",
        **credentials(),
    )


def credentials(endpoint: str | None = None) -> dict[str, str]:
    """Test credentials, and no way to the user's own ones."""
    known = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return known | ({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})


def only_test_credentials() -> None:
    """In this process: forget the user's profile, keys and endpoints before anything can read them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(credentials())


def healthy(endpoint: str) -> bool:
    return loopback.answers(f"{endpoint}/_ministack/health")


def _answers(port: int, pid: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if healthy(url(port)):
            return True
        if not processes.alive(pid, MARK):
            return False
        time.sleep(0.05)
    return False
