"""Restores what the emulator's CloudFormation drops without a word, then looks whether it took.

Read from the processed template, so nothing is said twice: time to live of tables, and of the API's body the `any` routes, the gateway
responses and the binary types. On AWS CloudFormation does all of this. Run after every deployment; a route change makes a new API.
"""

import json
import re
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local import emulator, loopback
from infra.local.aws import client
from infra.local.trouble import Trouble

EXTENSION = "x-amazon-apigateway-"
ANY_METHOD = f"{EXTENSION}any-method"
NOTHING = {"Ref": "AWS::NoValue"}
FUNCTION_ARN = re.compile(r"\$\{(\w+)\.Arn\}")

Template = Mapping[str, Any]


@dataclass(frozen=True)
class Deployed:
    """One stack: its template after the transform, and the physical id of each logical one."""

    template: Template
    physical: Mapping[str, str]

    def resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Physical id and properties of all resources of a type that were made."""
        for name, resource in self.template.get("Resources", {}).items():
            if resource.get("Type") == kind and name in self.physical:
                yield self.physical[name], resource.get("Properties", {})


@dataclass(frozen=True)
class AnyRoute:
    """A path on which every method not named goes to the function as well, so that it can answer 405."""

    path: str
    function: str  # logical id


def apply(endpoint: str, stack: str) -> str:
    """What was restored, in words. Raises if the emulator did not take it."""
    ttl, others = 0, []
    for deployed in stacks(endpoint, stack):
        for table, wanted in ttl_tables(deployed):
            _restore_ttl(endpoint, table, wanted)
            ttl += 1
        for api, properties in deployed.resources("AWS::ApiGateway::RestApi"):
            if isinstance(properties.get("Body"), Mapping):
                others += _restore_api(endpoint, api, properties["Body"], deployed)
    return ", ".join([f"time to live of {ttl} tables", *others])


def stacks(endpoint: str, root: str) -> Iterator[Deployed]:
    """The stack and its children."""
    cloudformation = client("cloudformation", endpoint)
    body = cloudformation.get_template(StackName=root, TemplateStage="Processed")["TemplateBody"]
    rows = cloudformation.describe_stack_resources(StackName=root)["StackResources"]
    yield Deployed(as_template(body), {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows})
    for row in rows:
        if row["ResourceType"] == "AWS::CloudFormation::Stack":
            yield from stacks(endpoint, row["PhysicalResourceId"])


def as_template(body: Any) -> Template:
    """The emulator gives text for a child (YAML as it was written) and a mapping or JSON for what it transformed."""
    if isinstance(body, Mapping):
        return body
    try:
        return dict(json.loads(body))
    except ValueError:
        return yaml_template(body)


def yaml_template(text: str) -> Template:
    """CloudFormation's short forms (!Ref and so on) stay opaque: only plain values are read here."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def opaque(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            return {suffix: node.value}
        if isinstance(node, yaml.SequenceNode):
            return {suffix: loader.construct_sequence(node, deep=True)}
        assert isinstance(node, yaml.MappingNode)
        return {suffix: loader.construct_mapping(node, deep=True)}

    Loader.add_multi_constructor("!", opaque)
    return dict(yaml.load(text, Loader))


def ttl_tables(deployed: Deployed) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for table, properties in deployed.resources("AWS::DynamoDB::Table"):
        wanted = properties.get("TimeToLiveSpecification")
        if wanted and str(wanted.get("Enabled")).lower() == "true":
            yield table, wanted


def any_routes(body: Template, made: Collection[str]) -> list[AnyRoute]:
    """Of the functions that were made: SAM writes the routes of a conditional function into the body under its condition."""
    items = {path: chosen(item) for path, item in body.get("paths", {}).items()}
    integrations = {path: chosen(item[ANY_METHOD])[f"{EXTENSION}integration"] for path, item in items.items() if ANY_METHOD in item}
    found = [AnyRoute(path, integration_function(integration)) for path, integration in integrations.items()]
    return [route for route in found if route.function in made]


def chosen(value: Any) -> Any:
    """What stands under a condition."""
    while isinstance(value, Mapping) and set(value) == {"Fn::If"}:
        value = next(branch for branch in value["Fn::If"][1:] if branch != NOTHING)
    return value


def integration_function(integration: Mapping[str, Any]) -> str:
    """The logical id of the function in SAM's integration address."""
    found = FUNCTION_ARN.search(chosen(integration["uri"])["Fn::Sub"])
    if found is None:
        raise Trouble(f"No function in the integration {integration['uri']}.")
    return found[1]


def _restore_ttl(endpoint: str, table: str, wanted: Mapping[str, Any]) -> None:
    dynamodb = client("dynamodb", endpoint)
    if _ttl(dynamodb, table) is None:
        specification = {"Enabled": True, "AttributeName": wanted["AttributeName"]}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    _expect(_ttl(dynamodb, table) == wanted["AttributeName"], f"time to live of {table}")


def _ttl(dynamodb: Any, table: str) -> str | None:
    """The attribute, if it is switched on."""
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return described.get("AttributeName") if described["TimeToLiveStatus"] == "ENABLED" else None


def _restore_api(endpoint: str, api: str, body: Template, deployed: Deployed) -> list[str]:
    gateway = client("apigateway", endpoint)
    binary = body.get(f"{EXTENSION}binary-media-types", [])
    responses = body.get(f"{EXTENSION}gateway-responses", {})
    routes = any_routes(body, deployed.physical)
    if binary:
        _patch(endpoint, f"/restapis/{api}", "binaryMediaTypes", binary)
    for kind, response in responses.items():
        gateway.put_gateway_response(restApiId=api, responseType=kind, **gateway_response(response))
    _restore_any(endpoint, gateway, api, routes, deployed.physical)
    for stage in gateway.get_stages(restApiId=api)["item"]:
        gateway.create_deployment(restApiId=api, stageName=stage["stageName"])
    _verify_api(gateway, api, binary, responses, routes)
    return [f"{len(routes)} any-routes", f"{len(responses)} gateway responses", f"{len(binary)} binary types"]


def gateway_response(written: Mapping[str, Any]) -> dict[str, Any]:
    status = {"statusCode": str(written["statusCode"])} if written.get("statusCode") else {}
    return {
        "responseParameters": written.get("responseParameters", {}),
        "responseTemplates": written.get("responseTemplates", {}),
        **status,
    }


def _restore_any(endpoint: str, gateway: Any, api: str, routes: list[AnyRoute], physical: Mapping[str, str]) -> None:
    resources = _resources(gateway, api)
    functions = client("lambda", endpoint)
    arns = {
        name: functions.get_function(FunctionName=physical[name])["Configuration"]["FunctionArn"]
        for name in {route.function for route in routes}
    }
    for route in routes:
        where = {"restApiId": api, "resourceId": resources[route.path]["id"], "httpMethod": "ANY"}
        uri = f"arn:aws:apigateway:{emulator.REGION}:lambda:path/2015-03-31/functions/{arns[route.function]}/invocations"
        gateway.put_method(**where, authorizationType="NONE")
        gateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)


def _resources(gateway: Any, api: str) -> dict[str, Any]:
    return {row["path"]: row for row in gateway.get_resources(restApiId=api, limit=500)["items"]}


def _verify_api(gateway: Any, api: str, binary: list[str], responses: Mapping[str, Any], routes: list[AnyRoute]) -> None:
    kept = set(gateway.get_rest_api(restApiId=api).get("binaryMediaTypes", []))
    _expect(set(binary) <= kept, "binary types")
    known = {row["responseType"] for row in gateway.get_gateway_responses(restApiId=api)["items"]}
    _expect(set(responses) <= known, "gateway responses")
    resources = _resources(gateway, api)
    for route in routes:
        _expect("ANY" in resources[route.path].get("resourceMethods", {}), f"the any-route of {route.path}")


def _patch(endpoint: str, path: str, key: str, value: object) -> None:
    """boto3 takes only texts as values here; the emulator stores a list as it is."""
    scope = f"test/20260101/{emulator.REGION}/apigateway/aws4_request"  # tells the emulator which service is meant
    request = urllib.request.Request(
        endpoint + path,
        method="PATCH",
        data=json.dumps({"patchOperations": [{"op": "replace", "path": f"/{key}", "value": value}]}).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x",
        },
    )
    loopback.fetch(request, timeout=10)


def _expect(held: bool, what: str) -> None:
    if not held:
        raise Trouble(
            f"After the deployment the emulator did not take: {what}.", "Is its version the one in infra/requirements/emulator.txt?"
        )
