"""A measurement that was killed is gone on with in its own folder, from its last checkpoint."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchbench.errors import ScenarioError
from benchbench.record import raw
from benchbench.record.checkpoint_files import LAST, check_files, manifest
from benchbench.record.figures import Line
from benchbench.record.store import read_raw, write_atomic, writing
from benchbench.scenario.scenario import Scenario

_STAYS = frozenset({raw.CHECKPOINTS, raw.EVENTS, raw.LOG})
_NOT_IN_CHECKPOINTS = frozenset({"step", "compile", "checkpoint"})


def carried_on(scenario: Scenario, folder: Path) -> Scenario:
    """What to ask for in a folder where a measurement may have been killed; the folder is made ready for it.

    With a whole checkpoint of a training that is not over, that one is gone on from, with the micro-batch that it had:
    the losses are then the same to the last bit. The steps before it stay, and so do the checkpoints and the log. Else
    nothing stays.

    Args:
        scenario: what is measured.
        folder: of one measurement of a repeat.

    Returns:
        The scenario, with `training.resume` where there is something to go on from.

    Raises:
        StoreError: the folder cannot be made ready.
    """
    last = folder / raw.CHECKPOINTS / LAST
    found = _whole(last)
    with writing(folder):
        if found is None:
            shutil.rmtree(folder)
            folder.mkdir()
            return scenario
        for entry in folder.iterdir():
            if entry.name not in _STAYS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    before = _before(read_raw(folder).events, found["step"])
    write_atomic(folder / raw.EVENTS, "".join(json.dumps(line) + "\n" for line in before))
    micro_batch = found["of"]["scenario"]["training"]["micro_batch"]
    changed = {"resume": str(last.absolute()), "micro_batch": micro_batch}
    return scenario.model_copy(update={"training": scenario.training.model_copy(update=changed)})


def _whole(checkpoint: Path) -> dict[str, Any] | None:
    """What a checkpoint says of itself; None where one cannot go on from it."""
    try:
        found = manifest(checkpoint)
        check_files(checkpoint, found)
    except (ScenarioError, OSError):
        return None
    return None if found["finished"] else found


def _before(events: Sequence[Line], step: int) -> Iterator[dict[str, Any]]:
    """What a checkpoint does not hold of the time before it, marked as earlier.

    The last of it ends now: the machine's clock may have begun anew.

    Args:
        events: all that the process told.
        step: the checkpoint's.
    """
    kept, under_way = list[Line](), 1
    for line in events:
        if line.get("event") in _NOT_IN_CHECKPOINTS and line.get("step", under_way) <= step:
            kept.append(line)
            under_way = line["step"] + 1 if line["event"] == "step" else under_way
    shift_s = time.monotonic() - max((line["t"] for line in kept), default=0.0)
    for line in kept:
        yield {**line, "t": line["t"] + shift_s, "earlier": True}
