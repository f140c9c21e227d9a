"""The templates as they are deployed: SAM expanded, children filled with what the root gives them, every reference followed.

A reference ends as readable text: `Data/Stock.Arn` is the attribute Arn of Stock in the child Data, `Root/Api` is the API itself. So a
right in security.yaml can be compared with a table in data.yaml although two parameters lie between them.
"""

import copy
import functools
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
NO_VALUE = object()
PSEUDO = {
    "AWS::StackName": "holdfast",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NO_VALUE,
}
PROD = {"Environment": "prod", "MailSender": "shop@example.com"}
LOCAL = {
    "Environment": "local",
    "MailSender": "shop@example.com",
    "SandboxEnabled": "true",
    "SmsEnabled": "true",
    "DeletionProtection": "false",
}

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = ["local", "dev", "staging", "prod"]

Json = dict[str, Any]


@dataclass
class Stack:
    """One template with its parameters."""

    name: str
    template: Json
    parameters: Json
    children: "dict[str, Stack]" = field(default_factory=dict)

    def resources(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Logical id and resolved properties of what is really made."""
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == kind and self.exists(resource):
                yield name, self.resolve(resource.get("Properties", {}))

    def exists(self, resource: Json) -> bool:
        return "Condition" not in resource or self.condition(resource["Condition"])

    def condition(self, name: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][name]))

    def output(self, name: str) -> Any:
        output = self.template["Outputs"][name]
        assert self.exists(output), f"{self.name} has no output {name} under these parameters"
        return self.resolve(output["Value"])

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for found in map(self.resolve, value) if found is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in INTRINSICS:
                return INTRINSICS[name](self, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        return self.parameters[name] if name in self.template.get("Parameters", {}) else f"{self.name}/{name}"

    def attribute(self, path: str | list[str]) -> Any:
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        if attribute.startswith("Outputs.") and name in self.children:
            return self.children[name].output(attribute.removeprefix("Outputs."))
        return f"{self.name}/{name}.{attribute}"

    def choose(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.condition(condition) else no)

    def substitute(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(self.resolve(own[name]))
            return str(self.attribute(name) if "." in name else self.ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", one, text)


INTRINSICS = {
    "Ref": Stack.ref,
    "Fn::GetAtt": Stack.attribute,
    "Fn::If": Stack.choose,
    "Fn::Sub": Stack.substitute,
    "Condition": Stack.condition,
    "Fn::Join": lambda stack, given: str(given[0]).join(map(str, stack.resolve(given[1]))),
    "Fn::Split": lambda stack, given: str(stack.resolve(given[1])).split(given[0]),
    "Fn::Select": lambda stack, given: stack.resolve(given[1])[int(given[0])],
    "Fn::Equals": lambda stack, given: stack.resolve(given[0]) == stack.resolve(given[1]),
    "Fn::Not": lambda stack, given: not stack.resolve(given[0]),
    "Fn::And": lambda stack, given: all(map(stack.resolve, given)),
    "Fn::Or": lambda stack, given: any(map(stack.resolve, given)),
}


@dataclass
class Sources:
    """The files as they are written; a negative control changes one of them before they are expanded."""

    root: Json
    children: dict[str, Json]  # by logical id in the root

    @property
    def every(self) -> dict[str, Json]:
        return {"Root": self.root, **self.children}


@dataclass
class World:
    """Everything that one deployment makes."""

    sources: Sources
    root: Stack

    @property
    def stacks(self) -> list[Stack]:
        return [self.root, *self.root.children.values()]

    def resources(self, kind: str) -> dict[str, Json]:
        """`Data/Stock` -> its resolved properties."""
        return {f"{stack.name}/{name}": properties for stack in self.stacks for name, properties in stack.resources(kind)}

    def sizes(self) -> dict[str, int]:
        """How many resources each template makes."""
        return {stack.name: sum(map(stack.exists, stack.template["Resources"].values())) for stack in self.stacks}

    def functions(self) -> dict[str, Json]:
        return {name.removeprefix("Root/"): properties for name, properties in self.resources("AWS::Lambda::Function").items()}

    def role(self, function: str) -> Json:
        """The resolved role of a function."""
        arn = str(self.functions()[function]["Role"])
        return self.resources("AWS::IAM::Role")[arn.removesuffix(".Arn")]


def sources() -> Sources:
    return copy.deepcopy(_read())


def world(parameters: Mapping[str, str], given: Sources | None = None) -> World:
    written = given or sources()
    filled = {**defaults(written.root), **parameters}
    root = Stack("Root", expand(written.root, filled), filled)
    for name, resource in written.root["Resources"].items():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            template = written.children[name]
            root.children[name] = Stack(name, template, {**defaults(template), **root.resolve(resource["Properties"]["Parameters"])})
    return World(written, root)


def configured(environment: str) -> dict[str, str]:
    """The parameters that samconfig.toml gives."""
    given = CONFIG[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in (shlex.split(given) if isinstance(given, str) else given))


def defaults(template: Json) -> Json:
    return {name: str(parameter["Default"]) for name, parameter in template.get("Parameters", {}).items() if "Default" in parameter}


def expand(template: Json, parameters: Mapping[str, str]) -> Json:
    """What CloudFormation makes of `Transform`: the translator is AWS's own."""
    return copy.deepcopy(_expand(json.dumps(template), tuple(sorted(parameters.items()))))


@functools.cache
def _expand(template: str, parameters: tuple[tuple[str, str], ...]) -> Json:
    """Takes a tenth of a second, and most broken copies break a child only. Code is not uploaded here, so its address is made up."""
    prepared = json.loads(template)
    for resource in prepared["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://code/archive.zip"
    expanded: Json = transform(prepared, dict(parameters), ManagedPolicyLoader(None))
    return expanded


@functools.cache
def _read() -> Sources:
    root = yaml_parse((ROOT / "template.yaml").read_text())
    children = {
        name: yaml_parse((ROOT / resource["Properties"]["TemplateURL"]).read_text())
        for name, resource in root["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }
    return Sources(root, children)
