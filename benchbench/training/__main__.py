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
from collections.abc import Sequence
from pathlib import Path

from benchbench.record.raw import CHECKPOINTS, events_of_rank
from benchbench.scenario.scenario import Scenario
from benchbench.training import launching, ranks
from benchbench.training.events import EventFile, EventLines, Events
from benchbench.training.failures import DivergedError, kind_of, sentence
from benchbench.training.ranks import Rank

_PROFILER_SILENT = "6"  # or torch's profiler writes two lines into the log for each look


def main(rank_command: Sequence[str] = launching.RANK) -> int:
    """Runs the scenario that the environment names; where it wants several ranks, starts them.

    Args:
        rank_command: the program of a rank, which calls this function too.
    """
    faulthandler.enable()
    os.environ.setdefault("KINETO_LOG_LEVEL", _PROFILER_SILENT)
    file, rank = Path(os.environ["BENCHBENCH_EVENTS"]), ranks.this_rank()
    folder = file.parent
    events = EventFile(file if rank is None or rank.index == 0 else folder / events_of_rank(rank.index))
    try:
        scenario = Scenario.model_validate_json(Path(os.environ["BENCHBENCH_SCENARIO"]).read_text(encoding="utf-8"))
        if rank is None and scenario.plan.world > 1:
            return launching.launch(scenario.plan, events, folder, rank_command)
        kept = _run(scenario, events, folder, rank)
    except BaseException as error:  # noqa: BLE001 - every way to fail must be told apart for the record
        traceback.print_exc()
        events.emit("failed", kind=kind_of(error), message=sentence(error), **_where(error, rank))
        return _ended(1, rank)
    code = _ended(0, rank)
    del kept
    return code


def _where(error: BaseException, rank: Rank | None) -> dict[str, int | None]:
    """The rank that an error is of; all ranks see a loss that is no number, and know whose it is."""
    if rank is None:
        return {}
    return {"rank": error.rank if isinstance(error, DivergedError) else rank.index}


def _ended(code: int, rank: Rank | None) -> int:
    """The exit status. A rank ends here and now: torch would first take its collectives down, and may wait for ever."""
    if rank is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(scenario: Scenario, events: Events, folder: Path, rank: Rank | None) -> object:
    events.emit("phase", name="import")
    if rank is not None:
        ranks.settle(rank)
    from benchbench.training import program

    limits = program.Limits(
        timeout_s=float(os.environ["BENCHBENCH_TIMEOUT_S"]),
        deadline_s=float(os.environ.get("BENCHBENCH_DEADLINE_S", "inf")),
        too_slow_s=float(os.environ.get("BENCHBENCH_TOO_SLOW_S", "inf")),
        longest_rows="BENCHBENCH_LONGEST_ROWS" in os.environ,
        test_split="BENCHBENCH_TEST_SPLIT" in os.environ,
        checkpoints=folder / CHECKPOINTS,
        examine_s=float(os.environ.get("BENCHBENCH_EXAMINE_S", "0")),
    )
    return program.run(scenario, events, limits, rank)


def check(file: Path) -> int:
    """Prints, for each scenario of a JSON list, why it cannot run here, or null; before that how far the data is."""
    from benchbench.training.checking import problems

    scenarios = [Scenario.model_validate_json(json.dumps(s)) for s in json.loads(file.read_text(encoding="utf-8"))]
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as answer:
        answer.write(json.dumps(problems(scenarios, EventLines(answer))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[2])) if sys.argv[1:2] == ["--check"] else main())
