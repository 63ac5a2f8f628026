"""A real search within a real budget, verified by an independent re-run (`python -m benchmarks.search.real_tune`).

Claim: on `bert_tiny` a budget of ten minutes finds a setup that reaches the target at least twice as fast as what the
scenario has today, and `benchbench verify`, a command of its own afterwards, confirms it. Both are run as a user would.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchbench.record.store import write_atomic
from benchmarks import pairs

WANTED = 2.0
_TIMEOUT_S = 3600.0


def main() -> None:
    """Searches, verifies, and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", type=Path, default=pairs.ROOT / "scenarios" / "bert_tiny.yaml")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--out", type=Path, default=pairs.RESULTS / "real_tune.json", help="the record")
    parser.add_argument("--keep", type=Path, help="a folder for the study and its runs; thrown away if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = ("--out", str(options.keep or folder), "--json")
        asked = ("--budget", options.budget, "--seed", str(options.seed), "--no-report")
        began = time.monotonic()
        study = _answer("tune", str(options.scenario), *asked, *results)
        wall_s = time.monotonic() - began
        verified = _answer("verify", study["study"], *results)
    record = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks.search.real_tune", *sys.argv[1:]],
        "wanted_speedup": WANTED,
        "wall_s": wall_s,
        **{key: study[key] for key in ("budget_s", "spent_s", "stopped", "trials", "baseline", "recommendation")},
        "attribution": study["attribution"],
        "economics": study["economics"],
        "verified": verified,
    }
    write_atomic(options.out, json.dumps(record, indent=1, allow_nan=False) + "\n")
    advice = study["recommendation"]
    pairs.show(
        f"{options.scenario.stem} within {options.budget}",
        {
            "took": f"{wall_s:.0f} s",
            "verdict": advice["verdict"],
            "recommended": str(advice["overrides"]),
            "speed-up": str(advice["speedup"]),
            "verified": str({key: value for key, value in verified.items() if key not in ("runs", "machine")}),
            "record": str(options.out),
        },
    )


def _answer(*words: str) -> dict[str, Any]:
    """The document that a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchbench", *words], stdout=subprocess.PIPE, check=False, timeout=_TIMEOUT_S,
        env=pairs.environment(), text=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
