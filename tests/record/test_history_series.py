"""The runs of one scenario on one machine: their order, what they are followed in, and their steps."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from benchbench.record.history import Series
from benchbench.record.history_series import series_of
from benchbench.record.speed import Metric
from benchbench.record.types import Failure, Outcome, Reach, Run
from tests.record import lines

STEADY = (1.0, 1.004, 0.997, 1.001, 0.999, 1.003)
TARGET: dict[str, Any] = {
    "measure": {"procedure": "time-to-target"},
    "target": {"metric": "accuracy", "at_least": 0.8},
}


def made(day: int, step_s: float, *, repeats: int = 3, commit: str | None = None, **changes: Any) -> Run:
    """A run of a day, whose repeats are a thousandth apart."""
    times = [step_s * (1 + 0.001 * (i - (repeats - 1) / 2)) for i in range(repeats)]
    found = [lines.repeat(i, figures=lines.figures_of(t), **changes) for i, t in enumerate(times)]
    machine = lines.MACHINE.model_copy(update={"git_commit": commit, "git_dirty": commit and False})
    whole = lines.run(*found, run_id=f"run-{day:02d}")
    created_at = f"2026-01-{day:02d}T08:00:00.000+00:00"
    return whole.model_copy(update={"created_at": created_at, "machine": machine})


def to_target(day: int, *times: float | None) -> Run:
    reaches = [Reach(reached=t is not None, time_to_target_s=t, steps_to_target=t and 10 * t) for t in times]
    whole = lines.run(*(lines.repeat(i, reach=r) for i, r in enumerate(reaches)), run_id=f"run-{day:02d}", **TARGET)
    return whole.model_copy(update={"created_at": f"2026-01-{day:02d}T08:00:00.000+00:00"})


def series(runs: Sequence[Run], metric: Metric | None = None, threshold: float = 0.02) -> Series:
    found, _ = series_of(runs, metric, threshold)
    assert found is not None
    return found


def slower_from(at: int, count: int, factor: float = 1.1) -> list[Run]:
    values = [STEADY[i % len(STEADY)] * (factor if i >= at else 1.0) for i in range(count)]
    return [made(i + 1, value, commit=f"{i:040x}") for i, value in enumerate(values)]


def test_points_stand_in_times_order() -> None:
    runs = [made(day, 1.0) for day in (3, 1, 2)]
    assert [p.id for p in series(runs).points] == ["run-01", "run-02", "run-03"]


def test_other_time_zones_are_put_in_order() -> None:
    late = made(1, 1.0).model_copy(update={"id": "late", "created_at": "2026-01-01T23:00:00-05:00"})
    early = made(2, 1.0).model_copy(update={"id": "early", "created_at": "2026-01-02T01:00:00+00:00"})
    assert [p.id for p in series([late, early]).points] == ["early", "late"]


def test_a_step_names_its_run_its_commits_and_its_size() -> None:
    found = series(slower_from(8, 14))
    (step,) = found.steps
    assert (step.index, step.at, step.previous, step.verdict) == (8, "run-09", "run-08", "slower")
    assert (step.commit, step.previous_commit) == (f"{8:040x}", f"{7:040x}")
    assert step.ratio.value == pytest.approx(1.1, abs=0.005)
    assert step.after / step.before == pytest.approx(step.ratio.value)
    assert found.slower


def test_a_step_that_disturbed_runs_alone_show_is_no_alarm() -> None:
    quiet = slower_from(8, 14)
    slow = [made(day, 1.1 * STEADY[(day - 1) % 6], suspect=("others used 1.0 CPUs",)) for day in range(1, 15)]
    disturbed = series([*quiet[:8], *slow[8:]])
    assert [step.verdict for step in disturbed.steps] == ["slower"], "the numbers are what they are"
    assert (disturbed.slower, disturbed.doubtful) == (False, True)
    assert disturbed.notes[-1].startswith("every run since run-09 was disturbed")
    one_is_quiet = series([*quiet[:8], *slow[8:13], quiet[13]])
    assert (one_is_quiet.slower, one_is_quiet.doubtful) == (True, False)


def test_a_speedup_is_no_alarm_and_forgives_what_was_before() -> None:
    assert [s.verdict for s in series(slower_from(8, 14, 0.9)).steps] == ["faster"]
    assert not series(slower_from(8, 14, 0.9)).slower
    back = [made(i + 1, STEADY[i % 6] * (1.1 if 8 <= i < 14 else 1.0)) for i in range(20)]
    found = series(back)
    assert [s.verdict for s in found.steps] == ["slower", "faster"]
    assert not found.slower


def test_a_rate_that_falls_is_slower() -> None:
    found = series(slower_from(8, 14), "samples_per_s")
    (step,) = found.steps
    assert (step.verdict, found.metric, found.points[0].value.unit) == ("slower", "samples_per_s", "samples/s")
    assert step.ratio.value == pytest.approx(1 / 1.1, abs=0.005)


def test_no_step_says_what_would_be_one() -> None:
    found = series(slower_from(99, 12))
    assert found.steps == ()
    assert found.visible is not None
    assert 0.02 <= found.visible < 0.03
    assert series(slower_from(99, 12), threshold=0.2).visible == 0.2, "nothing below the threshold is a step"


def test_a_wide_interval_keeps_a_run_from_being_a_step() -> None:
    runs = slower_from(7, 8, 1.05)
    assert len(series(runs).steps) == 1
    restless = [lines.repeat(i, figures=lines.figures_of(1.05 * t)) for i, t in enumerate((0.8, 1.0, 1.2))]
    assert series([*runs[:-1], runs[-1].model_copy(update={"repeats": tuple(restless)})]).steps == ()


def test_the_within_run_interval_counts_where_there_is_one_repeat() -> None:
    for halfwidth, steps in ((0.05, 0), (0.001, 1)):
        repeats = [lines.repeat(figures=lines.figures_of(v, step_s_halfwidth=halfwidth)) for v in (*STEADY, 1.05)]
        runs = [made(day, 1.0).model_copy(update={"repeats": (r,)}) for day, r in enumerate(repeats, start=1)]
        assert len(series(runs).steps) == steps


def test_the_time_to_the_target_is_followed_where_every_run_has_it() -> None:
    runs = [to_target(i + 1, t, 1.01 * t, 0.99 * t) for i, t in enumerate((10.0, 10.1, 9.9, 10.0, 10.1, 9.9))]
    found = series(runs)
    assert (found.metric, found.points[0].value.value) == ("time_to_target_s", 10.0)
    assert series(runs, "step_s").metric == "step_s"
    assert not found.target_lost


def test_a_lost_target_is_an_alarm() -> None:
    runs = [to_target(1, 10.0, 10.1), to_target(2, 9.9, 10.0), to_target(3, None, None)]
    found = series(runs)
    assert found.metric == "step_s"
    assert found.target_lost
    assert found.slower
    assert any("not every run reached" in note for note in found.notes)
    assert not series([*runs, to_target(4, 10.0, 10.0)]).target_lost, "it is reached again"
    assert not series([to_target(1, None), to_target(2, None)]).target_lost, "it never was"


def test_a_run_without_the_wanted_metric_is_named() -> None:
    found, problems = series_of([to_target(1, 10.0), to_target(2, None)], "time_to_target_s", 0.02)
    assert found is not None
    assert [p.id for p in found.points] == ["run-01"]
    assert problems == ("run-02 has no time_to_target_s",)
    assert series_of([made(1, 1.0)], "time_to_target_s", 0.02) == (None, ("run-01 has no time_to_target_s",))


def test_failed_runs_are_named_and_left_out() -> None:
    oom = lines.repeat(outcome=Outcome.OOM, figures=None, failure=Failure(kind="oom", message="no memory"))
    failed = made(2, 1.0).model_copy(update={"repeats": (oom,)})
    found, problems = series_of([made(1, 1.0), failed, made(3, 1.0)], None, 0.02)
    assert found is not None
    assert [p.id for p in found.points] == ["run-01", "run-03"]
    assert problems == ("run-02 ended as oom: no memory",)
    assert series_of([failed], None, 0.02)[0] is None


def test_a_run_of_which_a_part_failed_counts_with_the_rest() -> None:
    oom = lines.repeat(3, outcome=Outcome.OOM, figures=None, failure=Failure(kind="oom", message="no memory"))
    run = made(1, 1.0)
    (point,) = series([run.model_copy(update={"repeats": (*run.repeats, oom)})]).points
    assert (point.outcome, point.value.n) == (Outcome.OOM, 3)


@pytest.mark.parametrize("step_s", [math.nan, math.inf, -1.0, 0.0, 1e300, 1e-300])
def test_numbers_that_are_none_are_named_and_left_out(step_s: float) -> None:
    bad = lines.repeat(figures=lines.figures_of(1.0).model_copy(update={"step_s": step_s}))
    damaged = made(2, 1.0).model_copy(update={"repeats": (bad,)})
    found, (problem,) = series_of([made(1, 1.0), damaged], None, 0.02)
    assert found is not None
    assert len(found.points) == 1
    assert "run-02 is damaged: figures.step_s of repeat 0" in problem


def test_a_time_that_is_none_is_named() -> None:
    found, (problem,) = series_of([made(1, 1.0), made(2, 1.0).model_copy(update={"created_at": "soon"})], None, 0.02)
    assert found is not None
    assert len(found.points) == 1
    assert "created_at is 'soon'" in problem


def test_what_changed_around_the_code_is_told() -> None:
    before, after = made(1, 1.0, commit="a" * 40), made(2, 1.0, commit="b" * 40, facts={"torch": "2.10"})
    changed = after.machine.model_copy(update={"driver": "600", "versions": {"torch": "2.10"}})
    first, second = series([before, after.model_copy(update={"machine": changed})]).points
    assert first.changes == {}
    assert second.changes == {"driver": (None, "600"), "torch": (None, "2.10")}, "the commit stands by itself"
    assert (second.commit, second.dirty) == ("b" * 40, False)


def test_versions_of_a_program_that_reports_none_are_the_machines() -> None:
    runs = [made(1, 1.0), made(2, 1.0)]
    machines = [run.machine.model_copy(update={"versions": {"torch": v}}) for run, v in zip(runs, "12", strict=True)]
    found = series([run.model_copy(update={"machine": m}) for run, m in zip(runs, machines, strict=True)])
    assert found.points[1].changes == {"torch": ("1", "2")}


def test_other_data_is_told() -> None:
    runs = [made(1, 1.0, facts={"data_fingerprint": "a"}), made(2, 1.0, facts={"data_fingerprint": "b"})]
    (note,) = series(runs).notes
    assert note.startswith("the data changed with run-02")


def test_warnings_that_bear_on_the_value_are_kept() -> None:
    (point,) = series([made(1, 1.0, repeats=1, suspect=("another process took the device",))]).points
    assert [w.code for w in point.warnings] == ["suspect"]
