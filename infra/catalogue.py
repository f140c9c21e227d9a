"""What can be read from the code and the template, as pages: docs/catalogue. A test compares them with what stands there.

errors.md, events.md, states.md with its picture, settings.md, functions.md, the contract (infra/openapi.py) and the events' schemas
(infra/event_schemas.py).
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from infra import openapi

ROOT = openapi.ROOT
FOLDER = ROOT / "docs" / "catalogue"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
PICTURE = "../pictures/order-states.svg"
PROMISED = "events.promised.txt"
WRITTEN = "Written from the code by `python3 infra/dev.py openapi`; a test compares."
MEANINGS = {
    "API_URL": "The API as the world sees it, for links that unsubscribe; empty: mails have none.",
    "CATALOGUE_TABLE": "Products.",
    "ENVIRONMENT": "`local`, `dev`, `staging` or `prod`. In `prod` the sandbox provider is refused.",
    "EVENT_BUS_NAME": "The bus on which events of orders are published.",
    "FULFILMENT_QUEUE_URL": "Paid orders and restocks to work at.",
    "FULFILMENT_TABLE": "Licence keys, deliveries, debts.",
    "HOLD_GRACE_SECONDS": "How much longer than its hold nobody else takes the stock: our clocks may differ by this much. 0 to 300.",
    "HOLD_SECONDS": "How long stock is held for a shopper who has not paid. 5 to 86,400; a shop may have its own.",
    "LOCKS_TABLE": "Documents of holds.",
    "MAIL_CONFIGURATION_SET": "The SES configuration set that tells what became of mails; empty: nothing does.",
    "MAIL_SENDER": "The address that mails come from; SES must know it.",
    "NOTIFICATIONS_QUEUE_URL": "Events to tell people of, and messages to send.",
    "NOTIFICATIONS_TABLE": "What was told to whom, what customers have chosen, and who waits for a product.",
    "OPERATIONS_TABLE": "What jobs did, and bulk changes, for thirty days.",
    "ORDERS_TABLE": "Orders, checkout sessions, idempotency records.",
    "PAYMENTS_QUEUE_URL": "Received provider events to work at.",
    "PAYMENTS_TABLE": "Payments and provider events; the sandbox's book.",
    "PROVIDER_REROUTE": "Where all that is meant for payment providers goes instead: an address of this machine. Refused in `prod`.",
    "SANDBOX_ENABLED": "Whether play money is taken.",
    "SANDBOX_PAY_URL": "The sandbox's pay page; a payment's id is put behind it.",
    "SANDBOX_SECRET_ARN": "The secret that signs the sandbox's webhooks.",
    "SEALING_KEY_ARN": "The KMS key that seals credentials, such as the secrets of webhooks.",
    "SMS_ENABLED": "Whether text messages are sent, to customers who agreed.",
    "SMS_SENDER_ID": "Stands as sender of text messages where countries allow a name; empty: a number.",
    "STOCK_QUEUE_URL": "Ended holds to give back.",
    "STOCK_TABLE": "Levels of stock and the ledger.",
    "STOREFRONT_URL": "Where links in mails lead.",
    "TENANTS_TABLE": "Shops and the hashes of their API keys.",
    "TOKEN_SECRET_ARN": "The secret behind checkout, CSRF and order tokens, and cursors.",
    "RECONCILE_QUEUE_URL": "Pieces of reconciliations to work at.",
    "WEBHOOKS_QUEUE_URL": "Events and deliveries of webhooks to work at.",
    "WEBHOOKS_TABLE": "Webhook endpoints and what was sent to them, for thirty days.",
    "WEBHOOK_LOOPBACK": "Whether webhooks may go to this very machine, over plain http. In `prod` it is refused.",
    "WEBHOOK_PORTS": "Ports of https that webhooks may be sent to, with commas between them.",
    "WEBHOOK_TIMEOUT_SECONDS": "How long a receiver of webhooks may take, from looking up its name to its answer. 1 to 10.",
}


def pages() -> dict[str, str]:
    """File name -> text. The same code gives the same text."""
    told = {"errors.md": errors(), "events.md": events(), "settings.md": settings(), "functions.md": functions()}
    from infra import event_schemas, states_picture  # only now is the library where Python finds it

    return {**told, "states.md": states(), "events.schema.json": event_schemas.text(), PICTURE: states_picture.draw()}


def promised() -> str:
    """What listeners were promised, and what comes to it. ValueError when something of it is gone."""
    from infra import event_schemas

    kept = FOLDER / PROMISED
    return event_schemas.promised(kept.read_text("utf-8") if kept.exists() else "")


def write() -> list[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = pages() | {PROMISED: promised()}
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return [openapi.write(), *(FOLDER / name for name in written)]


def errors() -> str:
    documented = openapi.text()
    rows: list[Sequence[str]] = []
    inside: list[Sequence[str]] = []
    for code, kinds in sorted(by_code().items()):
        told = [sentences(kind) for kind in kinds if "code" in vars(kind)]
        meaning, facts = (" ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*told, strict=True))
        row = (f"`{code}`", str(kinds[0].status), kinds[0].title, meaning, facts)
        (rows if f"`{code}`" in documented or code == "internal_error" else inside).append(row)
    head = ("Code", "Status", "Title", "Meaning", "Facts")
    return page(
        "Error codes",
        "Every answer of 400 and above is an RFC 9457 problem document; branch on `code`. "
        "Facts are named members beside the standard ones. `validation_failed` has `errors` of `pointer`, `code`, `detail`.",
        table(head, rows),
        "## Inside\n\nNever answered over HTTP: for queues, which try again, and for the operator's commands.",
        table(head, inside),
    )


def by_code() -> dict[str, list[Any]]:
    """Refusals and faults by their code, without those that only others are derived from."""
    from holdfast.kernel import errors as kernel

    load_everything()
    found: dict[str, list[Any]] = {}
    for kind in sorted(subclasses(kernel.HoldfastError), key=lambda kind: (kind.__module__, kind.__name__)):
        general = kind.__module__ == kernel.__name__ and kind.__subclasses__() and kind not in {kernel.NotFound, kernel.UnavailableError}
        if not general and ours(kind):
            found.setdefault(kind.code, []).append(kind)
    return found


def ours(kind: type) -> bool:
    """Of the library or of a function: tests make some of their own."""
    return kind.__module__.startswith(("holdfast.", "functions_"))


def sentences(kind: type) -> tuple[str, str]:
    """A docstring's meaning and its facts."""
    text = " ".join((vars(kind).get("__doc__") or "").split())
    meaning, _, facts = text.partition("Facts:")
    return meaning.strip(), facts.strip().rstrip(".")


def events() -> str:
    from holdfast.orders import events as of_orders
    from infra import event_schemas

    heard = consumers()
    rows = []
    sections = []
    for type_, said in documented_events():
        shown = "no" if type_ in of_orders.STAFF_ONLY else "yes"
        meaning = said.replace("Staff only.", "").strip()
        rows.append((f"[`{type_}`](#{type_.replace('.', '')})", meaning, shown, ", ".join(heard.get(type_, []))))
        data = _data(event_schemas.members(type_), json.dumps(event_schemas.example(type_)["data"]))
        sections.append(f"### {type_}\n\n{meaning}\n\n{data}")
    return page(
        "Events of an order",
        "Written in the same write as the change that they tell of, published by `orders_stream` with source `holdfast.orders`, at "
        "least once; the bus may deliver them in another order, which `seq` tells. The type's name has its version: members and words may "
        "come under the same name, none goes and none becomes something else ([promised](events.promised.txt)). For machines: "
        "[events.schema.json](events.schema.json). No address, e-mail or phone number, key or note travels; `reason` is what somebody "
        "wrote.",
        table(("Type", "Meaning", "On the customer's timeline", "Who works at it"), rows),
        "## On the bus",
        _data(event_schemas.members(), json.dumps(event_schemas.example(of_orders.PAID), indent=1)),
        "## Data",
        *sections,
    )


def _data(members: Iterable[Sequence[str]], example: str) -> str:
    """A table of members, and what they look like; a sentence where there are none."""
    rows = list(members)
    if not rows:
        return "No data."
    return f"{table(('Member', 'Type', 'Meaning'), rows)}\n\n```json\n{example}\n```"


def documented_events() -> Iterator[tuple[str, str]]:
    """Type and sentence of each constant of orders/events.py: a text below an assignment belongs to it."""
    source = (ROOT / "layers" / "holdfast" / "holdfast" / "orders" / "events.py").read_text("utf-8")
    body = ast.parse(source).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            yield str(node.value.value), str(said)


def consumers() -> dict[str, list[str]]:
    """Event type -> functions, by the rules of the bus and the queues that functions read. A rule without types hears all."""
    from holdfast.orders import events as of_orders

    found: dict[str, list[str]] = {}
    for rule in template("infra/messaging.yaml")["Resources"].values():
        if rule["Type"] != "AWS::Events::Rule" or "EventPattern" not in rule["Properties"]:
            continue
        for type_ in rule["Properties"]["EventPattern"].get("detail-type", of_orders.ALL):
            found.setdefault(type_, []).extend(f"{target['Id']}_inbox" for target in rule["Properties"]["Targets"])
    return {type_: sorted(set(names)) for type_, names in found.items()}


def states() -> str:
    from holdfast.kernel.events import ActorKind
    from holdfast.orders import machine
    from holdfast.orders.model import Status
    from infra.order_ways import events_of, ways

    def coded(words: Iterable[str]) -> str:
        return ", ".join(f"`{word}`" for word in words)

    rows = []
    for step in machine.STEPS:
        led = [way for way in ways() if way.step == step.name]
        targets = {way.target for way in led}
        rows.append(
            (
                f"`{step.name}`{' (a way back)' if step.back else ''}",
                coded(dict.fromkeys(way.source for way in led)),
                ("" if step.target else "what follows: ") + coded(state for state in Status if state in targets),
                ", ".join(kind for kind in ActorKind if kind in step.actors),
                step.guard.says if step.guard else "",
                coded(events_of(step.name)),
            )
        )
    asked = [(f"`{state}`", f"`{step}`") for state, step in machine.BY_HAND.items()]
    return page(
        "States of an order",
        "The table of `orders/machine.py`, as it is. What leads where where a state follows from the lines was found by driving small "
        "orders through everything that may happen to them. In words: [orders](../orders.md).",
        f"![what may become of an order]({PICTURE})",
        table(("Step", "From", "To", "Who", "Only if", "Event"), rows),
        "## By hand\n\nStaff ask for a state; all other steps have an act of their own.",
        table(("Asked for", "Step"), asked),
    )


def settings() -> str:
    rows = []
    for function in FUNCTIONS:
        for name, field in sorted(openapi.load(function).Settings.model_fields.items()):
            default = "needed" if field.is_required() else f"`{str(field.default).lower()}`" if field.default != "" else "empty"
            rows.append((function, f"`{name.upper()}`", MEANINGS[name.upper()], default))
    return page(
        "Settings",
        "What a function reads from its environment, once, at its cold start; a missing or malformed one stops it there. The template "
        "gives each function exactly these, and `LOG_LEVEL`, `POWERTOOLS_SERVICE_NAME` and `POWERTOOLS_METRICS_NAMESPACE` for Powertools.",
        table(("Function", "Variable", "Meaning", "Default"), rows),
    )


def functions() -> str:
    rows = []
    for _, properties in sorted(functions_of_template().items()):
        variables = properties["Environment"]["Variables"]
        tables = ", ".join(name.removesuffix("_TABLE").lower() for name in variables if name.endswith("_TABLE"))
        triggers = ", ".join(sorted({trigger(event) for event in properties.get("Events", {}).values()})) or "by hand"
        rows.append((variables["POWERTOOLS_SERVICE_NAME"], properties["Description"], triggers, tables or "none"))
    return page(
        "Functions",
        "One per context and trigger: different rights, time-outs, retries and blame.",
        table(("Function", "Does", "Trigger", "Tables"), sorted(rows)),
    )


def functions_of_template() -> dict[str, Any]:
    resources = template("template.yaml")["Resources"]
    return {name: made["Properties"] for name, made in resources.items() if made["Type"] == "AWS::Serverless::Function"}


def trigger(event: dict[str, Any]) -> str:
    properties = event["Properties"]
    match event["Type"]:
        case "Api":
            return "HTTP"
        case "Schedule":
            return f"schedule {properties['Schedule']}"
        case "SQS":
            return f"queue {source(properties['Queue'])}"
        case "DynamoDB":
            return f"stream of {source(properties['Stream'])}"
    return str(event["Type"])


def source(reference: str) -> str:
    """`Data.Outputs.StockStreamArn` -> `stock`."""
    return re.sub(r"(Queue|Stream)?Arn$", "", reference.rsplit(".", 1)[-1]).lower()


class _Template(yaml.SafeLoader):
    """CloudFormation's short forms (!Ref, !GetAtt) as the text behind them."""


def _below(_loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    return node.value


_Template.add_multi_constructor("!", _below)


def template(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load((ROOT / name).read_text("utf-8"), _Template)
    return read


def load_everything() -> None:
    """The library and every function, so that every error there is has been defined."""
    for function in FUNCTIONS:
        openapi.load(function)
    library = importlib.import_module("holdfast")
    for module in pkgutil.walk_packages(library.__path__, "holdfast."):
        importlib.import_module(module.name)


def subclasses(kind: Any) -> Iterator[Any]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", f"{WRITTEN}", *map(inspect.cleandoc, parts)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), line("---" for _ in head), *map(line, rows)])


if __name__ == "__main__":
    for written in write():
        sys.stdout.write(f"wrote {written.relative_to(ROOT)}\n")
