"""Waits until the command that started it is gone, however it ended, and stops its stacks. Its stdin is a pipe held by that command."""

import sys
from pathlib import Path

from infra.local.stack import KEEP, Stack


def main() -> None:
    if sys.stdin.buffer.read() == KEEP:
        return
    for folder in sys.argv[1:]:
        Stack(Path(folder)).down()


if __name__ == "__main__":
    main()
