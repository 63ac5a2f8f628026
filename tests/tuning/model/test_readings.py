from __future__ import annotations

from typing import Any

import pytest

from benchbench.record.types import Figures, Outcome, Reach, Repeat
from benchbench.tuning.model.readings import Failing, Reading, reading_of

FIGURES = Figures(
    measured_steps=90, warmup_steps=10, measured_s=9.0, step_s=0.1, step_s_halfwidth=None, samples_per_step=32,
    tokens_per_step=None, data_wait_fraction=None, utilization=None, power_w=None, energy_j_per_sample=None,
    peak_memory_bytes=None, warmup_s=2.0, settled=True,
)  # fmt: skip
SETUP = {"precision": "bf16"}


def read(*, trained: bool = True, **of: Any) -> Reading:
    plain: dict[str, Any] = {
        "index": 0, "seed": 0, "order": 0, "started_at": "2026-01-01T00:00:00Z", "wall_s": 12.0, "outcome": Outcome.OK,
        "failure": None, "phases_s": {}, "figures": FIGURES, "reach": None, "facts": {},
    }  # fmt: skip
    return reading_of(SETUP, Repeat.model_validate({**plain, **of}), 13.0, trained=trained)


def test_a_training_that_reached() -> None:
    reach = Reach(reached=True, time_to_target_s=11.0, steps_to_target=90.0)
    assert read(reach=reach) == Reading(
        overrides=SETUP, trained=True, step_s=0.1, warmup_s=2.0, steps=90.0, cost_s=13.0, training_s=11.0
    )


@pytest.mark.parametrize("cut", [True, False])
def test_a_training_that_did_not_takes_more_steps(cut: bool) -> None:
    told = read(reach=Reach(reached=False), facts={"stopped_by_deadline": cut})
    assert told.more_steps_than == 100.0
    assert told.steps is None
    assert told.gave_up is not cut
    assert told.training_s == pytest.approx(12.0)


def test_a_probe_tells_of_the_step_alone() -> None:
    told = read(trained=False, reach=Reach(reached=True, time_to_target_s=11.0, steps_to_target=90.0))
    assert told == Reading(overrides=SETUP, trained=False, step_s=0.1, warmup_s=2.0, cost_s=13.0)


@pytest.mark.parametrize(
    ("outcome", "failing"),
    [
        (Outcome.OOM, Failing.MEMORY),
        (Outcome.DIVERGED, Failing.DIVERGED),
        (Outcome.CRASHED, Failing.OTHER),
        (Outcome.TIMEOUT, Failing.OTHER),
        (Outcome.INVALID, Failing.OTHER),
    ],
)
def test_a_failure_says_how_and_nothing_of_steps(outcome: Outcome, failing: Failing) -> None:
    told = read(outcome=outcome, figures=None, reach=Reach(reached=False))
    assert told == Reading(overrides=SETUP, trained=True, failing=failing, cost_s=13.0)
    assert read(outcome=outcome).step_s == 0.1, "its steps were seen all the same"


def test_a_training_cut_before_its_first_step_says_nothing() -> None:
    told = read(figures=None, reach=Reach(reached=False), facts={"stopped_by_deadline": True})
    assert told == Reading(overrides=SETUP, trained=True, cost_s=13.0)
