"""What is read from a processed template to restore it on the emulator."""

from typing import Any

import pytest

from infra.local import fixups
from infra.local.trouble import Trouble


def integration(function: str) -> dict[str, Any]:
    uri = f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{function}.Arn}}/invocations"
    return {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": uri}}}


BODY = {
    "paths": {
        "/health": {"get": integration("HealthHttp"), "x-amazon-apigateway-any-method": integration("HealthHttp")},
        "/shops/{shop}/products": {"get": integration("StorefrontHttp")},
    }
}


def test_any_routes_are_found_with_their_function() -> None:
    assert fixups.any_routes(BODY, {"HealthHttp"}) == [fixups.AnyRoute("/health", "HealthHttp")]


def test_routes_under_a_condition_count_if_their_function_was_made() -> None:
    any_method = {"x-amazon-apigateway-any-method": integration("PaymentsSandbox")}
    whole = {"Fn::If": ["WithSandbox", any_method, fixups.NOTHING]}
    single = {"x-amazon-apigateway-any-method": {"Fn::If": ["WithSandbox", integration("PaymentsSandbox"), fixups.NOTHING]}}
    address = integration("PaymentsSandbox")["x-amazon-apigateway-integration"]["uri"]
    inner = {
        "x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": {"uri": {"Fn::If": ["WithSandbox", address, fixups.NOTHING]}}}
    }
    for item in (whole, single, inner):
        body = {"paths": {"/sandbox": item}}
        assert fixups.any_routes(body, {"PaymentsSandbox"}) == [fixups.AnyRoute("/sandbox", "PaymentsSandbox")]
        assert fixups.any_routes(body, set()) == []


def test_an_integration_without_a_function_is_named() -> None:
    with pytest.raises(Trouble, match="No function"):
        fixups.integration_function({"uri": {"Fn::Sub": "arn:aws:somewhere"}})


def test_tables_with_a_time_to_live_are_found_by_their_physical_name() -> None:
    ttl = {"AttributeName": "ttl", "Enabled": True}
    template = {
        "Resources": {
            "Locks": {"Type": "AWS::DynamoDB::Table", "Properties": {"TimeToLiveSpecification": ttl}},
            "Off": {"Type": "AWS::DynamoDB::Table", "Properties": {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": False}}},
            "Stock": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
            "NotMade": {"Type": "AWS::DynamoDB::Table", "Properties": {"TimeToLiveSpecification": ttl}},
            "Queue": {"Type": "AWS::SQS::Queue"},
        }
    }
    deployed = fixups.Deployed(template, {"Locks": "locks-1", "Off": "off-1", "Stock": "stock-1", "Queue": "queue-1"})
    assert list(fixups.ttl_tables(deployed)) == [("locks-1", ttl)]


@pytest.mark.parametrize(
    "body",
    [
        {"Resources": {"A": {"Type": "T"}}},
        '{"Resources": {"A": {"Type": "T"}}}',
        "Resources:\n  A: {Type: T}\n",
    ],
    ids=["mapping", "json", "yaml"],
)
def test_every_form_of_a_template_is_read(body: Any) -> None:
    assert fixups.as_template(body) == {"Resources": {"A": {"Type": "T"}}}


def test_short_forms_of_cloudformation_do_not_stop_the_reader() -> None:
    read = fixups.as_template("Resources:\n  A: {Type: T, Properties: {X: !Ref B, Y: !Sub ['${Z}', {Z: 1}], W: !GetAtt C.Arn}}\n")
    assert read["Resources"]["A"]["Type"] == "T"


def test_a_gateway_response_keeps_its_status() -> None:
    written = {"statusCode": 404, "responseTemplates": {"application/json": "{}"}}
    assert fixups.gateway_response(written) == {
        "statusCode": "404",
        "responseParameters": {},
        "responseTemplates": {"application/json": "{}"},
    }
    assert "statusCode" not in fixups.gateway_response({})
