"""Clients for the emulator. The only place where the local tools make one."""

import os
from typing import Any

from infra.local import emulator


def client(service: str, endpoint: str) -> Any:
    """Reads nothing of the user's AWS configuration: the test credentials are given by hand and the files are switched off."""
    import boto3  # in the project environment only; most commands do without
    from botocore.config import Config

    os.environ.update(emulator.credentials())
    known = emulator.credentials()
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=emulator.REGION,
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=70, proxies={}),
    )
