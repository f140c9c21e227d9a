"""Which ports to use. Loopback only."""

import socket

from infra.local.trouble import Trouble

HOST = "127.0.0.1"
DEFAULT_PORT = 8787
ALTERNATIVES = 50


def free_port() -> int:
    """Any port that is free now. Another process may still take it first; who uses it tries again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A connection first: a listener on 0.0.0.0 does not stop everyone from binding 127.0.0.1 beside it.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def demand(port: int) -> int:
    """The port asked for, or a clear word about which to ask for instead."""
    if is_free(port):
        return port
    other = next((candidate for candidate in range(port + 1, port + ALTERNATIVES) if is_free(candidate)), None)
    advice = f"Try: python3 infra/dev.py demo --port {other}" if other else "Choose a free one with --port."
    raise Trouble(f"Port {port} on {HOST} is used by another program (another checkout's demo, perhaps).", advice)
