"""HTTP to our own servers. A proxy of the user's environment must never be asked for 127.0.0.1."""

import urllib.error
import urllib.request

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(request: str | urllib.request.Request, timeout: float) -> tuple[int, bytes]:
    """Status and body; a refusal is an answer too. Raises OSError when nobody answers."""
    try:
        with _DIRECT.open(request, timeout=timeout) as answer:
            return int(answer.status), bytes(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def answers(url: str, timeout: float = 2.0) -> bool:
    try:
        return fetch(url, timeout)[0] < 500
    except OSError:
        return False
