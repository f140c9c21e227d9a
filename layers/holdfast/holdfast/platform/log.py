"""One structured logger per function (service and level come from the environment). Never pass it a body, a token or an address."""

from aws_lambda_powertools import Logger

logger = Logger()
