"""What the replay executor answers, and what its clock says (the contract of recorded surfaces)."""

from pathlib import Path

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.records_file import read
from benchbench.record.store import read_raw
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from tests.executors.tables import MISS, row, table

ASKED = Scenario.model_validate({
    "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification", "precision": "bf16",
    "training": {"max_steps": 3}, "target": {"metric": "accuracy", "at_least": 0.9, "eval_every": 1},
    "measure": {"procedure": "time-to-target", "timeout": "1s"},
})  # fmt: skip


class Played:
    """An executor and the scenario that it is asked for."""

    def __init__(self, folder: Path, *rows: str) -> None:
        self.folder = folder
        self.executor = ReplayExecutor(read(table(folder / "t.csv", ["precision"], *rows)), ASKED)

    def ask(self, scenario: Scenario = ASKED, deadline_s: float | None = None, end_by: float | None = None) -> Repeat:
        """One request."""
        request = Request(
            scenario=scenario,
            index=0,
            order=0,
            folder=self.folder,
            timeout_s=1.0,
            deadline_s=deadline_s,
            end_by=end_by,
        )
        return self.executor.run(request, lambda _: None)

    def probe(self) -> Repeat:
        """One request for the throughput."""
        return self.ask(vary(ASKED, {"measure.procedure": "throughput"}))

    @property
    def spent_s(self) -> float:
        """What the clock says."""
        return self.executor.clock()


def test_a_probe_gives_the_step_time_and_costs_its_own(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16"))
    repeat = played.probe()
    assert repeat.figures is not None
    assert (repeat.outcome, repeat.reach, repeat.wall_s, played.spent_s) == (Outcome.OK, None, 5.0, 5.0)
    assert (repeat.figures.step_s, repeat.figures.warmup_s, repeat.figures.peak_memory_bytes) == (0.1, 0.5, 1000)
    assert repeat.figures.measured_steps == 25  # what 5 s pay for beside start-up and warm-up
    assert repeat.figures.tokens_per_step is None


def test_a_training_gives_everything_whatever_max_steps_and_timeout_say(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16"))
    repeat = played.ask()
    assert (repeat.outcome, played.spent_s, repeat.wall_s) == (Outcome.OK, 12.5, 12.5)
    assert repeat.reach is not None
    assert repeat.figures is not None
    assert (repeat.reach.reached, repeat.reach.time_to_target_s, repeat.reach.steps_to_target) == (True, 10.5, 100)
    assert (repeat.figures.step_s, repeat.figures.warmup_s, repeat.figures.measured_steps) == (0.1, 0.5, 100)
    assert repeat.phases_s == {"start": 2.0, "train": 10.5}


@pytest.mark.parametrize(
    ("deadline_s", "reached", "cost_s"),
    [(10.5, True, 12.5), (100.0, True, 12.5), (10.4, False, 12.4), (0.2, False, 2.2), (0.0, False, 2.0)],
)
def test_a_deadline_is_paid_for_and_a_later_target_is_not_reached(
    tmp_path: Path, deadline_s: float, reached: bool, cost_s: float
) -> None:
    played = Played(tmp_path, row("bf16"))
    repeat = played.ask(deadline_s=deadline_s)
    assert repeat.reach is not None
    assert (repeat.outcome, repeat.reach.reached) == (Outcome.OK, reached)
    assert played.spent_s == pytest.approx(cost_s)
    assert repeat.facts["stopped_by_deadline"] is not reached


def test_steps_before_a_deadline_are_those_that_it_paid_for(tmp_path: Path) -> None:
    repeat = Played(tmp_path, row("bf16")).ask(deadline_s=5.5)
    assert repeat.figures is not None
    assert repeat.figures.measured_steps == 50
    assert Played(tmp_path, row("bf16")).ask(deadline_s=0.3).figures is None


@pytest.mark.parametrize("outcome", [Outcome.DIVERGED, Outcome.OOM, Outcome.CRASHED, Outcome.TIMEOUT])
def test_a_failure_comes_unless_the_deadline_comes_first(tmp_path: Path, outcome: Outcome) -> None:
    failing = row("bf16", outcome=outcome.value, **MISS, train_cost_s="6")
    played = Played(tmp_path, failing)
    repeat = played.ask(deadline_s=4.0)
    assert (repeat.outcome, played.spent_s) == (outcome, 6.0)
    assert repeat.failure is not None
    assert "t.csv" in repeat.failure.message
    played = Played(tmp_path, failing)
    repeat = played.ask(deadline_s=3.0)
    assert (repeat.outcome, repeat.failure, played.spent_s) == (Outcome.OK, None, 5.0)
    assert Played(tmp_path, failing).probe().outcome is outcome


def test_a_miss_costs_its_training(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16", **MISS))
    repeat = played.ask()
    assert repeat.reach is not None
    assert (repeat.outcome, repeat.reach.reached, played.spent_s) == (Outcome.OK, False, 12.5)
    assert repeat.facts["stopped_by_deadline"] is False


def test_trainings_take_the_rows_in_the_order_of_seed_and_end_with_them(tmp_path: Path) -> None:
    played = Played(tmp_path, *(row("bf16", seed=s, step_s=f"0.{s}") for s in ("3", "1", "2")))
    assert [played.ask().seed for _ in range(3)] == [1, 2, 3]
    spent_s = played.spent_s
    repeat = played.ask()
    assert (repeat.outcome, repeat.wall_s, played.spent_s) == (Outcome.REFUSED, 0.0, spent_s)
    assert repeat.failure is not None
    assert repeat.failure.message == "t.csv holds 3 trainings of this setup, all taken"


def test_probes_go_round_and_take_no_training_away(tmp_path: Path) -> None:
    played = Played(tmp_path, *(row("bf16", seed=s) for s in ("1", "2")))
    assert [played.probe().seed for _ in range(5)] == [1, 2, 1, 2, 1]
    assert [played.ask().seed for _ in range(2)] == [1, 2]
    assert played.probe().seed == 2


def test_what_is_not_in_the_table_is_refused_at_no_cost(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16"))
    other = vary(ASKED, {"precision": "fp32"})
    repeat = played.ask(other)
    assert (repeat.outcome, repeat.wall_s, played.spent_s) == (Outcome.REFUSED, 0.0, 0.0)
    assert repeat.failure is not None
    assert repeat.failure.message == "this setup is not in t.csv"


def test_a_knob_without_a_column_cannot_be_told_apart(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16"))
    repeat = played.ask(vary(ASKED, {"training.dropout": 0.3}))
    assert repeat.failure is not None
    assert "no column training.dropout" in repeat.failure.message


def test_a_cost_that_nobody_measured_is_refused(tmp_path: Path) -> None:
    assert Played(tmp_path, row("bf16", probe_cost_s="")).probe().outcome is Outcome.REFUSED
    repeat = Played(tmp_path, row("bf16", **MISS, train_cost_s="")).ask()
    assert repeat.failure is not None
    assert repeat.failure.message == "t.csv holds no training of this setup"


def test_the_clock_never_runs_beyond_the_budget(tmp_path: Path) -> None:
    played = Played(tmp_path, row("bf16"), row("bf16", seed="1"))
    repeat = played.ask(end_by=5.0)
    assert (repeat.outcome, repeat.reach, played.spent_s) == (Outcome.TIMEOUT, None, 5.0)
    assert played.ask(end_by=5.0 + 12.5).outcome is Outcome.OK


def test_no_evaluations_are_made_up(tmp_path: Path) -> None:
    Played(tmp_path, row("bf16")).ask()
    lines = read_raw(tmp_path)
    assert (lines.steps(), lines.evaluations()) == ([], [])
    assert [e["event"] for e in lines.events] == ["replayed"]
