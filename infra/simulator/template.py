"""The tables of `infra/data.yaml`, made by hand on whatever speaks DynamoDB: key schemas and indexes cannot drift from the template."""

from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).resolve().parents[1] / "data.yaml"
CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, which say nothing about a table's shape."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: None)  # noqa: ARG005  as it is called


def create(client: Any, suffix: str) -> dict[str, str]:
    """Logical id to the name that the table got."""
    names = {}
    for logical, resource in yaml.load(DATA.read_text("utf-8"), _Template)["Resources"].items():
        properties: dict[str, Any] = resource["Properties"]
        names[logical] = f"{logical}-{suffix}"
        client.create_table(TableName=names[logical], **{name: properties[name] for name in CREATED_WITH if name in properties})
    return names
