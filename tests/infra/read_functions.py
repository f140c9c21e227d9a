"""Imports each functions/<folder>/app.py under the environment that the template gives it, and tells what was found there.

Run as a program of its own (JSON in, JSON out), because a function's module reads its settings and makes its clients when it is imported.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    environments: dict[str, dict[str, str]] = json.load(sys.stdin)
    sys.path.insert(0, str(ROOT / "layers" / "holdfast"))
    json.dump({folder: described(folder, environment) for folder, environment in environments.items()}, sys.stdout)


def described(folder: str, environment: dict[str, str]) -> dict[str, Any]:
    os.environ.update(environment)
    try:
        module = load(folder)
    finally:
        for name in environment:
            del os.environ[name]
    return {
        "settings": [name.upper() for name in module.Settings.model_fields],
        "routes": [[route.method, route.path] for route in module.api.routes] if hasattr(module, "api") else [],
    }


def load(folder: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"function_{folder}", ROOT / "functions" / folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks annotations up there
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
