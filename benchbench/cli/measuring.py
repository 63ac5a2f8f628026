"""Runs the rounds of a command with the machine's lock held, signals tamed and progress shown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchbench.cli.console import console
from benchbench.cli.live import Display, display_for
from benchbench.cli.prometheus import Exposition, of_run
from benchbench.errors import InputError
from benchbench.executors.base import Executor
from benchbench.executors.lock import machine_lock
from benchbench.executors.peak_book import PeakBook
from benchbench.executors.rounds import Measured, Plan, measure
from benchbench.record.machine import Machine
from benchbench.record.taking_up import Taken, take_up
from benchbench.scenario.scenario import Scenario


def measure_all(plan: Plan, executor: Executor, prometheus: Path | None = None) -> Measured:
    """Measures a plan in interleaved rounds, showing progress on stderr.

    A disturbed repeat is measured again, and the first is looked into; both are for the scenario to limit.

    Args:
        plan: of scenarios that are valid and checked for this machine.
        executor: carries out each repeat.
        prometheus: the file that tells a monitoring system how far it is.
    """
    terminal = console()
    with machine_lock(terminal.print, " ".join(plan.command)[:200]) as lock_fd:
        peaks = PeakBook(plan.machine, announce=terminal.print)
        for scenario in plan.scenarios:
            peaks.of(scenario)  # before the first repeat: nothing else runs now
        total = sum(plan.repeats_of(s) for s in plan.scenarios) - sum(len(left.ended) for left in plan.taken if left)
        display: Display = display_for(terminal, total)
        with display, Exposition(prometheus, lambda: of_run(display.state)) as told:

            def watch(scenario: Scenario, index: int, what: Mapping[str, Any]) -> None:
                display.watch(scenario, index, what)
                told.moved()

            whole = replace(plan, examine=True, peaks=peaks, again=True, lock_fd=lock_fd)
            return measure(whole, executor, watch)


def take_up_all(scenarios: Sequence[Scenario], out: Path, machine: Machine) -> dict[int, Taken]:
    """The newest run of each scenario that a killed command left; stderr is told, and of which there is none.

    Args:
        scenarios: whose runs are wanted.
        out: the results folder.
        machine: this machine.

    Returns:
        By the place of its scenario.

    Raises:
        InputError: there is none of any.
    """
    terminal = console()
    found: dict[int, Taken] = {}
    for place, scenario in enumerate(scenarios):
        try:
            left = found[place] = take_up(out, scenario, machine)
        except InputError as error:
            if place == len(scenarios) - 1 and not found:
                raise
            terminal.print(f"left out: {error}", markup=False)
        else:
            ended = f"repeats that ended before: {len(left.ended)}"
            terminal.print(f"taking up {left.draft.folder} ({ended})", markup=False)
    return found


def check_out(out: Path) -> None:
    """Whether results can be stored under a folder, before anything is measured.

    Raises:
        InputError: it is a file, or may not be written to.
    """
    there = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not there.is_dir():
        raise InputError(f"{there} is not a folder; name another place with --out", file=str(out))
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} may not be written to; name another place with --out", file=str(out))


def check_file(file: Path | None, option: str) -> None:
    """Whether a file that was asked for can be written, before anything is measured.

    Raises:
        InputError: it is a folder, or its own folder is not there or may not be written to.
    """
    if file is None:
        return
    if file.is_dir():
        raise InputError(f"{file} is a folder; name a file", key=option)
    if not file.absolute().parent.is_dir():
        raise InputError(f"there is no folder {file.absolute().parent}; make it or name another file", key=option)
    if not os.access(file.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"{file.absolute().parent} may not be written to; name another file", key=option)
