"""The demo as a person meets it: bring it up, show where things are, play the story, stop it."""

import json
import os
import shutil
import time

from infra.local import story
from infra.local.paths import BUILD, LOCAL
from infra.local.progress import say
from infra.local.stack import KEEP, Stack, guard
from infra.local.status import Status
from infra.local.trouble import Trouble

LOOK_SECONDS = 0.5
STAYS = "\nIt goes on running. Stop it: python3 infra/dev.py down"


def play(stack: Stack, port: int | None, detach: bool, with_story: bool) -> int:
    """Bring the stack up. Unless detached, or running before, it ends with us, however we end."""
    if stack.server("emulator") is not None:
        result = _present(stack, port, with_story)
        say(STAYS)
        return result
    with guard(stack) as watchdog:
        try:
            result = _present(stack, port, with_story)
            if not detach:
                _stay(stack)
        except BaseException:
            stack.down()
            raise
        watchdog.communicate(KEEP)
        say(STAYS if detach else "It was stopped.")
        return result


def show_status(stack: Stack, as_json: bool) -> int:
    facts = stack.read_status()
    if facts is None:
        say("The demo is not running. Start it: python3 infra/dev.py demo")
        return 1
    print(json.dumps(facts, indent=2) if as_json else table(facts))
    return 0


def table(facts: Status) -> str:
    """All that a person may want to open or copy."""
    rows = {
        **facts["pages"],
        "API": f"{facts['api_url']}/shops/{facts['shop']}/products",
        "emulated AWS": facts["emulator_url"],
        "admin key": f"{facts['admin_key']}   (X-Api-Key)",
    }
    width = max(map(len, rows))
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())


def reset(stack: Stack, environments_too: bool) -> None:
    stack.forget()
    shutil.rmtree(BUILD, ignore_errors=True)
    if environments_too:
        shutil.rmtree(LOCAL, ignore_errors=True)
    say(
        "Everything that was built is gone."
        if environments_too
        else "Everything that was built is gone; the Python environments stay (--all)."
    )


def _present(stack: Stack, port: int | None, with_story: bool) -> int:
    facts = stack.up(port)
    print(f"\nHoldfast is up after {_seconds():.1f} s.\n\n{table(facts)}\n", flush=True)
    return story.main(facts) if with_story else 0


def _seconds() -> float:
    """Since the command was given: making the project's environment came before this process."""
    return time.time() - float(os.environ.get("HOLDFAST_STARTED", time.time()))


def _stay(stack: Stack) -> None:
    """Until it is stopped from elsewhere, or a part of it ends by itself."""
    say("\nCtrl+C stops it.")
    while stack.gone() is None and stack.read_status() is not None:
        time.sleep(LOOK_SECONDS)
    with stack.alone():  # another `demo` may just be bringing it up to date: wait for it
        lost = stack.gone()
    if lost is not None:
        raise Trouble(f"The {lost} ended by itself.", log=stack.logs / f"{lost}.log")
    if stack.read_status() is not None:
        _stay(stack)
