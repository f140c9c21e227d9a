"""`python -m infra.local.gateway --port 8787 --status-file .holdfast/status.json`"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import signal
import sys
from pathlib import Path

from aiohttp import web

from .app import build_app
from .target import Targets

LOOPBACK = "127.0.0.1"
PORT_TAKEN = 98


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gateway", description="Pages and API proxy of the local stack, on loopback only.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--status-file", type=Path, help="where the emulator's address and the API's id are read from")
    parser.add_argument("--emulator-url", help="wins over the status file")
    parser.add_argument("--api-id", help="wins over the status file")
    return parser.parse_args()


async def serve(app: web.Application, port: int) -> None:
    # Bodies travel as they came: the proxy must not unpack a gzip body that the API is meant to judge.
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        print(f"gateway ready at http://{LOOPBACK}:{port}", flush=True)
        await until_told_to_stop()
    finally:
        await runner.cleanup()


async def until_told_to_stop() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()


def main() -> int:
    given = arguments()
    app = build_app(Targets(status_file=given.status_file, emulator_url=given.emulator_url, api_id=given.api_id))
    try:
        asyncio.run(serve(app, given.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"port {given.port} is taken by another program: choose one with --port", file=sys.stderr)
        return PORT_TAKEN
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
