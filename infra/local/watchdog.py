"""Waits until the command that started it is gone, however it ended, and stops its stack. Its stdin is a pipe held by that command."""

import sys
from pathlib import Path

from infra.local.stack import Stack


def main() -> None:
    stack = Stack(Path(sys.argv[1]))
    sys.stdin.buffer.read()
    stack.down()


if __name__ == "__main__":
    main()
