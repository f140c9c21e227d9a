"""Skip what is done: a product carries the hash of all that went into it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

IGNORED_NAMES = {"__pycache__", ".DS_Store", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def digest(*parts: object) -> str:
    """One hash over texts and the content of files and folders (paths count by their name, not by where the checkout lies)."""
    whole = hashlib.sha256()
    for part in parts:
        for chunk in _chunks(part):
            whole.update(len(chunk).to_bytes(8, "big") + chunk)
    return whole.hexdigest()[:32]


def fresh(stamp: Path, expected: str) -> bool:
    return stamp.is_file() and stamp.read_text().strip() == expected


def write(stamp: Path, value: str) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value + "\n")


def files_of(folder: Path) -> list[Path]:
    """All files that count, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not IGNORED_NAMES & set(path.parts) and path.suffix != ".pyc")


def _chunks(part: object) -> Iterable[bytes]:
    if not isinstance(part, Path):
        yield str(part).encode()
    elif part.is_dir():
        for path in files_of(part):
            yield str(path.relative_to(part)).encode()
            yield path.read_bytes()
    else:
        yield part.name.encode()
        yield part.read_bytes() if part.exists() else b"(absent)"
