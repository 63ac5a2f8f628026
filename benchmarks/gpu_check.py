"""`make gpu-check`: what CPU tests cannot show, on a machine with a CUDA GPU and its own torch.

Runs from the checkout, needs no network, takes under eight minutes, prints a table and writes a record with the
device's name to `benchmarks/gpu/`. A later part of the project adds a module to `benchmarks/gpu_checks/`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
THEMES = ("telemetry", "runs", "loop")
RECORDS = ROOT / "benchmarks" / "gpu"


def main() -> int:
    """Runs every check; 0 when all passed, 1 when one failed, 2 when there is no CUDA device."""
    try:
        import torch
    except ImportError:
        sys.stderr.write("gpu-check needs a torch (2.9 or newer) in this Python; name another one with PYTHON=...\n")
        return 2
    if not torch.cuda.is_available():
        sys.stderr.write("gpu-check needs a CUDA device, and torch finds none here\n")
        return 2
    name = torch.cuda.get_device_name()
    results = [row for theme in THEMES for row in _theme(theme)]
    _table(name, results)
    record = RECORDS / (re.sub(r"\W+", "-", name.lower()).strip("-") + ".json")
    record.write_text(json.dumps(_record(name, results), indent=1) + "\n")
    print(f"record: {record.relative_to(ROOT)}")
    return 0 if all(r["ok"] for r in results) else 1


def _theme(theme: str) -> list[dict[str, Any]]:
    rows = []
    for check in import_module(f"benchmarks.gpu_checks.{theme}").CHECKS:
        began_s = time.monotonic()
        try:
            said, ok = check.run(), True
        except Exception as error:  # noqa: BLE001 - a check that breaks is a row of the table
            said, ok = f"{type(error).__name__}: {error}"[:500], False
        rows.append({"check": check.name, "ok": ok, "said": said, "wall_s": round(time.monotonic() - began_s, 1)})
        print(f"{'ok    ' if ok else 'FAILED'} {check.name}: {said}", flush=True)
    return rows


def _table(name: str, results: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("check", "", "what it showed", "s", title=name)
    for row in results:
        table.add_row(row["check"], "ok" if row["ok"] else "FAILED", row["said"], f"{row['wall_s']:.0f}")
    Console().print(table)


def _record(name: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    from benchbench.hardware.inventory import machine

    return {
        "device": name,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "make gpu-check",
        "machine": machine().document(),
        "results": results,
    }


if __name__ == "__main__":
    sys.exit(main())
