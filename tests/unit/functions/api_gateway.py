"""Events as API Gateway's REST proxy sends them, field for field."""

import base64
import json
from collections.abc import Mapping
from typing import Any

HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
FROM_AWS = {
    "Accept": "*/*",
    "Host": HOST,
    "User-Agent": "Mozilla/5.0",
    "X-Amzn-Trace-Id": "Root=1-6920b2a0-1b2c3d4e5f60718293a4b5c6",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}
REQUEST_ID = "5e1f7a3c-9d0b-4c68-8a51-2f4f3a6f0d11"


def request(
    method: str,
    resource: str,
    path: Mapping[str, str] | None = None,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`body`: text and bytes as they are (bytes travel as base64, as for a binary media type), all else as JSON."""
    sent = {**FROM_AWS, **({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})}
    called = resource
    for name, value in (path or {}).items():
        called = called.replace(f"{{{name}}}", value)
    return {
        "resource": resource,
        "path": called,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(path) if path else None,
        "stageVariables": None,
        "requestContext": _context(method, resource, called),
        **_body(body),
    }


def _body(body: Any) -> dict[str, Any]:
    if isinstance(body, bytes):
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {"body": text, "isBase64Encoded": False}


def _context(method: str, resource: str, called: str) -> dict[str, Any]:
    return {
        "resourceId": "r3s0rc",
        "resourcePath": resource,
        "httpMethod": method,
        "extendedRequestId": "UcFkvHnZliAFm5w=",
        "requestTime": "21/Nov/2026:12:00:00 +0000",
        "path": f"/v1{called}",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "v1",
        "domainPrefix": "a1b2c3d4e5",
        "requestTimeEpoch": 1795262400000,
        "requestId": REQUEST_ID,
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "cognitoIdentityId": None,
            "caller": None,
            "sourceIp": "203.0.113.7",
            "principalOrgId": None,
            "accessKey": None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": None,
            "userAgent": "Mozilla/5.0",
            "user": None,
        },
        "domainName": HOST,
        "deploymentId": "d3pl0y",
        "apiId": "a1b2c3d4e5",
    }
