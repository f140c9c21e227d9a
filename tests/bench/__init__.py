"""Measurements: they report speed, as figures of one run. No test asserts them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "layers" / "holdfast"))
