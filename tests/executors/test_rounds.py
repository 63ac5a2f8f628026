"""Rounds interleave, store what was measured, and survive what goes wrong."""

import os
import signal
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import StoreError
from benchbench.executors.kinds.fake import Answer, FakeExecutor
from benchbench.executors.rounds import Plan, measure
from benchbench.hardware.inventory import machine
from benchbench.record import tables
from benchbench.record.store import Draft, read_run, run_folders, unfinished
from benchbench.record.summary import summarize, warnings_of
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario

MACHINE = machine()


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    file = tmp_path / "s.yaml"
    file.write_text(
        "name: s\nmodel: {family: bert, size: tiny}\ntask: sequence-classification\nmeasure: {repeats: 3}\n"
    )
    return load(file)[0]


def plan(tmp_path: Path, *scenarios: Scenario, **more: object) -> Plan:
    return Plan(scenarios=scenarios, out=tmp_path / "out", machine=MACHINE, **more)  # type: ignore[arg-type]


def test_scenarios_take_turns_round_by_round(tmp_path: Path, scenario: Scenario) -> None:
    other = vary(scenario, {"training.global_batch": 8})
    executor = FakeExecutor()
    stored = measure(plan(tmp_path, scenario, other), executor).stored
    rounds = [(r.scenario.training.global_batch, r.index) for r in executor.requests]
    assert [sorted(rounds[at : at + 2]) for at in (0, 2, 4)] == [[(8, i), (32, i)] for i in range(3)]
    assert [s.run.scenario for s in stored] == [scenario, other]


def test_the_order_of_a_round_is_drawn_and_the_next_round_is_its_reverse(tmp_path: Path, scenario: Scenario) -> None:
    several = [vary(scenario, {"training.global_batch": 8 * n, "measure.repeats": 12}) for n in range(1, 5)]
    orders = []
    for _ in range(2):
        executor = FakeExecutor()
        measure(plan(tmp_path, *several), executor)
        orders.append([r.scenario.training.global_batch for r in executor.requests])
    rounds = [tuple(orders[0][at : at + 4]) for at in range(0, 48, 4)]
    assert all(set(one) == {8, 16, 24, 32} for one in rounds)
    assert [one[::-1] for one in rounds[::2]] == rounds[1::2]
    assert len(set(rounds[::2])) > 1, "drawn anew for every pair of rounds"
    assert orders[0] == orders[1], "the same command does the same"


def test_a_steady_drift_hits_all_alike(tmp_path: Path, scenario: Scenario) -> None:
    other = vary(scenario, {"training.global_batch": 8})
    executor = FakeExecutor()
    executor.script = lambda _s, _seed: Answer(step_s=0.01 * (1 + 0.05 * len(executor.requests)))
    stored = measure(plan(tmp_path, scenario, other, repeats=4), executor).stored
    means = [sum(r.figures.step_s for r in s.run.repeats if r.figures) / 4 for s in stored]
    assert means[0] == pytest.approx(means[1])


def test_order_and_time_of_every_repeat_are_in_the_record(tmp_path: Path, scenario: Scenario) -> None:
    other = vary(scenario, {"training.global_batch": 8})
    executor = FakeExecutor()
    stored = measure(plan(tmp_path, scenario, other), executor).stored
    by_order = {r.order: r for s in stored if s.folder is not None for r in read_run(s.folder).repeats}
    assert sorted(by_order) == list(range(6))
    assert [by_order[i].index for i in range(6)] == [r.index for r in executor.requests]
    starts = [datetime.fromisoformat(by_order[i].started_at) for i in range(6)]
    assert starts == sorted(starts)
    assert all(start.tzinfo is not None for start in starts)


def test_repeat_r_uses_seed_plus_r(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor()
    measure(plan(tmp_path, vary(scenario, {"training.seed": 40}), first_index=3, repeats=2), executor)
    assert [r.seed for r in executor.requests] == [43, 44]


def test_what_is_stored_reads_back_the_same(tmp_path: Path, scenario: Scenario) -> None:
    stored = measure(plan(tmp_path, scenario, command=("benchbench", "run", "s.yaml")), FakeExecutor()).stored[0]
    assert stored.folder is not None
    assert read_run(stored.folder) == stored.run
    assert stored.run.outcome is Outcome.OK
    assert load(stored.folder / "scenario.yaml")[0] == scenario
    assert sorted(f.name for f in stored.folder.iterdir()) == [
        "evals.parquet", "log.txt", "result.json", "scenario.yaml", "steps.parquet", "telemetry.parquet",
    ]  # fmt: skip
    assert unfinished(tmp_path / "out") == []


def test_a_failed_repeat_does_not_stop_the_others(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor(lambda _s, seed: Answer(outcome=Outcome.CRASHED if seed == 1 else Outcome.OK))
    stored = measure(plan(tmp_path, scenario), executor).stored[0]
    assert [r.outcome for r in stored.run.repeats] == [Outcome.OK, Outcome.CRASHED, Outcome.OK]
    assert stored.run.outcome is Outcome.CRASHED


def test_a_refused_scenario_is_not_asked_again(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor(lambda _s, _seed: Answer(outcome=Outcome.REFUSED))
    stored = measure(plan(tmp_path, scenario), executor).stored[0]
    assert len(executor.requests) == 1
    assert stored.run.outcome is Outcome.REFUSED


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5])
def test_an_interruption_at_any_repeat_keeps_all_that_ended(tmp_path: Path, scenario: Scenario, at: int) -> None:
    other = vary(scenario, {"training.global_batch": 8})
    executor = FakeExecutor()
    executor.script = lambda _s, _seed: Answer(interrupt=len(executor.requests) == at + 1)
    stored = measure(plan(tmp_path, scenario, other), executor).stored
    assert len(executor.requests) == at + 1
    assert sum(len(s.run.repeats) for s in stored) == at + 1
    assert {s.run.outcome for s in stored} >= {Outcome.INTERRUPTED}
    assert unfinished(tmp_path / "out") == []
    assert len(run_folders(tmp_path / "out")) == len(stored)


def test_nothing_starts_after_the_end_of_the_budget(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor()
    assert measure(plan(tmp_path, scenario, end_by=time.monotonic() - 1), executor).stored == []
    assert executor.requests == []
    assert list((tmp_path / "out").iterdir()) == []


def test_a_timeout_is_cut_to_what_is_left_of_the_budget(tmp_path: Path, scenario: Scenario) -> None:
    assert plan(tmp_path, scenario).timeout_s(scenario) == 600.0
    trains = vary(scenario, {"target": {"metric": "accuracy", "at_least": 0.5}, "measure.procedure": "time-to-target"})
    assert plan(tmp_path, trains).timeout_s(trains) == 24 * 3600.0
    assert plan(tmp_path, trains, end_by=time.monotonic() + 50).timeout_s(trains) == pytest.approx(50, abs=1)
    own = vary(scenario, {"measure.timeout": "5s"})
    assert plan(tmp_path, own, end_by=time.monotonic() + 50).timeout_s(own) == 5.0
    executor = FakeExecutor(lambda _s, _seed: Answer(step_s=0.01))
    measure(plan(tmp_path, own), executor)
    assert {request.timeout_s for request in executor.requests} == {5.0}


def test_a_result_that_cannot_be_written_is_still_returned(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> Path:
        raise StoreError("cannot be written: No space left on device")

    monkeypatch.setattr(Draft, "commit", full)
    stored = measure(plan(tmp_path, scenario), FakeExecutor()).stored[0]
    assert stored.folder is None
    assert stored.problem is not None
    assert stored.run.outcome is Outcome.OK
    assert len(unfinished(tmp_path / "out")) == 1, "what was measured stays in the working folder"


@pytest.mark.parametrize(("spread", "expected"), [(0.001, 5), (0.018, 8), (0.5, 20)])
def test_auto_repeats_go_on_until_the_mean_is_known(
    tmp_path: Path, scenario: Scenario, spread: float, expected: int
) -> None:
    executor = FakeExecutor(lambda _s, seed: Answer(step_s=0.01 * (1 + spread * (seed % 2))))
    stored = measure(plan(tmp_path, vary(scenario, {"measure.repeats": "auto"})), executor).stored[0]
    assert len(stored.run.repeats) == expected


def test_auto_repeats_stop_after_an_hour(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor(lambda _s, _seed: Answer(step_s=60.0))
    stored = measure(plan(tmp_path, vary(scenario, {"measure.repeats": "auto"})), executor).stored[0]
    assert [r.wall_s for r in stored.run.repeats] == [1800.0] * 3


def test_auto_repeats_stop_where_nothing_is_measured(tmp_path: Path, scenario: Scenario) -> None:
    executor = FakeExecutor(lambda _s, _seed: Answer(outcome=Outcome.CRASHED))
    assert (
        len(measure(plan(tmp_path, vary(scenario, {"measure.repeats": "auto"})), executor).stored[0].run.repeats) == 3
    )


def test_a_request_to_stop_between_two_repeats_keeps_what_ended(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(_scenario: Scenario, index: int, what: Mapping[str, object]) -> None:
        if index == 1 and what.get("event") == "start":
            raise KeyboardInterrupt

    measured = measure(plan(tmp_path, scenario), FakeExecutor(), watch)
    assert measured.interrupted
    assert [len(s.run.repeats) for s in measured.stored] == [1]
    assert unfinished(tmp_path / "out") == []


def test_a_disk_that_fills_up_ends_the_rounds_and_keeps_what_ended(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Draft.keep

    def keep(draft: Draft, repeat: Repeat) -> None:
        if repeat.index == 1:
            raise StoreError("cannot be written: No space left on device")
        kept(draft, repeat)

    monkeypatch.setattr(Draft, "keep", keep)
    executor = FakeExecutor()
    measured = measure(plan(tmp_path, scenario), executor)
    assert len(executor.requests) == 2
    assert measured.stored[0].problem is not None
    assert measured.stored[0].folder is not None, "the disk had room again"
    assert len(read_run(measured.stored[0].folder).repeats) == 2


def test_a_stop_in_the_middle_of_storing_waits_until_it_is_stored(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Draft.commit

    def disturbed(draft: Draft, *arguments: Any) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return commit(draft, *arguments)

    monkeypatch.setattr(Draft, "commit", disturbed)
    measured = measure(plan(tmp_path, scenario), FakeExecutor())
    assert measured.interrupted
    assert measured.stored[0].folder is not None
    assert len(measured.stored[0].run.repeats) == 3


def disturbed(*orders: int, **more: Any) -> FakeExecutor:
    """An executor whose measurements of some orders are disturbed."""
    executor = FakeExecutor()
    executor.script = lambda _s, _seed: Answer(
        foreign_cpus=1.0 if len(executor.requests) - 1 in orders else 0.0,
        **{k: v(len(executor.requests) - 1) for k, v in more.items()},
    )
    return executor


def test_a_disturbed_repeat_is_measured_again_and_both_are_kept(tmp_path: Path, scenario: Scenario) -> None:
    executor = disturbed(1, step_s=lambda order: 0.02 if order == 1 else 0.01)
    seen: list[str] = []
    watch: Any = lambda _s, index, what: seen.append(f"{what.get('event')} {index}")  # noqa: E731
    stored = measure(plan(tmp_path, scenario, again=True), executor, watch).stored[0]
    assert [(r.index, r.order) for r in executor.requests] == [(0, 0), (1, 1), (1, 2), (2, 3)]
    assert [r.seed for r in executor.requests] == [0, 1, 1, 2]
    assert [(r.index, r.attempt, r.validity) for r in stored.run.repeats] == [
        (0, 0, "valid"), (1, 1, "valid"), (2, 0, "valid"),
    ]  # fmt: skip
    assert [(r.index, r.attempt, r.validity) for r in stored.run.set_aside] == [(1, 0, "suspect")]
    assert [line for line in seen if line.split()[0] in ("start", "again", "end")] == [
        "start 0", "end 0", "start 1", "again 1", "start 1", "end 1", "start 2", "end 2",
    ]  # fmt: skip
    assert stored.folder is not None
    assert read_run(stored.folder) == stored.run
    steps = tables.read(stored.folder, tables.STEPS)
    assert set(steps["step_s"]) == {0.01}, "the table holds what counts"
    aside = stored.folder / "set-aside" / "repeat-1"
    assert set(tables.read(aside, tables.STEPS)["step_s"]) == {0.02}
    summary = summarize(stored.run)
    assert summary.step_s is not None
    assert summary.step_s.value == pytest.approx(0.01)
    (told,) = [w for w in warnings_of(stored.run, summary) if w.code == "suspect"]
    assert "repeat 1" in told.message
    assert "undisturbed" in told.message
    assert "foreign-process" not in {w.code for w in warnings_of(stored.run, summary)}, "it does not count"


def test_what_is_disturbed_again_and_again_counts_with_a_warning(tmp_path: Path, scenario: Scenario) -> None:
    executor = disturbed(*range(99))
    stored = measure(plan(tmp_path, scenario, again=True), executor).stored[0]
    assert [(r.index, r.attempt) for r in stored.run.repeats] == [(0, 2), (1, 0), (2, 0)]
    assert len(executor.requests) == 5, "twice over all repeats, and no more"
    assert stored.run.outcome is Outcome.OK, "noise fails no run"
    found = [w.code for w in warnings_of(stored.run, summarize(stored.run))]
    assert found.count("suspect") == 2, "one for the repeat that was tried again, one for the others"
    assert found.count("foreign-process") == 1


@pytest.mark.parametrize(
    ("settings", "more", "requests"),
    [({"measure.remeasure": 0}, {"again": True}, 3), ({"measure.remeasure": 4}, {"again": True}, 7), ({}, {}, 3)],
)
def test_how_often_it_is_measured_again(
    tmp_path: Path, scenario: Scenario, settings: dict[str, Any], more: dict[str, Any], requests: int
) -> None:
    executor = disturbed(*range(99))
    measure(plan(tmp_path, vary(scenario, settings), **more), executor)
    assert len(executor.requests) == requests


def test_an_interruption_while_it_is_measured_again_keeps_the_first(tmp_path: Path, scenario: Scenario) -> None:
    executor = disturbed(0, interrupt=lambda order: order == 1)
    found = measure(plan(tmp_path, scenario, again=True), executor)
    (stored,) = found.stored
    assert [(r.attempt, r.outcome) for r in stored.run.repeats] == [(0, Outcome.OK)]
    assert [r.outcome for r in stored.run.set_aside] == [Outcome.INTERRUPTED]
    assert len(executor.requests) == 2


def test_nothing_is_measured_again_after_the_end_of_the_budget(tmp_path: Path, scenario: Scenario) -> None:
    now = iter([0.0, 0.0, 20.0, 20.0, 20.0, 20.0])
    executor = disturbed(0)
    measure(plan(tmp_path, scenario, again=True, end_by=10.0, clock=lambda: next(now)), executor)
    assert len(executor.requests) == 1
