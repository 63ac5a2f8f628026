"""Rounds that go on where a killed command left them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from benchbench.errors import InputError, StoreError
from benchbench.executors.kinds.fake import Answer, FakeExecutor
from benchbench.executors.rounds import Plan, measure
from benchbench.hardware.inventory import machine
from benchbench.record.store import Draft, read_run, unfinished
from benchbench.record.taking_up import take_up
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario

HERE = machine()
YAML = "name: s\nmodel: {family: bert, size: tiny}\ntask: sequence-classification\nmeasure: {repeats: 3}\n"
# A command that is killed while it measures its request of a number (from 0); each order is told as a step time.
_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from benchbench.executors.kinds.fake import Answer, FakeExecutor
    from benchbench.executors.rounds import Plan, measure
    from benchbench.hardware.inventory import machine
    from benchbench.scenario.loading import load

    executor = FakeExecutor()

    def script(scenario, seed):
        order = len(executor.requests) - 1
        if order == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return Answer(step_s=0.01 * (1 + order), foreign_cpus=float(sys.argv[3]))

    executor.script = script
    folder = Path(sys.argv[1])
    scenarios = load(folder / "s.yaml", sys.argv[4:])
    plan = Plan(scenarios=scenarios, out=folder / "out", machine=machine(), command=("mine",), again=True)
    measure(plan, executor)
"""


def killed(folder: Path, at: int, *overrides: str, foreign_cpus: float = 0.0) -> list[Scenario]:
    (folder / "s.yaml").write_text(YAML)
    arguments = [str(folder), str(at), str(foreign_cpus), *overrides]
    ended = subprocess.run([sys.executable, "-P", "-c", textwrap.dedent(_KILLED), *arguments], check=False)
    assert ended.returncode == -9
    return load(folder / "s.yaml", list(overrides))


def resumed(folder: Path, scenarios: list[Scenario]) -> Plan:
    out = folder / "out"
    taken = [take_up(out, scenario, HERE) for scenario in scenarios]
    return Plan(scenarios=scenarios, out=out, machine=HERE, command=("other",), taken=taken, again=True)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_ended_is_kept_and_the_rest_follows_under_the_same_id(tmp_path: Path, at: int) -> None:
    scenarios = killed(tmp_path, at)
    (left,) = unfinished(tmp_path / "out")
    executor = FakeExecutor(lambda _s, _seed: Answer(step_s=1.0))
    (stored,) = measure(resumed(tmp_path, scenarios), executor).stored
    assert [r.index for r in executor.requests] == list(range(at, 3)), "what ended is not measured again"
    assert stored.folder == tmp_path / "out" / left.name[1:]
    run = read_run(stored.folder)
    assert [r.index for r in run.repeats] == [r.order for r in run.repeats] == [0, 1, 2]
    times = [r.figures.step_s for r in run.repeats if r.figures]
    assert times == pytest.approx([*(0.01 * (1 + i) for i in range(at)), *[1.0] * (3 - at)])
    assert run.command == ("mine",)
    assert [f.name for f in (tmp_path / "out").iterdir()] == [run.id], "the working folder is gone"


def test_several_scenarios_go_on_in_their_rounds(tmp_path: Path) -> None:
    variants = ("training.global_batch=8", "training.global_batch=16")
    whole = FakeExecutor()
    scenarios = killed(tmp_path, 3, *variants)
    measure(Plan(scenarios=scenarios, out=tmp_path / "whole", machine=HERE), whole)
    rest = FakeExecutor()
    stored = measure(resumed(tmp_path, scenarios), rest).stored
    told = [[(r.scenario.training.global_batch, r.index) for r in e.requests] for e in (whole, rest)]
    assert told[1] == told[0][3:]
    assert sorted(r.order for s in stored for r in s.run.repeats) == list(range(6))


def test_a_disturbed_repeat_is_tried_again_as_often_as_it_would_have_been(tmp_path: Path) -> None:
    scenarios = killed(tmp_path, 1, foreign_cpus=1.0)
    executor = FakeExecutor()
    (stored,) = measure(resumed(tmp_path, scenarios), executor).stored
    assert [(r.index, r.attempt) for r in stored.run.repeats] == [(0, 1), (1, 0), (2, 0)]
    assert [(r.index, r.attempt) for r in stored.run.set_aside] == [(0, 0)]
    assert [r.index for r in executor.requests] == [0, 1, 2]


def test_more_repeats_may_be_asked_for(tmp_path: Path) -> None:
    (scenario,) = killed(tmp_path, 2)
    more = vary(scenario, {"measure.repeats": 5})
    (stored,) = measure(resumed(tmp_path, [more]), FakeExecutor()).stored
    assert len(stored.run.repeats) == 5


def test_an_interruption_before_anything_was_measured_leaves_it_as_it_was(tmp_path: Path) -> None:
    scenarios = killed(tmp_path, 1)
    (left,) = unfinished(tmp_path / "out")

    class Interrupted(FakeExecutor):
        def run(self, *_: object) -> None:  # type: ignore[override]
            raise KeyboardInterrupt

    measured = measure(resumed(tmp_path, scenarios), Interrupted())
    assert (measured.stored, measured.interrupted) == ([], True)
    assert unfinished(tmp_path / "out") == [left]
    (stored,) = measure(resumed(tmp_path, scenarios), FakeExecutor()).stored
    assert len(stored.run.repeats) == 3


def test_a_result_that_could_not_be_stored_is_stored_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(YAML)
    scenarios = load(tmp_path / "s.yaml")

    def full(*_: object) -> Path:
        raise StoreError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Draft, "commit", full)
        (lost,) = measure(Plan(scenarios=scenarios, out=tmp_path / "out", machine=HERE), FakeExecutor()).stored
    assert lost.folder is None
    executor = FakeExecutor()
    (stored,) = measure(resumed(tmp_path, scenarios), executor).stored
    assert executor.requests == []
    assert stored.folder is not None
    assert read_run(stored.folder).repeats == lost.run.repeats


@pytest.mark.parametrize("part", [{"first_index": 3}, {"test_split": True}, {"end_by": 1e9, "clock": lambda: 0.0}])
def test_what_is_part_of_a_search_or_a_confirmation_is_not_taken_up_alone(
    tmp_path: Path, part: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(YAML)
    (scenario,) = load(tmp_path / "s.yaml")
    monkeypatch.setattr(Draft, "commit", lambda *_: (_ for _ in ()).throw(StoreError("no space left")))
    plan = Plan(scenarios=[scenario], out=tmp_path / "out", machine=HERE, **part)  # type: ignore[arg-type]
    measure(plan, FakeExecutor())
    assert len(unfinished(tmp_path / "out")) == 1
    with pytest.raises(InputError, match="nothing to take up"):
        take_up(tmp_path / "out", scenario, HERE)


def test_the_outcome_that_counts_is_of_the_measurement_that_ended_well(tmp_path: Path) -> None:
    scenarios = killed(tmp_path, 1, foreign_cpus=1.0)
    executor = FakeExecutor()
    executor.script = lambda _s, _seed: Answer(outcome=Outcome.CRASHED if len(executor.requests) == 1 else Outcome.OK)
    (stored,) = measure(resumed(tmp_path, scenarios), executor).stored
    assert [(r.index, r.attempt, r.outcome) for r in stored.run.set_aside] == [(0, 1, Outcome.CRASHED)]
    assert stored.run.outcome is Outcome.OK
