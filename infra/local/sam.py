"""`sam build` and `sam deploy` of the real template, when something changed."""

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local import emulator, environments, layers, processes, stamps
from infra.local.locks import held
from infra.local.paths import BUILD, FUNCTIONS, LOCAL, ROOT, SAMCONFIG, TEMPLATE
from infra.local.progress import step

BUILT = BUILD / "sam"
LOG = environments.LOGS / "sam-build.log"
CHILDREN = "*.yaml"  # of infra/: the plain CloudFormation children
POLL_SECONDS = "0.5"  # sam waits 5 s between two looks at a deployment
DEFAULT_STACK = "holdfast-local"


def build() -> str:
    """The hash of what was built; the work is skipped if nothing of it changed."""
    # The demo and the test runs of a checkout share the build folder.
    with held(BUILD / "sam.lock"):
        return _build()


def _build() -> str:
    content = stamps.digest(layers.build("local"), TEMPLATE, *sorted((ROOT / "infra").glob(CHILDREN)), FUNCTIONS, environments.runtime())
    stamp = BUILD / "sam.stamp"
    with step("sam build") as current:
        if stamps.fresh(stamp, content) and (BUILT / "template.yaml").exists():
            current.unchanged()
            return content
        stamp.unlink(missing_ok=True)
        own = overrides({"Runtime": environments.runtime(), "Architecture": environments.architecture()})
        sam("build --parallel", "--template-file", TEMPLATE, "--build-dir", BUILT, "--parameter-overrides", *own, log=LOG)
        stamps.write(stamp, content)
    return content


def deploy(endpoint: str, own: Mapping[str, str], log: Path) -> None:
    how = f"deploy --config-env local --region {emulator.REGION} --no-confirm-changeset --no-fail-on-empty-changeset"
    files = ("--config-file", SAMCONFIG, "--template-file", BUILT / "template.yaml")
    sam(how, *files, "--parameter-overrides", *overrides(own), log=log, endpoint=endpoint)


def sam(command: str, *arguments: str | Path, log: Path, endpoint: str | None = None) -> None:
    action, *options = command.split()
    processes.run([environments.tool("deploy", "sam"), action, *options, *arguments], log, env(endpoint), f"sam {action}")


def env(endpoint: str | None = None) -> dict[str, str]:
    """SAM looks for the function's Python on PATH; its own environment has it under the right name."""
    plain = processes.bare_env(
        SAM_CLI_TELEMETRY="0", SAM_CLI_POLL_DELAY=POLL_SECONDS, __SAM_CLI_APP_DIR=str(LOCAL / "sam"), **emulator.credentials(endpoint)
    )
    return plain | {"PATH": f"{environments.tool('deploy', 'sam').parent}:{plain.get('PATH', '')}"}


def overrides(own: Mapping[str, str]) -> list[str]:
    """The local parameters of samconfig.toml with ours over them: on the command line they would replace the file's, not join them."""
    return [f"{name}={value}" for name, value in {**parameters(settings()), **own}.items()]


def parameters(configured: Mapping[str, Any]) -> dict[str, str]:
    found = configured.get("parameter_overrides", [])
    pairs = shlex.split(found) if isinstance(found, str) else found
    return dict(pair.split("=", 1) for pair in pairs)


def settings() -> dict[str, Any]:
    """What samconfig.toml says for a local deployment."""
    local = tomllib.loads(SAMCONFIG.read_text()).get("local", {})
    return {**local.get("global", {}).get("parameters", {}), **local.get("deploy", {}).get("parameters", {})}


def stack_name() -> str:
    return str(settings().get("stack_name", DEFAULT_STACK))
