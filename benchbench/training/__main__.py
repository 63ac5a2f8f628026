"""`python -m benchbench.training`: reads BENCHBENCH_SCENARIO, writes BENCHBENCH_EVENTS, exits 0 when all went well.

What goes wrong becomes a `failed` event with its kind; the traceback goes to the log. Whatever kills the process
instead (a signal) is read from its exit status by the supervisor.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path

from benchbench.record.raw import CHECKPOINTS
from benchbench.scenario.scenario import Scenario
from benchbench.training.events import EventFile, EventLines, Events
from benchbench.training.failures import kind_of, sentence

_PROFILER_SILENT = "6"  # or torch's profiler writes two lines into the log for each look


def main() -> int:
    """Runs the scenario that the environment names."""
    faulthandler.enable()
    os.environ.setdefault("KINETO_LOG_LEVEL", _PROFILER_SILENT)
    events = EventFile(Path(os.environ["BENCHBENCH_EVENTS"]))
    events.emit("phase", name="import")
    try:
        _run(events)
    except BaseException as error:  # noqa: BLE001 - every way to fail must be told apart for the record
        traceback.print_exc()
        events.emit("failed", kind=kind_of(error), message=sentence(error))
        return 1
    return 0


def _run(events: Events) -> None:
    from benchbench.training import program

    scenario = Scenario.model_validate_json(Path(os.environ["BENCHBENCH_SCENARIO"]).read_text(encoding="utf-8"))
    limits = program.Limits(
        timeout_s=float(os.environ["BENCHBENCH_TIMEOUT_S"]),
        deadline_s=float(os.environ.get("BENCHBENCH_DEADLINE_S", "inf")),
        too_slow_s=float(os.environ.get("BENCHBENCH_TOO_SLOW_S", "inf")),
        longest_rows="BENCHBENCH_LONGEST_ROWS" in os.environ,
        test_split="BENCHBENCH_TEST_SPLIT" in os.environ,
        checkpoints=Path(os.environ["BENCHBENCH_EVENTS"]).parent / CHECKPOINTS,
        examine_s=float(os.environ.get("BENCHBENCH_EXAMINE_S", "0")),
    )
    program.run(scenario, events, limits)


def check(file: Path) -> int:
    """Prints, for each scenario of a JSON list, why it cannot run here, or null; before that how far the data is."""
    from benchbench.training.checking import problems

    scenarios = [Scenario.model_validate_json(json.dumps(s)) for s in json.loads(file.read_text(encoding="utf-8"))]
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as answer:
        answer.write(json.dumps(problems(scenarios, EventLines(answer))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[2])) if sys.argv[1:2] == ["--check"] else main())
