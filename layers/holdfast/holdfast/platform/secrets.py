"""Secrets are fetched once per process, at first need, and live in memory only."""

from functools import cache

from holdfast.platform import aws


@cache
def secret(arn: str) -> str:
    with aws.needed("The store of secrets"):
        value: str = aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    if len(value) < 32:
        raise ValueError("a signing secret needs at least 32 characters")
    return value
