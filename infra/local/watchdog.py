"""Waits until the command that started it is gone, however it ended, and stops its stacks. Its stdin is a pipe held by that command."""

import sys
from pathlib import Path

from infra.local.stack import Stack


def main() -> None:
    sys.stdin.buffer.read()
    for folder in sys.argv[1:]:
        Stack(Path(folder)).down()


if __name__ == "__main__":
    main()
