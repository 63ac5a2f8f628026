"""Parallel coordinates: where each trial's path runs, what colours it, and that no trial is out of sight."""

import math

import numpy as np
import pytest

from benchbench.record.study import Trial
from benchbench.record.types import Outcome
from benchbench.report.content import Parallel, Path, Table
from benchbench.report.sections import parallel
from benchbench.report.subject import StudySubject
from tests.report.records import study
from tests.report.searches import RATE, searched, trials


def shown(*own: Trial) -> tuple[Parallel, Table]:
    section = parallel.render(StudySubject(study=searched(trials=own or trials())))
    assert section is not None
    chart, table = section.blocks
    assert isinstance(chart, Parallel)
    assert isinstance(table, Table)
    return chart, table


def path_of(chart: Parallel, number: int) -> Path:
    return next(path for path in chart.paths if path.cells[0] == number)


def test_every_trial_has_a_path_and_each_path_a_place_on_every_axis() -> None:
    chart, _ = shown()
    assert len(chart.paths) == len(trials())
    assert [axis.label for axis in chart.axes[:-1]] == ["precision", "training.global_batch", "data.batching", RATE]
    for path in chart.paths:
        assert path.at.shape == (len(chart.axes),)
        assert ((path.at >= 0) & (path.at <= 1)).all()


def test_categories_are_apart_and_numbers_among_them_in_order() -> None:
    chart, _ = shown()
    axis = [a.label for a in chart.axes].index("training.global_batch")
    assert [words for _, words in chart.axes[axis].ticks] == ["16", "32", "64", "128"]
    places = {t.number: path_of(chart, t.number).at[axis] for t in trials()}
    of = {b: [places[t.number] for t in trials() if t.overrides["training.global_batch"] == b] for b in (16, 32, 64)}
    assert max(of[16]) < min(of[32])
    assert max(of[32]) < min(of[64])
    assert len(set(of[16])) > 1, "equal values are spread, so that each path is seen"


def test_a_range_of_ratios_is_logarithmic() -> None:
    chart, _ = shown()
    axis = [a.label for a in chart.axes].index(RATE)
    by_rate = sorted((float(str(t.overrides[RATE])), t.number) for t in trials())
    places = [path_of(chart, number).at[axis] for _, number in by_rate]
    assert (np.diff(places) >= 0).all()
    logs = np.log([rate for rate, _ in by_rate])
    assert np.allclose(places, (logs - logs[0]) / (logs[-1] - logs[0]))


def test_the_fastest_have_the_first_shade_and_the_slowest_the_last() -> None:
    chart, _ = shown()
    valued = sorted((t for t in trials() if t.objective is not None), key=lambda t: t.objective or 0.0)
    shades = [path_of(chart, t.number).shade for t in valued]
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == ("q0", "q4")
    ends = [path_of(chart, t.number).at[-1] for t in valued]
    assert ends == sorted(ends)


@pytest.mark.parametrize(("number", "name", "dash"), [
    (5, "failed", "dash"), (9, "refused", "dot"), (13, "failed", "dash"), (7, "no value", "solid"),
])  # fmt: skip
def test_what_has_no_time_is_in_sight_and_stands_apart(number: int, name: str, dash: str) -> None:
    chart, _ = shown()
    path = path_of(chart, number)
    assert (path.name, path.dash) == (name, dash)
    assert path.shade in ("bad", "faint")
    assert path.at[-1] == 1.0
    assert max(p.at[-1] for p in chart.paths if p.shade not in ("bad", "faint")) < 1.0
    assert chart.axes[-1].ticks[-1] == (1.0, "no value")


def test_the_table_counts_every_trial_of_every_setting() -> None:
    _, table = shown()
    for key in ("precision", "data.batching", RATE):
        rows = [row.cells for row in table.rows if row.cells[0] == key]
        assert sum(int(str(cells[2])) for cells in rows) == len(trials())
        assert sum(int(str(cells[3])) for cells in rows) == 5


def test_settings_that_never_change_have_no_axis_and_are_named() -> None:
    fixed = tuple(t.model_copy(update={"overrides": {**t.overrides, "training.seed": 3}}) for t in trials())
    chart, table = shown(*fixed)
    assert "training.seed" not in [axis.label for axis in chart.axes]
    assert "The same in every trial: training.seed." in table.note


def test_true_and_one_are_not_the_same_value() -> None:
    mixed = [t.model_copy(update={"overrides": {"a": (True, 1, None, "x")[t.number % 4]}}) for t in trials()]
    chart, table = shown(*mixed)
    assert [words for _, words in chart.axes[0].ticks] == ["true", "1", "null", "x"]
    assert [row.cells[2] for row in table.rows] == [6, 6, 6, 6]


def test_a_study_of_failures_alone_is_drawn_and_one_without_settings_is_not() -> None:
    lost = [t.model_copy(update={"outcome": Outcome.OOM, "objective": None}) for t in trials()]
    chart, _ = shown(*lost)
    assert {path.name for path in chart.paths} == {"failed"}
    assert parallel.render(StudySubject(study=study(outcomes=()))) is None
    bare = [t.model_copy(update={"overrides": {}}) for t in trials()]
    assert parallel.render(StudySubject(study=searched(trials=tuple(bare)))) is None


def test_an_infinite_time_is_no_value() -> None:
    odd = [t.model_copy(update={"objective": math.inf if t.number == 1 else t.objective}) for t in trials()]
    assert path_of(shown(*odd)[0], 1).name == "no value"


def test_equal_times_and_very_many_trials_have_their_paths() -> None:
    alike = [t.model_copy(update={"objective": 5.0 if t.objective else None}) for t in trials()]
    assert path_of(shown(*alike)[0], 0).at[-1] == 0.0
    many = trials(1000)
    chart, table = shown(*many)
    assert len(chart.paths) == 300
    assert "300 of 1,000 trials are drawn" in chart.caption
    best = min((t for t in many if t.objective is not None), key=lambda t: t.objective or 0.0)
    assert path_of(chart, best.number).shade == "q0"
    assert {path.name for path in chart.paths} >= {"failed", "refused", "no value"}
    assert sum(int(str(row.cells[2])) for row in table.rows if row.cells[0] == RATE) == 1000
