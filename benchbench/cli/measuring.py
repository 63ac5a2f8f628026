"""Runs the rounds of a command with the machine's lock held, signals tamed and progress shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchbench.cli.console import console
from benchbench.cli.live import Display, display_for
from benchbench.errors import InputError
from benchbench.executors.base import Executor
from benchbench.executors.lock import machine_lock
from benchbench.executors.peak_book import PeakBook
from benchbench.executors.rounds import Measured, Plan, measure
from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario


def measure_all(
    scenarios: Sequence[Scenario], out: Path, machine: Machine, command: tuple[str, ...], executor: Executor
) -> Measured:
    """Measures scenarios in interleaved rounds, showing progress on stderr.

    Args:
        scenarios: valid and checked for this machine.
        out: the results folder.
        machine: this machine.
        command: what the user typed.
        executor: carries out each repeat.

    """
    terminal = console()
    with machine_lock(terminal.print, " ".join(command)[:200]) as lock_fd:
        peaks = PeakBook(machine, announce=terminal.print)
        for scenario in scenarios:
            peaks.of(scenario)  # before the first repeat: nothing else runs now
        plan = Plan(
            scenarios=scenarios,
            out=out,
            machine=machine,
            command=command,
            examine=True,
            peaks=peaks,
            again=True,
            lock_fd=lock_fd,
        )
        total = sum(plan.repeats_of(s) for s in scenarios)
        display: Display = display_for(terminal, total)
        with display:
            return measure(plan, executor, display.watch)


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
