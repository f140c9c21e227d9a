"""The rules of the house, read from the code: who may import whom, and what never stands where."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from infra.local import layers
from infra.providers.rsa import bare_public_key, key_pair, sign

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "layers" / "holdfast" / "holdfast"
FUNCTIONS = ROOT / "functions"
BUILT = ROOT / ".build" / "layers" / "dependencies" / "python"

CONTEXTS = {"catalogue", "stock", "orders", "payments", "fulfilment", "notifications", "tenants", "webhooks"}
PURE = {
    *{"model", "rules", "usecases", "ports", "errors", "events", "mapper", "signature", "keys"},
    *{
        "checkout",
        "settlement",
        "fulfilling",
        "session",
        "sessions",
        "carts",
        "offers",
        "pricing",
        "validation",
        "machine",
        "replay",
        "schemas",
        "neighbours",
        "paying",
        "lateness",
    },
    *{"cancelling", "refunding", "returning", "retelling", "searching", "search_keys", "indexing", "retrying", "staff", "exporting"},
    *{"recall", "planning", "outlook", "taking", "holding", "releasing", "selling", "booking", "shelves", "layout"},
    *{"inventory", "dashboard", "holds", "bulk", "bulk_plan", "spreadsheet"},
    *{"ledger", "auditing", "orphans", "sweeping", "watching"},
    *{"endpoints", "delivering", "replaying", "targets"},
    *{"asking", "giving_up", "unsettled", "reconciling", "reports", "comparing", "discrepancies"},
    *{"receiving", "working", "collecting", "browsing", "redriving"},
    *{"accounts", "enrolling"},
    *{"going_back", "serving", "feeding", "handing", "importing"},
    *{"key_jobs", "revoking", "counting", "key_audit"},
    *{"delays", "waking", "queue_report", "waiting_views", "troubles"},
    *{"preferring", "wishing", "resending", "refusals", "unsubscribe_page"},
    *{"telling", "sending"},
    *{"letter", "spelling", "wording", "previewing"},
    *{"in_app", "mail_events", "reminding", "digesting", "waking"},
}
EDGE = {
    "repository",
    "session_repository",
    "documents",
    "jobs",
    "proxy",
    "mailer",
    "search_repository",
    "people_repository",
    "texter",
    "low_marks",
    "vault_repository",
    "key_job_store",
}
ORDER = ("errors", "model", "events", "rules", "ports", "usecases")
"""Within a context each may import those before it, and not those after (errors may speak of the model)."""
AWS = {"boto3", "botocore", "aws_lambda_powertools", "chalice", "jinja2"}
CLOCKS = {"now", "utcnow", "today", "utc_now", "time", "monotonic"}
HEAVY = {
    "jinja2": "pages of mail",
    "aws_xray_sdk": "tracing",
    "boto3": "a layer over botocore that nothing here needs",
    "cryptography": "RSA, which few providers sign with",
    "aws_lambda_powertools.utilities.batch": "queues",
    "aws_lambda_powertools.utilities.parser": "models of every event there is",
    "aws_lambda_powertools.event_handler": "another router",
    "holdfast.notifications": "mail",
    "holdfast.payments.providers": "connectors",
    "holdfast.platform.openapi": "the contract's generator",
    "holdfast.orders.schemas": "what events carry, for documents and tests",
}
TIMES = {
    "platform/calling.py",
    "platform/http.py",
    "platform/lines.py",
    "platform/envelope.py",
    "platform/patience.py",
    "tenants/repository.py",
    "kernel/time.py",
    "webhooks/proxy.py",
    "wiring/providers.py",
}
"""Who may have a float: clocks, jitter, time-outs, a worker's memory."""
LINES = 350
ROUTE_LINES = 15
LONG: dict[str, int] = {}


@dataclass(frozen=True)
class Module:
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text("utf-8"))

    @property
    def name(self) -> str:
        return str(self.path.relative_to(LIBRARY if self.path.is_relative_to(LIBRARY) else ROOT))

    @property
    def context(self) -> str:
        return self.name.split("/")[0].removesuffix(".py")

    @property
    def layer(self) -> str:
        return self.path.stem

    def imports(self, *, at_run_time: bool = True) -> Iterator[str]:
        """Names of modules; with `at_run_time` not those that only type checkers see."""
        hidden = (
            {id(node) for guard in ast.walk(self.tree) if _is_type_checking(guard) for node in ast.walk(guard)} if at_run_time else set()
        )
        for node in ast.walk(self.tree):
            if id(node) in hidden:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


ALL = [Module(path) for path in sorted(LIBRARY.rglob("*.py"))]
APPS = [Module(path) for path in sorted(FUNCTIONS.glob("*/app.py"))]
KERNEL = [module for module in ALL if module.context == "kernel"]
OF_CONTEXTS = [module for module in ALL if module.context in CONTEXTS]
HTTP = sorted(module.path.parent.name for module in APPS if "holdfast.platform.http.Api" in set(module.imports()))


def top(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def named(module: Module) -> str:
    return module.name


@pytest.mark.parametrize("module", KERNEL, ids=named)
def test_the_kernel_knows_pydantic_and_python_only(module: Module) -> None:
    allowed = {*sys.stdlib_module_names, "pydantic"}
    foreign = {name for name in module.imports() if top(name) not in allowed and not name.startswith("holdfast.kernel")}
    assert foreign == set()


@pytest.mark.parametrize("module", [module for module in OF_CONTEXTS if module.layer in PURE], ids=named)
def test_what_is_pure_touches_nothing(module: Module) -> None:
    """No AWS, no environment, no clock, no platform: the world comes as arguments."""
    reached = {
        name for name in module.imports() if top(name) in AWS | {"os", "socket", "subprocess"} or name.startswith("holdfast.platform")
    }
    asked = {
        called
        for called, _ in module.calls()
        if called.split(".")[-1] in CLOCKS and called.split(".")[0] in {"datetime", "time", "kernel_time", "utc_now"}
    }
    assert (reached, asked) == (set(), set())


@pytest.mark.parametrize("module", OF_CONTEXTS, ids=named)
def test_contexts_do_not_know_each_other(module: Module) -> None:
    """One that needs another declares a port; `wiring` and the functions plug them together."""
    foreign = {
        name
        for name in module.imports(at_run_time=False)
        if name.startswith("holdfast.") and name.split(".")[1] in CONTEXTS - {module.context}
    }
    assert foreign == set()
    assert not [name for name in module.imports(at_run_time=False) if name.startswith("holdfast.wiring")]


@pytest.mark.parametrize(
    "module", [module for module in OF_CONTEXTS if module.layer in ORDER and module.path.parent.parent == LIBRARY], ids=named
)
def test_layers_of_a_context_point_down(module: Module) -> None:
    later = {*ORDER[ORDER.index(module.layer) + 1 :], "repository", "views", "guards"} - ({"model"} if module.layer == "errors" else set())
    assert {name for name in module.imports() for layer in later if name == f"holdfast.{module.context}.{layer}"} == set()


@pytest.mark.parametrize("module", [module for module in ALL if module.context == "platform"], ids=named)
def test_the_platform_knows_no_context(module: Module) -> None:
    assert {name for name in module.imports() if name.startswith("holdfast.") and name.split(".")[1] in CONTEXTS} == set()


@pytest.mark.parametrize("module", ALL, ids=named)
def test_aws_and_the_environment_are_at_the_edge(module: Module) -> None:
    if module.context == "platform" or module.layer in EDGE:
        return
    reached = {name for name in module.imports() if top(name) in {"boto3", "botocore"}}
    environment = {
        ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert (reached, environment) == (set(), set())


@pytest.mark.parametrize("module", APPS, ids=named)
def test_functions_read_their_environment_through_settings(module: Module) -> None:
    assert "os" not in set(module.imports())
    assert any(called == "Settings.load" for called, _ in module.calls())


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_no_print(module: Module) -> None:
    assert [called for called, _ in module.calls() if called in {"print", "sys.stdout.write", "pprint"}] == []


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_no_scan(module: Module) -> None:
    assert [called for called, _ in module.calls() if called.split(".")[-1] in {"scan", "execute_statement"}] == []


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_no_float_comes_near_money_or_stock(module: Module) -> None:
    """Floats measure time here, and jitter."""
    if module.name in TIMES:
        return
    floats = [
        ast.unparse(node)
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id in {"float", "Decimal"})
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]
    assert floats == []


@pytest.mark.parametrize("module", KERNEL, ids=named)
def test_nothing_in_the_kernel_is_of_any_type(module: Module) -> None:
    """But for what has no other: the facts of a refusal and the data of an event, both JSON of the contract."""
    allowed = {"kernel/errors.py": ("facts",), "kernel/events.py": ("data", "before", "after")}
    uses = [ast.unparse(node) for node in ast.walk(module.tree) if _annotation(node) and "Any" in ast.unparse(_annotation(node))]
    assert all(use.startswith(("**facts", *allowed.get(module.name, ()))) for use in uses), uses


def _annotation(node: ast.AST) -> ast.expr | None:
    return node.annotation if isinstance(node, ast.arg | ast.AnnAssign) else None


@pytest.mark.parametrize("module", [module for module in ALL if module.layer in EDGE or module.context == "platform"], ids=named)
def test_every_change_of_a_number_has_a_condition(module: Module) -> None:
    """A bare increment is taken twice when a call whose reply got lost is sent again. The stores' two ways to update both ask for one."""
    for called, node in module.calls():
        if called.split(".")[-1] in {"update", "update_write"} and "_table" in called:
            given = [*node.args[2:3], *(keyword.value for keyword in node.keywords if keyword.arg == "condition")]
            assert given, f"{module.name}:{node.lineno} updates without a condition"
            assert ast.unparse(given[0]) != "None"


def test_updates_reach_dynamodb_through_the_table_only() -> None:
    """So that the test above sees every one of them."""
    direct = {
        module.name
        for module in [*ALL, *APPS]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"update_item", "put_item", "delete_item", "transact_write_items", "batch_write_item"}
    }
    assert direct == {"platform/dynamo.py"}


def test_a_table_cannot_update_without_a_condition() -> None:
    table = next(
        node
        for node in ast.walk(Module(LIBRARY / "platform" / "dynamo.py").tree)
        if isinstance(node, ast.ClassDef) and node.name == "Table"
    )
    methods = {node.name: node.args for node in table.body if isinstance(node, ast.FunctionDef)}
    for name in ("update", "update_write"):
        condition = next(argument for argument in methods[name].args if argument.arg == "condition")
        assert ast.unparse(condition.annotation or ast.Constant(None)) == "Expression"
        assert methods[name].defaults == []


@pytest.mark.parametrize("module", APPS, ids=named)
def test_routes_are_short(module: Module) -> None:
    """Build the command, call, answer. A call that is written one argument per line counts as one."""
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef) and any("api." in ast.unparse(decorator) for decorator in node.decorator_list):
            statements = [statement for statement in ast.walk(node) if isinstance(statement, ast.stmt) and statement is not node]
            assert len(statements) <= ROUTE_LINES, f"{module.name}:{node.lineno} {node.name} has {len(statements)} statements"


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_files_are_short(module: Module) -> None:
    assert len(module.path.read_text("utf-8").splitlines()) <= LONG.get(module.name, LINES)


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_everything_is_told_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree), "a module begins with a sentence"


@pytest.mark.parametrize("module", [*ALL, *APPS], ids=named)
def test_names_say_something(module: Module) -> None:
    vague = re.compile(r"^(utils?|helpers?|common|misc|manager|process_\w+|handle_data)$")
    names = [node.name for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert [name for name in [module.layer, *names] if vague.match(name)] == []


IMPORT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["app"] = module
spec.loader.exec_module(module)
print(json.dumps(sorted(sys.modules)))
"""


def cold_start(function: str, *paths: Path) -> set[str]:
    """Modules that are loaded when the function is: in a process of its own, with these folders and nothing of ours beside them."""
    from infra.openapi import ENVIRONMENT

    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, (*paths, LIBRARY.parent)))}
    bare = ["-S"] if paths else []
    command = [sys.executable, *bare, "-W", "error::ImportWarning", "-c", IMPORT, str(FUNCTIONS / function / "app.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(eval(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("function", HTTP)
def test_a_cold_start_of_an_http_function_is_lean(function: str) -> None:
    loaded = cold_start(function)
    heavy = {name: why for name, why in HEAVY.items() if name in loaded}
    if function == "payments_sandbox":
        heavy.pop("holdfast.payments.providers")  # it is the provider
    if function in {"notifications_http", "notifications_admin_http"}:
        heavy.pop("holdfast.notifications")  # what was sent, and to whom; its pages of mail are fetched when one is looked at
    assert heavy == {}


def test_cryptography_is_used_in_two_places_and_imported_there_when_needed() -> None:
    """Signatures of RSA are judged in one, texts are sealed in the other."""
    users = {module.name: module for module in [*ALL, *APPS] if "cryptography" in {top(name) for name in module.imports()}}
    assert set(users) == {"payments/certificates.py", "platform/envelope.py"}
    at_once = [node for module in users.values() for node in module.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("cryptography" in ast.unparse(node) for node in at_once)


def test_http_functions_are_found_and_what_is_heavy_is_seen() -> None:
    assert set(HTTP) >= {"storefront_http", "admin_http", "payments_webhook", "health_http"}
    assert {"jinja2", "holdfast.notifications"} <= HEAVY.keys() & cold_start("notifications_inbox")


@pytest.fixture(scope="session")
def built() -> Path:
    """The layers as they are deployed; building them is skipped when nothing changed."""
    layers.build("local")
    return BUILT


@pytest.mark.parametrize("function", [module.path.parent.name for module in APPS])
def test_the_layer_has_all_that_a_function_imports(function: str, built: Path) -> None:
    """An undeclared dependency works here and fails there."""
    loaded = cold_start(function, built)
    assert "holdfast" in loaded


def test_the_layer_can_judge_a_signature_of_rsa(built: Path) -> None:
    """Imported late, so no cold start would miss a part of it."""
    key = key_pair("the layer")
    public, made = bare_public_key(key), sign(key, b"message")
    judge = (
        "import base64, sys; from holdfast.payments.certificates import signed; "
        "print(*(signed(base64.b64decode(sys.argv[1]), base64.b64decode(sys.argv[2]), text) for text in (b'message', b'another')))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, (built, LIBRARY.parent)))}
    done = subprocess.run([sys.executable, "-S", "-c", judge, public, made], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True False\n", "")


def test_the_reader_sees_what_it_must_see(tmp_path: Path) -> None:
    """Else every rule above would pass on anything."""
    planted = tmp_path / "planted.py"
    planted.write_text(
        "import boto3\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from holdfast.stock.model import Level\n"
        "def late():\n    from holdfast.orders import usecases\n    print(table.scan())\n"
    )
    module = Module(planted)
    assert set(module.imports()) >= {"boto3", "holdfast.orders.usecases"}
    assert "holdfast.stock.model" not in set(module.imports())
    assert "holdfast.stock.model" in set(module.imports(at_run_time=False))
    assert [called for called, _ in module.calls()] == ["print", "table.scan"]
