"""One suite over every executor: a request goes in, a repeat and its raw lines come out, whatever happens."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from benchbench import registry
from benchbench.executors.base import Executor, Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.executors.kinds.fake import Answer, FakeExecutor
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.records import Records, Row
from benchbench.record.figures import figures
from benchbench.record.store import read_raw
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from tests.executors.trees import PRELUDE, WELL

Make = Callable[[Outcome], Executor]
_ENDINGS = {
    Outcome.OK: WELL,
    Outcome.CRASHED: "sys.exit(3)",
    Outcome.OOM: "emit('failed', kind='oom', message='no memory'); sys.exit(1)",
    Outcome.TIMEOUT: "time.sleep(600)",
}


def _scenario() -> Scenario:
    return Scenario.model_validate(
        {"name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification"}
    )


def _child(outcome: Outcome) -> Executor:
    return ChildExecutor((sys.executable, "-c", PRELUDE + _ENDINGS[outcome]))


def _fake(outcome: Outcome) -> Executor:
    return FakeExecutor(lambda _scenario, _seed: Answer(outcome=outcome))


def _replay(outcome: Outcome) -> Executor:
    scenario = _scenario()
    row = Row(seed=2, outcome=outcome, step_s=0.1, startup_s=1.0, warmup_s=0.1, probe_cost_s=4.0)
    records = Records(name="t.csv", keys=("precision",), rows={(scenario.precision,): (row,)})
    return ReplayExecutor(records, scenario)


MAKERS: dict[str, Make] = {"child": _child, "fake": _fake, "replay": _replay}


def test_every_executor_is_under_contract() -> None:
    assert set(MAKERS) == set(registry.names(registry.EXECUTORS))


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[cast(str, request.param)]


def run(executor: Executor, folder: Path, heard: list[object] | None = None) -> Repeat:
    request = Request(scenario=_scenario(), index=2, order=5, folder=folder, timeout_s=1.5)
    return executor.run(request, (heard if heard is not None else []).append)


@pytest.mark.parametrize("outcome", sorted(_ENDINGS))
def test_every_ending_is_an_outcome(make: Make, tmp_path: Path, outcome: Outcome) -> None:
    repeat = run(make(outcome), tmp_path)
    assert repeat.outcome is outcome
    assert (repeat.failure is None) == (outcome is Outcome.OK)
    assert (repeat.index, repeat.order, repeat.seed) == (2, 5, 2)


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"replay"}))
def test_the_figures_come_from_the_raw_lines(name: str, tmp_path: Path) -> None:
    repeat = run(MAKERS[name](Outcome.OK), tmp_path)
    again = figures(read_raw(tmp_path), 0.95, repeat.figures.peak_memory_bytes if repeat.figures else None)
    assert repeat.figures is not None
    assert repeat.figures == again


def test_the_watch_hears_of_the_phases(make: Make, tmp_path: Path) -> None:
    heard: list[object] = []
    run(make(Outcome.OK), tmp_path, heard)
    assert any(isinstance(h, dict) and h.get("event") == "phase" for h in heard)


def test_a_repeat_survives_json(make: Make, tmp_path: Path) -> None:
    repeat = run(make(Outcome.OK), tmp_path)
    assert Repeat.model_validate_json(repeat.model_dump_json(by_alias=True)) == repeat
