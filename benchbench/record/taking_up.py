"""Runs that a killed command left, and how another one takes them up.

A command writes down what it is about to measure before it measures anything. While it lives it holds a claim on the
working folder; a folder that nobody holds, and whose run never became whole, was left by a command that was killed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from benchbench.errors import InputError, RecordError
from benchbench.record import lookup
from benchbench.record.claim import claim
from benchbench.record.differences import different, leaves
from benchbench.record.machine import Machine
from benchbench.record.store import Draft, unfinished, write_atomic
from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.values import Observed

BEGUN = "begun.json"
MAY_DIFFER = ("cuda", "threads", "interop_threads", "git_commit", "git_dirty")  # the trainer's to tell, or no matter
_TOLD = 3


class Begun(Observed):
    """What a command was about to measure."""

    schema_version: Literal[1] = Field(1, alias="schema")
    scenario: Scenario
    created_at: str
    command: tuple[str, ...] = ()
    machine: Machine
    study: str | None = Field(None, description="the search that it is a part of")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run that a killed command left, now this one's.

    Attributes:
        draft: its working folder.
        begun: what it was to measure.
        ended: each repeat's measurements that ended, in their order.
    """

    draft: Draft
    begun: Begun
    ended: Mapping[int, list[Repeat]]


def begin(draft: Draft, begun: Begun) -> None:
    """Writes down what is about to be measured, so that another command may take it up.

    Raises:
        StoreError: it cannot be written.
    """
    write_atomic(draft.folder / BEGUN, begun.model_dump_json(by_alias=True, indent=1))


def take_up(out: Path, scenario: Scenario, machine: Machine, study: str | None = None) -> Taken:
    """Takes the newest run of a scenario that a killed command left.

    Args:
        out: the results folder.
        scenario: it has its key; its name and its number of repeats may be others.
        machine: this machine, which must be the one it was begun on.
        study: the search that it is a part of; None: of none.

    Raises:
        InputError: there is none; says what each run of the scenario lacks that is not whole.
        RecordError: a repeat that ended is damaged.
    """
    passed_over: list[str] = []
    for folder in reversed(unfinished(out)):
        begun = _begun(folder)
        if begun is None or begun.study != study or begun.scenario.key != scenario.key:
            continue
        away = elsewhere(begun.machine, machine)
        found = away or _claimed(folder)
        if not isinstance(found, str):
            draft = Draft(out, folder.name[1:], found)
            return Taken(draft=draft, begun=begun, ended=draft.ended())
        passed_over.append(f"{folder.name} {found}")
    told = "; ".join(passed_over[:_TOLD]) or f"no killed command left a run of this scenario under {out}"
    raise InputError(f"nothing to take up for {scenario.name}: {told}; leave out --resume to measure it anew")


def part_of(folder: Path) -> str | None:
    """The search that a working folder's run is a part of; None of none."""
    begun = _begun(folder)
    return None if begun is None else begun.study


def _begun(folder: Path) -> Begun | None:
    """What a folder's command was to measure; None where it did not come to write it down."""
    try:
        return lookup.validated(Begun, lookup.parsed(folder / BEGUN), folder / BEGUN)
    except (FileNotFoundError, RecordError):
        return None


def _claimed(folder: Path) -> int | str:
    """A claim on a folder, or why there is none."""
    try:
        held = claim(folder)
    except BlockingIOError:
        return "is still being measured"
    except OSError as error:
        return f"cannot be locked ({error.strerror or error})"
    if folder in unfinished(folder.parent):
        return held
    os.close(held)
    return "has just become whole"


def elsewhere(there: Machine, here: Machine) -> str | None:
    """In what the machine that a run was begun on differs from this one, in hardware, limits or versions."""
    told = [dict(leaves(m.model_dump(mode="json", exclude=set(MAY_DIFFER)))) for m in (there, here)]
    differing = [f"{key} was {then} and is {now}" for key, (then, now) in different(*told).items()]
    return (
        f"was begun on another machine, or with other libraries: {', '.join(differing[:_TOLD])}" if differing else None
    )
