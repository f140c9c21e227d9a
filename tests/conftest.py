"""What tests may ask for beside their own fakes: `stack`, the deployed product, and `emulator`, an AWS that is empty.

Neither is started unless a test asks for it, so that unit tests stay fast.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from infra.local import emulator as emulated
from infra.local.testing import STATUS, TestRun

RUN = pytest.StashKey[TestRun]()

# Also for a bare `pytest`, without infra/dev.py around it.
emulated.only_test_credentials()
os.environ["AWS_ACCOUNT_ID_ENDPOINT_MODE"] = "disabled"  # moto knows no endpoints that carry the account's id


def pytest_configure(config: pytest.Config) -> None:
    """The workers of xdist share what their controller guards."""
    config.stash[RUN] = TestRun()
    if not _is_worker(config):
        config.stash[RUN].open()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        config.stash[RUN].close()


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> dict[str, Any]:
    """What `status --json` prints, of a stack made for this run (or of the one that HOLDFAST_STATUS names)."""
    given = os.environ.get(STATUS)
    if given:
        return dict(json.loads(Path(given).read_text()))
    with _shown(pytestconfig):
        return dict(pytestconfig.stash[RUN].stack_status())


@pytest.fixture(scope="session")
def emulator(pytestconfig: pytest.Config) -> Iterator[str]:
    """The endpoint of an emulator with nothing in it; every worker of a run gets the same, so names must be unique."""
    with _shown(pytestconfig):
        yield pytestconfig.stash[RUN].bare.bare_emulator()


def _shown(config: pytest.Config) -> Any:
    """Starting takes seconds: its progress lines are not captured."""
    return config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled()  # type: ignore[union-attr]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
