"""Where things lie in a checkout. Everything made by the tools is under two ignored folders, so that checkouts never share state."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"  # environments, state of running stacks, logs
BUILD = ROOT / ".build"  # layers and the output of `sam build`
REQUIREMENTS = ROOT / "infra" / "requirements"
LAYERS = ROOT / "layers"
FUNCTIONS = ROOT / "functions"
TEMPLATE = ROOT / "template.yaml"
SAMCONFIG = ROOT / "samconfig.toml"


def shown(path: Path) -> str:
    """The path as a person in the checkout would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
