#!/usr/bin/env python3
"""Holdfast on a laptop: the real template on an embedded AWS, from one command. Needs only Python 3.11 or newer.

python3 infra/dev.py demo     the whole stack, a shop, the pages, and one story played through it
python3 infra/dev.py test     every test, on a stack of its own
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
MAIL_PICTURES = ROOT / "docs" / "pictures" / "mails"
RACE_PICTURE = ROOT / "docs" / "pictures" / "race.svg"
if sys.version_info < OLDEST:
    sys.exit(f"Holdfast needs Python {'.'.join(map(str, OLDEST))} or newer; this is {sys.version.split()[0]}. Try: python3.13 infra/dev.py")
sys.path.insert(0, str(ROOT))

# Only the standard library up to here and in what these import; the rest is imported by the command that needs it.
from infra.local import environments  # noqa: E402
from infra.local.progress import say  # noqa: E402
from infra.local.stack import Stack  # noqa: E402
from infra.local.trouble import Trouble  # noqa: E402

Command = Callable[[argparse.Namespace], int]
INTERRUPTED = 130


def demo(asked: argparse.Namespace) -> int:
    _in_project()
    from infra.local import demo

    return demo.play(Stack.demo(), port=asked.port, detach=asked.detach, with_story=not asked.no_story)


def test(asked: argparse.Namespace) -> NoReturn:
    from infra.local import testing

    environments.ensure()
    testing.run(asked.pytest)


def status(asked: argparse.Namespace) -> int:
    from infra.local import demo

    return demo.show_status(Stack.demo(), as_json=asked.json)


def down(_: argparse.Namespace) -> int:
    stopped = Stack.demo().down()
    say(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    return 0


def reset(asked: argparse.Namespace) -> int:
    from infra.local import demo

    demo.reset(Stack.demo(), environments_too=asked.all)
    return 0


def logs(asked: argparse.Namespace) -> int:
    _in_project()
    from infra.local import calls

    calls.logs(Stack.demo().demand_status(), asked.function, asked.lines)
    return 0


def invoke(asked: argparse.Namespace) -> int:
    _in_project()
    from infra.local import calls

    return 0 if calls.invoke(Stack.demo().demand_status(), asked.function, asked.event) else 1


def story(asked: argparse.Namespace) -> int:
    from infra.local import story

    return story.main(Stack.demo().demand_status(), picture=RACE_PICTURE if asked.picture else None)


def doctor(_: argparse.Namespace) -> int:
    from infra.local import doctor

    return doctor.examine(Stack.demo())


def build(asked: argparse.Namespace) -> int:
    from infra.local import layers

    environments.ensure("emulator")
    layers.build(asked.target)
    layers.report()
    return 0


def openapi(_: argparse.Namespace) -> int:
    from infra.local import processes

    environments.ensure("project")
    return processes.call([environments.python_of("project"), "-m", "infra.catalogue"], processes.bare_env())


def mails(asked: argparse.Namespace) -> int:
    _in_project()
    sys.path.insert(0, str(ROOT / "layers" / "holdfast"))
    from infra import mail_pictures

    say(mail_pictures.sizes(mail_pictures.draw(asked.folder)))
    return 0


def bench(asked: argparse.Namespace) -> int:
    _in_project()
    from infra.local import testing

    return testing.bench(Stack.demo(), asked.names)


def simulate(asked: argparse.Namespace) -> int:
    _in_project()
    sys.path.insert(0, str(ROOT / "layers" / "holdfast"))
    from infra.simulator import hot_sku

    return hot_sku.main([asked.scenario, *asked.options])


def lock(_: argparse.Namespace) -> int:
    environments.relock()
    return 0


def check(_: argparse.Namespace) -> int:
    from infra.local import checks

    environments.ensure("project", "deploy")
    return 0 if checks.check() else 1


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="infra/dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = root.add_subparsers(metavar="COMMAND", required=True)

    def add(command: Command, sentence: str) -> argparse.ArgumentParser:
        made = commands.add_parser(command.__name__, help=sentence, description=sentence)
        made.set_defaults(command=command)
        return made

    added = add(demo, "start everything, seed the demo shop, play the story")
    added.add_argument("--port", type=int, help="of the pages and the API (default 8787)")
    added.add_argument("--detach", action="store_true", help="leave it running and return")
    added.add_argument("--no-story", action="store_true", help="do not play the story")
    added = add(test, "run the test suite; further arguments go to pytest")
    added.add_argument("pytest", nargs=argparse.REMAINDER, metavar="pytest args")
    added = add(status, "where everything of the running demo is")
    added.add_argument("--json", action="store_true", help="for programs")
    add(down, "stop the demo; it keeps no data")
    added = add(reset, "stop the demo and forget what was built")
    added.add_argument("--all", action="store_true", help="the Python environments too")
    added = add(logs, "the last log lines of the functions")
    added.add_argument("--function", help="its folder in functions/")
    added.add_argument("--lines", type=int, default=60)
    added = add(invoke, "call one function with an event")
    added.add_argument("function", help="its folder in functions/")
    added.add_argument("event", type=Path, help="a file, or its name in events/FUNCTION/")
    added = add(story, "play the story again on the running demo")
    added.add_argument("--picture", action="store_true", help=f"draw its race into {RACE_PICTURE.relative_to(ROOT)}")
    add(doctor, "find out why it does not work here")
    added = add(build, "assemble the layers under .build/layers")
    added.add_argument("--target", choices=("local", "aws"), default="local", help="aws: arm64 and Python 3.13, whatever this machine is")
    add(openapi, "write docs/catalogue from the code")
    added = add(mails, "draw every message, as it looks on a phone and on a desk; needs Chromium")
    added.add_argument("folder", nargs="?", type=Path, default=MAIL_PICTURES, help=f"default: {MAIL_PICTURES.relative_to(ROOT)}")
    added = add(bench, "measure, on the running demo")
    added.add_argument("names", nargs="*", help="modules of tests/bench (default: all)")
    added = add(simulate, "run the stock's own code on simulated partitions, in their time")
    added.add_argument("scenario", choices=("hot-sku",))
    added.add_argument("options", nargs=argparse.REMAINDER, help="its own; `simulate hot-sku --help` says which")
    add(lock, "resolve the lock files anew")
    add(check, "style, types and templates")
    return root


def main() -> int:
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if sent == signal.SIGINT or signal.getsignal(sent) != signal.SIG_IGN:  # nohup means it; a script's `&` does not
            signal.signal(sent, _interrupt)
    asked, rest = parser().parse_known_args()
    if rest and asked.command is not test:
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    if asked.command is test:
        asked.pytest = sys.argv[2:]
    try:
        command: Command = asked.command
        return command(asked)
    except Trouble as trouble:
        say(f"\n{trouble}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return INTERRUPTED


def _interrupt(*_: object) -> NoReturn:
    """Being told to end takes the same way out as Ctrl+C."""
    raise KeyboardInterrupt


def _in_project() -> None:
    """Go on in the project's environment: boto3 and the gateway's libraries are there."""
    os.environ.setdefault("HOLDFAST_STARTED", str(time.time()))
    environments.reexecute_in_project(Path(__file__).resolve(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
