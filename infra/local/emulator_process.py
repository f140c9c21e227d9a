"""What runs in the emulator's process: MiniStack, tuned to answer evenly. Run by the emulator's own interpreter."""

import gc
import runpy
import sys
import time
from pathlib import Path
from typing import Any

# While records keep coming the poller never rests, and holds the interpreter against the thread that answers requests:
# every data call then waits for it. AWS, too, looks at a shard four times a second.
PAUSE_SECONDS = 0.25
# How long one thread may hold the interpreter while another waits for it; Python's own 5 ms is several data calls long.
SWITCH_SECONDS = 0.0005
# All that is stored lives in memory: a full collection walks it and stops the world for up to half a second. Seldom, then.
FULL_COLLECTIONS = 1000


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
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from infra.local import emulator_news

    sys.path.pop(0)  # our modules are not the emulator's
    sys.setswitchinterval(SWITCH_SECONDS)
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, FULL_COLLECTIONS)
    from ministack.services import eventbridge, lambda_svc, ses, ses_v2

    pace(lambda_svc)
    emulator_news.tell_of_mails(ses, ses_v2, eventbridge, lambda_svc)
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
