"""A probe is given up once its steps are sure to be too slow, and then tells a bound: no failure, and no time."""

from __future__ import annotations

import math

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.record.store import read_run
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.diary import entries
from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.model.factored import Factored
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.power import halfwidth, repeats_to_decide
from benchbench.tuning.space import space_of
from tests.tuning.lab import Lab, lab_text

TEXT = lab_text("training.attention: [auto, eager, sdpa]", "training.optimizer.learning_rate: [1e-4, 3e-4, 1e-3]")


def slow_eager(scenario: Scenario, seed: int) -> Answer:
    """Steps of eager attention take fifty times as long; the learning rate does little."""
    step_s = {"auto": 0.1, "eager": 5.0, "sdpa": 0.06}[scenario.training.attention]
    steps = {1e-4: 110, 3e-4: 100, 1e-3: 105}.get(scenario.training.optimizer.learning_rate, 120)
    return Answer(step_s=step_s * (1 + 0.002 * (seed % 2)), steps_to_target=steps)


def test_a_probe_that_cannot_matter_is_given_up_and_the_answer_is_the_same(lab: Lab) -> None:
    stored = lab.tune(slow_eager, lab.scenario(TEXT), budget_s=3000.0)
    study = stored.study
    probes = [t for t in study.trials if t.role == "probe"]
    (eager,) = [t for t in probes if t.overrides["training.attention"] == "eager"]
    assert eager.run_id is not None
    (repeat,) = read_run(lab.out / eager.run_id).repeats
    assert repeat.facts["stopped_as_too_slow"] is True
    assert repeat.figures is not None
    assert repeat.figures.measured_steps + repeat.figures.warmup_steps == 20
    assert eager.failure is None
    assert "stopped after 20 steps" in (eager.note or "")
    asked = [r.too_slow_s for r in lab.requests if r.too_slow_s is not None]
    assert asked
    assert all(0.05 < too_slow_s < 5.0 for too_slow_s in asked)
    assert all(r.scenario.measure.procedure == "throughput" for r in lab.requests if r.too_slow_s is not None)
    told = [entry.too_slow_s for entry in entries(stored.folder) if entry.role == "probe"]
    assert any(too_slow_s is not None for too_slow_s in told)
    assert not [t for t in study.trials if t.role == "candidate" and t.overrides["training.attention"] == "eager"]
    assert study.recommendation.verdict == "faster"
    assert study.recommendation.overrides["training.attention"] == "sdpa"


def test_what_was_given_up_is_a_bound_to_the_model(lab: Lab) -> None:
    scenario = lab.scenario(TEXT)
    encoding = Encoding(scenario, space_of(scenario))
    setups = [
        {"training.attention": a, "training.optimizer.learning_rate": r}
        for a in ("auto", "eager", "sdpa")
        for r in (1e-4, 3e-4, 1e-3)
    ]
    pool = encoding.encode(setups)
    readings = [
        Reading(overrides=setups[0], trained=True, step_s=0.1, steps=100.0),
        Reading(overrides=setups[3], trained=False, step_s_over=2.0),
    ]
    model = Factored.of(encoding, pool, readings, (0,), trains=True, baseline=pool.take([0]))
    auto, eager, sdpa = (model.step.at(pool.take([row])).mean[0] for row in (0, 3, 6))
    assert eager > math.log(1.5)
    assert auto == pytest.approx(math.log(0.1), abs=0.1)
    assert sdpa < math.log(1.0), "it tells little of the others"


def test_as_many_repeats_as_prove_it_and_none_more() -> None:
    assert repeats_to_decide(1.0, 0.1, 3, 0.95) == 3
    wanted = repeats_to_decide(0.55, 0.25, 3, 0.95)
    assert wanted is not None
    assert wanted > 3
    assert halfwidth(0.25, wanted, 0.95) < 0.55 <= 0.55 / 0.7
    assert repeats_to_decide(0.1, 0.25, 3, 0.95) is None
    assert repeats_to_decide(0.1, 0.25, 8, 0.95) == 8
