"""An answer against docs/catalogue/openapi.json: is its status documented for the route, and its body of the documented shape."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

CONTRACT = Path(__file__).resolve().parents[3] / "docs" / "catalogue" / "openapi.json"
ALWAYS = {"X-Request-Id", "X-Content-Type-Options", "Strict-Transport-Security", "Cache-Control"}
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


@cache
def contract() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))
    return found


def check(event: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, when it keeps the contract."""
    status, headers = answer["statusCode"], answer["headers"]
    assert headers.keys() >= ALWAYS, headers
    operation = contract()["paths"].get(event["resource"], {}).get(event["httpMethod"].lower())
    if status >= 400:
        problem(answer)
    if operation is None:
        assert status in {204, 404, 405}, answer
        return answer
    assert str(status) in operation["responses"], f"{event['httpMethod']} {event['resource']} answers {status}, undocumented: {answer}"
    documented = resolved(operation["responses"][str(status)])
    for name, reference in documented.get("headers", {}).items():
        header = resolved(reference)
        assert name in headers or not header.get("required"), f"{event['httpMethod']} {event['resource']} answers {status} without {name}"
    if "content" not in documented:
        assert answer["body"] == ""
        return answer
    media_type = headers["Content-Type"].split(";")[0]
    content = documented["content"][media_type]
    found = json.loads(answer["body"]) if media_type.endswith("json") and not media_type.endswith("ndjson") else answer["body"]
    validator(json.dumps(content["schema"])).validate(found)
    return answer


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What stands in the contract's components, when `part` only says where."""
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    found: dict[str, Any] = contract()["components"][kind][name]
    return found


@cache
def validator(schema: str) -> Draft202012Validator:
    """`schema` as text: a dictionary cannot be remembered."""
    return Draft202012Validator(
        {**json.loads(schema), "components": contract()["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def problem(answer: dict[str, Any]) -> dict[str, Any]:
    """RFC 9457, the same on every route: the standard members say what the standard says, whatever the facts are."""
    body: dict[str, Any] = json.loads(answer["body"])
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body.keys() >= PROBLEM_MEMBERS, body
    assert body["status"] == answer["statusCode"], body
    assert body["type"] == f"https://holdfast.dev/problems/{body['code']}"
    assert body["request_id"] == answer["headers"]["X-Request-Id"]
    assert body["title"]
    assert body["detail"]
    return body
