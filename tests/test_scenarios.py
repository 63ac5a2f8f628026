"""Every shipped scenario is loaded, checked and trained for a few steps."""

import math
from pathlib import Path

import pytest

from benchbench.scenario import engines
from benchbench.scenario.loading import load, vary
from benchbench.training import program
from benchbench.training.checking import problems
from tests.training.small import Recorder

FILES = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "scenarios-cache"))


def test_there_is_one_for_every_question() -> None:
    assert len(FILES) == len({load(file)[0].question for file in FILES}) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_trains(file: Path) -> None:
    (scenario,) = load(file)
    engines.check(scenario)
    engines.check_search(scenario)
    assert scenario.target is not None
    assert problems([scenario]) == [None]
    if scenario.plan.world > 1:  # tests/training/test_launching.py starts these
        scenario = vary(scenario, {"hardware.devices": 1, "parallelism": {}})
    quick = {"measure.procedure": "throughput", "measure.warmup": 1, "measure.steps": 2, "hardware.device": "cpu"}
    events = Recorder()
    program.run(
        vary(scenario, {**quick, "training.micro_batch": 8}),
        events,
        program.Limits(timeout_s=300.0, deadline_s=math.inf),
    )
    losses = [e["loss"] for e in events.of("step")]
    assert len(losses) == 3
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
