"""`python -m benchbench.training`: reads BENCHBENCH_SCENARIO, writes BENCHBENCH_EVENTS, exits 0 when all went well.

What goes wrong becomes a `failed` event with its kind; the traceback goes to the log. Whatever kills the process
instead (a signal) is read from its exit status by the supervisor.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from pathlib import Path

from benchbench.errors import InputError
from benchbench.scenario.scenario import Scenario
from benchbench.training.events import EventFile, Events


def main() -> int:
    """Runs the scenario that the environment names."""
    faulthandler.enable()
    events = EventFile(Path(os.environ["BENCHBENCH_EVENTS"]))
    events.emit("phase", name="import")
    try:
        _run(events)
    except BaseException as error:  # noqa: BLE001 - every way to fail must be told apart for the record
        traceback.print_exc()
        events.emit("failed", kind=kind_of(error), message=_sentence(error))
        return 1
    return 0


def _run(events: Events) -> None:
    from benchbench.training import program

    scenario = Scenario.model_validate_json(Path(os.environ["BENCHBENCH_SCENARIO"]).read_text(encoding="utf-8"))
    limits = program.Limits(
        timeout_s=float(os.environ["BENCHBENCH_TIMEOUT_S"]),
        deadline_s=float(os.environ.get("BENCHBENCH_DEADLINE_S", "inf")),
    )
    program.run(scenario, events, limits)


def kind_of(error: BaseException) -> str:
    """The outcome that an error stands for: oom, diverged, refused, interrupted or crashed."""
    import torch

    from benchbench.training.loop import DivergedError

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or _is_host_allocation(error):
        return "oom"
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, InputError):
        return "refused"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "crashed"


def _is_host_allocation(error: BaseException) -> bool:
    """Torch's CPU allocator has no error class of its own: its RuntimeError is known by the allocator's name."""
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _sentence(error: BaseException) -> str:
    text = str(error).strip()
    first = text.splitlines()[0] if text else ""
    name = type(error).__name__
    return first if isinstance(error, InputError) or name == "DivergedError" else f"{name}: {first}".rstrip(": ")


if __name__ == "__main__":
    sys.exit(main())
