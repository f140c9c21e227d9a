"""What runs in the emulator's process: MiniStack, with its stream poller paced. Run by the emulator's own interpreter."""

import runpy
import sys
import time
from typing import Any

# While records keep coming the poller never rests, and holds the interpreter against the thread that answers requests:
# every data call then waits for it. AWS looks at a shard four times a second; ten times is still a second's tenth for a mail.
PAUSE_SECONDS = 0.1
# How long one thread may hold the interpreter while another waits for it; Python's own 5 ms is several data calls long.
SWITCH_SECONDS = 0.0005


def pace(lambda_service: Any) -> None:
    """Rest after each pass over the streams that found something."""
    poll = lambda_service._poll_dynamodb_streams

    def paced() -> bool:
        found = bool(poll())
        if found:
            time.sleep(PAUSE_SECONDS)
        return found

    lambda_service._poll_dynamodb_streams = paced


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its modules are not the emulator's
    sys.setswitchinterval(SWITCH_SECONDS)
    from ministack.services import lambda_svc

    pace(lambda_svc)
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
