"""What a cold start of each HTTP function costs to import, against a lean baseline of the same packages, in the same run.

python3 infra/dev.py bench imports            a table
python -m tests.bench.imports --json          the same for programs

Fresh processes, warm file cache, interleaved, medians. The baseline does nothing but construct what every HTTP function
needs: Chalice, one Pydantic model, Logger, Metrics, one botocore client.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from infra.openapi import ENVIRONMENT, HTTP_FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
RUNS = 9
AIM = 1.4
"""storefront_http may cost so many times the baseline."""
BASELINE = "baseline"
TIMED = "import time; started = time.perf_counter(); {code}; print((time.perf_counter() - started) * 1000)"
LEAN = """exec('''
from aws_lambda_powertools import Logger, Metrics
from botocore.session import get_session
from chalice import Chalice
from pydantic import BaseModel
class Body(BaseModel):
    quantity: int
app, logger, metrics = Chalice(app_name="lean", configure_logs=False), Logger(), Metrics()
client = get_session().create_client("dynamodb")
''')"""
FUNCTION = "import runpy; runpy.run_path({path!r})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args()
    figures = measure(asked.runs)
    if asked.json:
        print(json.dumps({"milliseconds": figures, "ratio": ratio(figures, "storefront_http"), "runs": asked.runs}))
    else:
        show(figures, asked.runs)
    return 0


def measure(runs: int) -> dict[str, float]:
    """Median milliseconds by what was imported. One round more than is counted, so that every file is in the cache."""
    programs = {BASELINE: LEAN} | {name: FUNCTION.format(path=str(ROOT / "functions" / name / "app.py")) for name in HTTP_FUNCTIONS}
    rounds = [{name: once(code) for name, code in programs.items()} for _ in range(runs + 1)][1:]
    return {name: round(median(taken[name] for taken in rounds), 1) for name in programs}


def once(code: str) -> float:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, **ENVIRONMENT, "PYTHONPATH": str(ROOT / "layers" / "holdfast")}
    done = subprocess.run([sys.executable, "-c", TIMED.format(code=code)], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def ratio(figures: dict[str, float], name: str) -> float:
    return round(figures[name] / figures[BASELINE], 2)


def show(figures: dict[str, float], runs: int) -> None:
    print(f"Import, median of {runs} fresh processes\n\n{'':20}{'ms':>8}{'x baseline':>12}")
    for name, milliseconds in figures.items():
        print(f"{name:20}{milliseconds:8.1f}{ratio(figures, name):12.2f}")
    print(f"\nThe aim for storefront_http is {AIM} x: {'kept' if ratio(figures, 'storefront_http') <= AIM else 'missed'}.")


if __name__ == "__main__":
    sys.exit(main())
