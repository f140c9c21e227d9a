"""The tables of `infra/data.yaml`, made by hand on moto or the emulator: key schemas and indexes cannot drift from the template."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DATA = Path(__file__).resolve().parents[2] / "infra" / "data.yaml"
CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, which say nothing about a table's shape."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: None)


def create(client: "DynamoDBClient", suffix: str) -> dict[str, str]:
    """Logical id to the name that the table got."""
    names = {}
    for logical, resource in yaml.load(DATA.read_text(), _Template)["Resources"].items():
        properties: dict[str, Any] = resource["Properties"]
        names[logical] = f"{logical}-{suffix}"
        client.create_table(TableName=names[logical], **{name: properties[name] for name in CREATED_WITH if name in properties})
    return names
