"""The edge towards AWS and HTTP: the only room besides the repositories that knows boto3 and the environment."""
