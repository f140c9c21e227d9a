"""Template, code and contract say the same: routes and environment variables, compared both ways."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra import template_rules as rules
from tests.infra.template_world import LOCAL, PROD, ROOT, World, sources, world

READER = Path(__file__).with_name("read_functions.py")
# Read by Powertools, not by our settings.
LIBRARY_VARIABLES = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=[LOCAL, PROD], ids=["local", "prod"])
def deployed(request: pytest.FixtureRequest) -> World:
    return world(request.param)


@pytest.fixture(scope="module")
def code(deployed: World) -> Found:
    """What the functions' own modules say, imported with what the template gives them: its values are accepted, too."""
    return read(variables(deployed))


def test_each_function_has_a_folder_and_each_folder_a_function() -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert folders == set(variables(world(LOCAL)))


def test_routes_of_template_and_code(deployed: World, code: Found) -> None:
    assert template_routes(deployed) == code_routes(code)


def test_routes_of_template_and_contract() -> None:
    assert {(method, path) for method, path, _ in template_routes(world(LOCAL))} == contract_routes()


def test_environment_variables_of_template_and_settings(deployed: World, code: Found) -> None:
    given = {folder: set(names) - LIBRARY_VARIABLES for folder, names in variables(deployed).items()}
    assert given == {folder: set(found["settings"]) for folder, found in code.items()}


def test_a_route_that_only_one_side_knows_is_noticed() -> None:
    damaged = sources()
    del damaged.root["Resources"]["HealthHttp"]["Properties"]["Events"]["GetReady"]
    less = template_routes(world(LOCAL, damaged))
    assert less != template_routes(world(LOCAL))
    assert {(method, path) for method, path, _ in less} != contract_routes()


def test_a_variable_that_the_template_forgets_stops_the_cold_start() -> None:
    given = variables(world(LOCAL))["health_http"]
    del given["STOCK_TABLE"]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        read({"health_http": given})
    assert "stock_table" in refused.value.stderr


def test_play_money_in_prod_stops_the_cold_start() -> None:
    """The second lock: the first is the template's rule."""
    given = variables(world({**PROD, "SandboxEnabled": "true"}))["payments_sandbox"]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        read({"payments_sandbox": given})
    assert "prod" in refused.value.stderr


@pytest.mark.parametrize("function", ["webhooks_http", "webhooks_inbox"])
def test_webhooks_to_this_machine_in_prod_stop_the_cold_start(function: str) -> None:
    """Here, too, the template's rule is the first lock."""
    given = variables(world({**PROD, "WebhookLoopback": "true"}))[function]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        read({function: given})
    assert "prod" in refused.value.stderr


def variables(deployed: World) -> dict[str, dict[str, str]]:
    """Folder -> what the template puts into the function's environment."""
    return {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: {
            name: str(value) for name, value in function["Environment"]["Variables"].items()
        }
        for function in deployed.functions().values()
    }


def template_routes(deployed: World) -> set[tuple[str, str, str]]:
    folders = {name: function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for name, function in deployed.functions().items()}
    return {(method, path, folders[function]) for (method, path), function in rules.routes(deployed).items()}


def code_routes(code: Found) -> set[tuple[str, str, str]]:
    return {(method, path, folder) for folder, found in code.items() for method, path in found["routes"]}


def contract_routes() -> set[tuple[str, str]]:
    contract = json.loads((ROOT / "docs" / "catalogue" / "openapi.json").read_text())
    return {(method.upper(), path) for path, operations in contract["paths"].items() for method in operations if method != "parameters"}


def read(environments: Mapping[str, Mapping[str, str]]) -> Found:
    """Raises CalledProcessError if a function cannot be imported under its environment."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    done = subprocess.run(
        [sys.executable, READER],
        input=json.dumps(environments),
        capture_output=True,
        text=True,
        check=True,
        env={**kept, "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    found: Found = json.loads(done.stdout)
    return found
