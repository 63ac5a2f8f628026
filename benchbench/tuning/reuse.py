"""What earlier studies and runs tell a new study: measurements of its own setups, and where to look first.

What was measured of exactly a setup of the space, on this machine, under the same results folder, is a trial of the
new study that costs nothing. What earlier studies of similar scenarios recommend (the same task and keys, another
model or other data) is tried early. Both are looked up once, when a study begins, and lie in its folder from then on,
so that a study that is taken up goes by the same. What confirms a claim is always measured afresh.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError
from pydantic_core import to_json

from benchbench.errors import InputError, RecordError
from benchbench.record import lookup
from benchbench.record.differences import leaves
from benchbench.record.earlier import runs_like
from benchbench.record.lookup import STUDY
from benchbench.record.machine import Machine
from benchbench.record.store import write_atomic
from benchbench.record.study import Overrides
from benchbench.record.types import Outcome, Repeat, Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Cost
from benchbench.tuning.proposals import Proposal
from benchbench.tuning.setups import PROBE, Question, Setup, measured, was_cut
from benchbench.tuning.space import Listed, Ranged, Scalar, SearchSpace, identity
from benchbench.values import Observed

KNOWN = "known.json"
_MOST = 100  # measurements that are used again: each is a trial, and Optuna's durable journal takes 10 ms for one
_MOST_OF_ONE = 6  # of one setup
_MOST_STARTS = 2
_NO_SETTING = frozenset({"measure.repeats", *PROBE, "measure.procedure"})


class Measurement(Observed):
    """One repeat that was measured before, of a setup of the space."""

    overrides: Overrides
    role: Literal["baseline", "candidate", "probe"]
    run: Run = Field(description="with that repeat alone")

    @property
    def repeat(self) -> Repeat:
        """The repeat."""
        return self.run.repeats[0]


class Start(Observed):
    """A setup that an earlier study of a similar scenario recommends."""

    study: str
    overrides: Overrides


class Known(Observed):
    """What a study knows before it measures anything: in the order of time, the baseline first where it has it."""

    measured: tuple[Measurement, ...] = ()
    starts: tuple[Start, ...] = ()

    def write(self, folder: Path) -> None:
        """Lays it into a study's folder.

        Raises:
            StoreError: it cannot be written.
        """
        if self.measured or self.starts:
            write_atomic(folder / KNOWN, self.model_dump_json(by_alias=True))


def read_known(folder: Path) -> Known:
    """What a study knew when it began; nothing where that cannot be read, or where there was nothing."""
    try:
        return lookup.validated(Known, lookup.parsed(folder / KNOWN), folder / KNOWN)
    except (FileNotFoundError, RecordError):
        return Known()


def look_up(out: Path, machine: Machine, question: Question) -> Known:
    """What the results folder tells of a question's space; nothing where the scenario does not want to know.

    Args:
        out: the results folder.
        machine: this one.
        question: what is to be searched.
    """
    if not question.scenario.search.reuse:
        return Known()
    found = _measured(out, machine, question)
    trained = {identity(one.overrides) for one in found if one.role != "probe"}
    return Known(measured=tuple(found), starts=tuple(_starts(out, question, trained)))


class Memory:
    """What is known, handed out as a search comes to it."""

    def __init__(self, known: Known) -> None:
        self._measured = list(known.measured)
        self._starts = list(known.starts)

    def due(self, *, begun: bool) -> Iterator[Measurement]:
        """What is to be taken in now: the baseline at first, and all else as soon as the baseline is there.

        Args:
            begun: whether the baseline was measured.
        """
        if not begun and self._measured and self._measured[0].role == "baseline":
            begun = True
            yield self._measured.pop(0)
        while begun and self._measured:
            yield self._measured.pop(0)

    def start(self) -> Start | None:
        """The next setup that an earlier study recommends, once."""
        return self._starts.pop(0) if self._starts else None

    def tried(self, overrides: Overrides) -> None:
        """Takes a setup off what is to be tried."""
        self._starts = [start for start in self._starts if identity(start.overrides) != identity(overrides)]


def reused(question: Question, proposal: Proposal, kept: Measurement, scenario: Scenario, at_s: float) -> Setup:
    """A setup that was measured before: its trial costs nothing, and its price is what it took then.

    Args:
        question: what is searched.
        proposal: the setup's.
        kept: what was measured.
        scenario: the setup's own.
        at_s: seconds since the search began.
    """
    run_id = kept.run.id
    made = measured(question, proposal, kept.role, scenario, kept.run, (at_s, at_s))
    note = f"reused from {run_id}" + (f": {made.trial.note}" if made.trial.note else "")
    return replace(
        made,
        trial=made.trial.model_copy(update={"reused_from": run_id, "note": note}),
        cost=Cost.of(kept.repeat, kept.repeat.wall_s),
    )


class _Match(NamedTuple):
    """Which setup a stored scenario is."""

    overrides: Overrides
    role: Literal["candidate", "probe"]


class _Space:
    """Tells which stored scenarios are setups of a question's space."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._settings = dict(leaves(question.scenario.document()))
        self._known: dict[str, _Match | None] = {}
        baseline = question.space.of(question.baseline)
        self._known[question.baseline.key] = _Match(baseline, "candidate")

    def match(self, key: str, document: Mapping[str, Any]) -> _Match | None:
        """The setup of a scenario; None where it is none of the space's.

        Args:
            key: the scenario's.
            document: the scenario as it is stored.
        """
        if key not in self._known:
            self._known[key] = self._matched(key, document) if self._alike(document) else None
        return self._known[key]

    def _alike(self, document: Mapping[str, Any]) -> bool:
        """Whether only what the space varies may differ: a look that costs little, where thousands are looked at."""
        return all(self._settings.get(path, value) == value or self._is_free(path) for path, value in leaves(document))

    def _is_free(self, path: str) -> bool:
        space = self._question.space.axes
        return path in _NO_SETTING or any(path == key or path.startswith(f"{key}.") for key in space)

    def _matched(self, key: str, document: Mapping[str, Any]) -> _Match | None:
        question = self._question
        try:
            overrides = question.space.of(Scenario.model_validate_json(to_json(document)))
            if not _inside(question.space, overrides):
                return None
            scenario = vary(question.scenario, overrides)
        except (InputError, ValidationError):
            return None
        if not question.legal(overrides):
            return None
        if scenario.key == key:
            return _Match(overrides, "candidate")
        probed = question.objective.reaches and vary(scenario, PROBE).key == key
        return _Match(overrides, "probe") if probed else None


def _measured(out: Path, machine: Machine, question: Question) -> list[Measurement]:
    """The measurements that stand for new ones, in the order of time, the baseline's first."""
    space, found, counts = _Space(question), list[Measurement](), Counter[str]()
    baseline: Measurement | None = None
    key_of_baseline = question.baseline.key

    def wanted(key: str, document: Mapping[str, Any]) -> bool:
        if key == key_of_baseline and baseline is None:
            return True
        return len(found) < _MOST and counts[key] < _MOST_OF_ONE and space.match(key, document) is not None

    for run in runs_like(out, machine, wanted):
        key = run.scenario.key
        match = space.match(key, {})
        if match is None:  # its document bears another key than its scenario has
            continue
        for repeat in reversed(run.repeats):
            one = _measurement(question, match, run, repeat)
            if one is None:
                continue
            if baseline is None and key == key_of_baseline and not was_cut(repeat, question.baseline):
                baseline = one.model_copy(update={"role": "baseline"})
            elif len(found) < _MOST and counts[key] < _MOST_OF_ONE:
                counts[key] += 1
                found.append(one)
    return [*([] if baseline is None else [baseline]), *reversed(found)]


def _measurement(question: Question, match: _Match, run: Run, repeat: Repeat) -> Measurement | None:
    """A repeat as it is used again; None where it is not to be trusted, or tells nothing."""
    trains = question.objective.reaches and match.role != "probe"
    trusted = repeat.outcome is Outcome.OK and not repeat.suspect and repeat.figures is not None
    if not trusted or (trains and repeat.reach is None):
        return None
    reached = trains and repeat.reach is not None and repeat.reach.reached
    if reached and question.objective.value(repeat) is None:  # its energy was not told
        return None
    alone = run.model_copy(update={"repeats": (repeat,), "set_aside": ()})
    return Measurement(overrides=match.overrides, role=match.role, run=alone)


def _inside(space: SearchSpace, overrides: Overrides) -> bool:
    return all(space.holds(key, value) for key, value in overrides.items())


def _starts(out: Path, question: Question, trained: set[str]) -> Iterator[Start]:
    """What the newest studies of similar scenarios recommend, as setups of this space that were not trained yet."""
    tried = trained | {identity(question.space.of(question.baseline))}
    count = 0
    for folder in reversed(lookup.folders(out, STUDY)):
        overrides = _recommended(folder, question)
        if overrides is None or identity(overrides) in tried or not question.legal(overrides):
            continue
        tried.add(identity(overrides))
        yield Start(study=folder.name, overrides=overrides)
        count += 1
        if count == _MOST_STARTS:
            return


def _recommended(folder: Path, question: Question) -> Overrides | None:
    """What a stored study recommends, in this space's values; None where it is of something else."""
    try:
        study = lookup.parsed(folder / STUDY)
        asked, advice = study["scenario"], study["recommendation"]
        similar = (
            asked.get("task") == question.scenario.task
            and set(asked["search"]["space"]) == set(question.space.axes)
            and study["objective"] == question.objective.name
            and study.get("replayed_from") is None
            and advice["verdict"] != "target-not-reached"
        )
        return _nearest(question.space, advice["overrides"]) if similar else None
    except (RecordError, FileNotFoundError, KeyError, TypeError, AttributeError):  # damaged, or no study
        return None


def _nearest(space: SearchSpace, overrides: Mapping[str, Any]) -> Overrides | None:
    """A setup in a space's own values: of numbers the nearest; None where a value has none that is like it."""
    near: Overrides = {}
    for key, axis in space.axes.items():
        own = axis.find(overrides[key]) or _near(axis, overrides[key])
        if own is None:
            return None
        near[key] = own[0]
    return near


def _near(axis: object, value: object) -> tuple[Scalar] | None:
    """The number of an axis that is nearest to another, alone in a tuple."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(axis, Ranged):
        return axis.find(min(max(float(value), float(axis.range.low)), float(axis.last)))
    if not isinstance(axis, Listed):
        return None
    numbers = [own for own in axis.values if isinstance(own, (int, float)) and not isinstance(own, bool)]
    distance = _distance(value)
    return (min(numbers, key=distance),) if numbers else None


def _distance(value: float) -> Callable[[float], float]:
    """How far numbers are from one: in orders of magnitude where both are above zero."""
    return lambda own: abs(math.log(own / value)) if own > 0 and value > 0 else abs(own - value)
