"""Which stored runs a history is made of, and which of them belong together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchbench.errors import RecordError, nearest
from benchbench.record import differences, lookup, store, study_store
from benchbench.record.history import History, Series
from benchbench.record.history_series import series_of
from benchbench.record.speed import Metric
from benchbench.record.types import Run
from benchbench.scenario.loading import load

Group = tuple[str, str]
"""A scenario's key, and a machine's fingerprint with what of it could be used."""

_KEY = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")
_SHORT = len("sha256:") + 12
_PREFIX = "sha256:"


def history(out: Path, word: str | None, metric: Metric | None, threshold: float) -> History:
    """The history of a scenario, or of every one that has two runs or more on a machine.

    Runs of a study are left out: they belong to a search, which `benchbench report` shows.

    Args:
        out: the results folder.
        word: a scenario's name, the beginning of its key, or its file; None for all.
        metric: as for `series_of`.
        threshold: likewise.

    Raises:
        RecordError: there is none.
        ScenarioError: `word` is a file that is no scenario.
    """
    runs, problems = _stored(out)
    groups = _grouped(runs)
    keys = None if word is None else _keys(groups, word)
    found: list[Series] = []
    for group, members in groups.items():
        if keys is None or group[0] in keys:
            series, left_out = series_of(members, metric, threshold)
            problems += [f"{told}; it was left out" for told in left_out]
            if series is not None and (keys is not None or len(series.points) > 1):
                found.append(series.model_copy(update={"notes": (*series.notes, *_kin(groups, group))}))
    if not found:
        raise RecordError(_nothing(word, problems))
    order = sorted(found, key=lambda series: (series.scenario.name, series.points[0].created_at))
    return History(series=tuple(order), threshold=threshold, problems=tuple(problems))


def _stored(out: Path) -> tuple[list[Run], list[str]]:
    """Every run that belongs to no study, and what cannot be read."""
    problems: list[str] = []
    inside: set[str] = set()
    for folder in study_store.study_folders(out):
        try:
            study = study_store.read_study(folder)
        except RecordError as error:
            problems.append(f"{error}; the runs of this study cannot be told from others")
            continue
        named = (*study.baseline.run_ids, *study.recommendation.run_ids, *(t.run_id for t in study.trials))
        inside |= {run_id for run_id in named if run_id}
    runs = []
    for folder in (f for f in store.run_folders(out) if f.name not in inside):
        try:
            runs.append(store.read_run(folder))
        except RecordError as error:
            problems.append(f"{error}; it was left out")
    problems += [f"{told}; it was left out" for told in lookup.without_document(out)]
    if not runs:
        why = f"none of the results under {out} can be followed: {problems[0]}" if problems else ""
        raise RecordError(why or f"there are no runs under {out}; `benchbench run SCENARIO` makes some")
    return runs, problems


def _grouped(runs: Iterable[Run]) -> dict[Group, list[Run]]:
    groups: dict[Group, list[Run]] = {}
    for run in runs:
        machine = f"{run.machine.fingerprint} {differences.share(run)}"
        groups.setdefault((run.scenario.key, machine), []).append(run)
    return groups


def _keys(groups: Mapping[Group, Sequence[Run]], word: str) -> set[str]:
    """The scenario keys that a user's word means.

    Raises:
        RecordError: none, or several where one is asked for.
        ScenarioError: it is a file that is no scenario.
    """
    named = {key for (key, _), runs in groups.items() for run in runs if word in (run.scenario.name, run.scenario.slug)}
    if named:
        return named
    match = _KEY.fullmatch(word)
    begun = {key for key, _ in groups if match and key.startswith(_PREFIX + match[1])}
    if len(begun) > 1:
        raise RecordError(f"{word!r} is the beginning of {len(begun)} scenario keys; write more of it")
    return begun or {_key_of_file(groups, word)}


def _key_of_file(groups: Mapping[Group, Sequence[Run]], word: str) -> str:
    names = {run.scenario.name for runs in groups.values() for run in runs}
    if not word.endswith((".yaml", ".yml")) and not os.path.isfile(word):  # noqa: PTH113 - no error for what can be no name
        raise RecordError(f"no stored run has the scenario {word!r}: {nearest(word, names)}")
    (scenario,) = load(word)
    if all(key != scenario.key for key, _ in groups):
        same = scenario.name in names
        hint = f"; runs of other settings have its name: benchbench history {scenario.name}" if same else ""
        raise RecordError(f"no stored run has the settings of this scenario{hint}", file=word)
    return scenario.key


def _nothing(word: str | None, problems: Sequence[str]) -> str:
    told = f" ({problems[-1]}{f'; and {len(problems) - 1} more' if len(problems) > 1 else ''})" if problems else ""
    if word is None:
        return f"no scenario has two runs or more on one machine that can be followed; name one to see its run{told}"
    return f"no run of {word!r} has a value to follow{told}"


def _kin(groups: Mapping[Group, Sequence[Run]], mine: Group) -> list[str]:
    """Runs that a reader may miss here, since they are of another machine, or have the name and other settings."""
    own = groups[mine]
    names = {run.scenario.name for run in own}
    machines = [runs for group, runs in groups.items() if group[0] == mine[0] and group != mine]
    notes = [_machine_note(own[-1], runs) for runs in machines]
    others = [k for (k, _), runs in groups.items() if k != mine[0] for run in runs if run.scenario.name in names]
    if others:
        keys = ", ".join(dict.fromkeys(key[:_SHORT] for key in others))
        notes.append(f"{_runs(len(others))} of the same name and other settings: a series apart ({keys})")
    return notes


def _machine_note(mine: Run, others: Sequence[Run]) -> str:
    parts = differences.different(differences.share(mine), differences.share(others[0]))
    told = "; ".join(f"{key} {here} here, {there} there" for key, (here, there) in parts.items())
    return f"{_runs(len(others))} of this scenario on another machine: a series apart ({told})"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
