"""Whole runs that were measured on this machine before, for whoever would else measure the same again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchbench.errors import RecordError
from benchbench.record import lookup
from benchbench.record.lookup import RESULT
from benchbench.record.machine import Machine
from benchbench.record.taking_up import MAY_DIFFER, elsewhere
from benchbench.record.types import SCHEMA, Run

Like = Callable[[str, Mapping[str, Any]], bool]
"""Whether a run is looked for, by its scenario's key and document: asked before anything of the run is validated."""


def runs_like(out: Path, machine: Machine, like: Like) -> Iterator[Run]:
    """The runs that are looked for, newest first; what is damaged, or was measured elsewhere, is passed over.

    A results folder may hold thousands: of each but those that are looked for, only the JSON is read.

    Args:
        out: the results folder.
        machine: this one: hardware, limits and versions must be the same.
        like: which are looked for.
    """
    known: dict[str, bool] = {}
    for folder in reversed(lookup.folders(out, RESULT)):
        try:
            file, data = lookup.document(folder, RESULT, "run", SCHEMA)
            document = data["run"]
            if like(str(data.get("scenario_key")), document["scenario"]) and _here(document["machine"], machine, known):
                yield lookup.validated(Run, document, file, "run")
        except (RecordError, KeyError, TypeError, AttributeError):  # a result that is none, whatever it holds
            continue


def _here(document: Mapping[str, Any], machine: Machine, known: dict[str, bool]) -> bool:
    """Whether a machine is this one; each that differs is looked at once."""
    name = json.dumps({key: value for key, value in document.items() if key not in MAY_DIFFER}, sort_keys=True)
    if name not in known:
        try:
            known[name] = elsewhere(Machine.model_validate(document), machine) is None
        except ValidationError:
            known[name] = False
    return known[name]
