"""Clients for the emulator. The only place where the local tools make one."""

from typing import Any

from infra.local import emulator


def client(service: str, endpoint: str) -> Any:
    """Reads nothing of the user's AWS configuration."""
    import boto3  # in the project environment only; most commands do without
    from botocore.config import Config

    emulator.only_test_credentials()
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=emulator.REGION,
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=70, proxies={}),
    )
