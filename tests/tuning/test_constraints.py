"""What breaks a constraint is measured, shown with the reason, and never recommended, in every method."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest

from benchbench import registry
from benchbench.errors import InputError
from benchbench.executors import preflight
from benchbench.executors.kinds.fake import Answer
from benchbench.record.study import Study
from benchbench.record.types import Figures, Outcome, Reach, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.constraints import UNKNOWN, limits_of
from benchbench.tuning.proposals import JOURNAL
from tests.tuning.lab import MACHINE, SCENARIO, Lab, lab_text

GIB = 2**30
MOST = "search.constraints.peak_memory=12GiB"
METHODS = registry.names(registry.METHODS)
PLAIN = Repeat(
    index=0, seed=0, order=0, started_at="2026-01-01T00:00:00Z", wall_s=1.0, outcome=Outcome.OK,
    reach=Reach(reached=True, time_to_target_s=720.0, steps_to_target=10.0),
    figures=Figures(
        measured_steps=10, warmup_steps=0, measured_s=1.0, step_s=0.1, step_s_halfwidth=None, samples_per_step=32.0,
        tokens_per_step=None, data_wait_fraction=None, utilization=None, power_w=None, energy_j_per_sample=None,
        peak_memory_bytes=13 * GIB, settled=True,
    ),
    final_metrics={"accuracy": 0.91, "loss": 0.4},
)  # fmt: skip


def asked(**constraints: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "a", "model": {"family": "bert"}, "task": "sequence-classification",
        "hardware": {"price_per_hour": 10.0}, "target": {"metric": "accuracy", "at_least": 0.9},
        "search": {"constraints": constraints},
    })  # fmt: skip


def told(repeat: Repeat = PLAIN, **constraints: Any) -> tuple[str, ...]:
    return limits_of(asked(**constraints), trains=True).breaches([repeat])


def large_is_fast(scenario: Scenario, seed: int) -> Answer:
    """The larger the batch, the faster; beyond 12 GiB at 64 and eager attention holds little memory."""
    batch = scenario.training.global_batch
    gib = {16: 4, 32: 8, 64: 14}[batch]
    step_s = 0.1 * {"fp32": 1.0, "bf16": 0.8}[scenario.precision] * (1 + 0.002 * (seed % 2))
    return Answer(step_s=step_s, steps_to_target={16: 150, 32: 100, 64: 40}[batch], peak_memory_bytes=gib * GIB)


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"peak_memory": "12GiB"}, "peak memory 13.0 GiB is over the 12.0 GiB of search.constraints.peak_memory"),
        ({"peak_memory": "13GiB"}, None),
        ({"power_w": 250.0}, "mean power is not known, so search.constraints.power_w cannot be held"),
        ({"cost": 1.5}, "the cost of a training 2 is over the 1.5 of search.constraints.cost"),
        ({"cost": 2.0}, None),
        (
            {"metric": {"accuracy": {"at_least": 0.95}}},
            "held-out accuracy 0.91 is below the 0.95 of search.constraints.metric.accuracy",
        ),
        ({"metric": {"loss": {"at_most": 0.3}}}, "held-out loss 0.4 is over the 0.3 of search.constraints.metric.loss"),
        ({"metric": {"accuracy": {"at_least": 0.9}, "loss": {"at_most": 0.5}}}, None),
        ({"metric": {"f1_macro": {"at_least": 0.9}}}, "held-out f1_macro is not known"),
    ],
)
def test_a_breach_is_said_with_its_numbers_and_its_key(constraints: dict[str, Any], words: str | None) -> None:
    found = told(**constraints)
    assert len(found) == (words is not None)
    assert words is None or found[0].startswith(words)


def test_every_repeat_is_held_to_it_and_the_worst_is_told() -> None:
    figures = PLAIN.figures
    assert figures is not None
    more = PLAIN.model_copy(update={"figures": figures.model_copy(update={"peak_memory_bytes": 15 * GIB})})
    less = PLAIN.model_copy(update={"figures": figures.model_copy(update={"peak_memory_bytes": 2 * GIB})})
    limits = limits_of(asked(peak_memory="12GiB"), trains=True)
    assert limits.breaches([less]) == ()
    (words,) = limits.breaches([less, more, PLAIN])
    assert "15.0 GiB" in words
    assert limits.of_steps(more) == (15 / 12,)
    assert limits.excesses(more)["search.constraints.peak_memory"] == pytest.approx(0.25)


def test_a_training_that_missed_is_not_asked_for_what_only_the_target_tells() -> None:
    missed = PLAIN.model_copy(update={"reach": Reach(reached=False), "final_metrics": {"accuracy": 0.1}})
    constraints = {"cost": 0.1, "metric": {"accuracy": {"at_least": 0.95}}}
    assert told(missed, **constraints) == ()
    failed = PLAIN.model_copy(update={"outcome": Outcome.OOM})
    assert told(failed, peak_memory="1GiB", **constraints) == ()
    unknown = limits_of(asked(power_w=1.0), trains=True)
    assert unknown.excesses(PLAIN) == {"search.constraints.power_w": UNKNOWN}
    assert unknown.untold(PLAIN) == ("search.constraints.power_w",)


@pytest.mark.parametrize(
    ("changes", "trains", "key"),
    [
        ({"cost": 1.0}, False, "cost"),
        ({"metric": {"accuracy": {"at_least": 0.9}}}, False, "metric.accuracy"),
    ],
)
def test_what_the_procedure_cannot_measure_is_refused(changes: dict[str, Any], trains: bool, key: str) -> None:
    with pytest.raises(InputError, match="only a training to a target") as caught:
        limits_of(asked(**changes), trains=trains)
    assert caught.value.key == f"search.constraints.{key}"


@pytest.mark.parametrize(
    ("changes", "key"), [({"power_w": 9.0}, "power_w"), ({"metric": {"loss": {"at_most": 1.0}}}, "metric.loss")]
)
def test_what_a_table_cannot_tell_is_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=r"t\.csv cannot tell it") as caught:
        limits_of(asked(**changes), trains=True, replayed_from="t.csv")
    assert caught.value.key == f"search.constraints.{key}"


def test_a_cost_without_a_price_is_refused() -> None:
    without = vary(asked(cost=1.0), {"hardware.price_per_hour": None})
    with pytest.raises(InputError, match="price_per_hour"):
        limits_of(without, trains=True)


@pytest.mark.parametrize(
    ("metric", "bound", "words"),
    [
        ("acuracy", {"at_least": 0.9}, "did you mean 'accuracy'"),
        ("loss", {"at_least": 0.9}, "set at_most"),
        ("accuracy", {"at_least": 1.2}, "at most 1"),
        ("accuracy", {"at_most": 0.2}, "set at_least"),
    ],
)
def test_a_metric_that_the_task_lacks_or_no_training_can_hold_is_refused(
    metric: str, bound: dict[str, float], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        preflight.check(asked(metric={metric: bound}), MACHINE)
    assert caught.value.key == f"search.constraints.metric.{metric}"


@pytest.mark.parametrize("method", METHODS)
def test_the_fastest_setup_breaks_the_constraint_and_is_not_recommended(lab: Lab, method: str) -> None:
    scenario = lab.scenario(SCENARIO, f"search.method={method}", MOST)
    stored = lab.tune(large_is_fast, scenario, budget_s=3000.0)
    study = stored.study
    assert study.recommendation.overrides["training.global_batch"] == 32
    assert study.recommendation.overrides["precision"] == "bf16"
    assert study.recommendation.verdict == "faster"
    broken = [t for t in study.trials if t.overrides["training.global_batch"] == 64 and t.outcome is Outcome.OK]
    assert broken, "it was measured, and is kept"
    for trial in broken:
        assert trial.breaches == ("peak memory 14.0 GiB is over the 12.0 GiB of search.constraints.peak_memory",)
        assert trial.breaches[0] in (trial.note or "")
    assert not [t for t in broken if t.role == "confirmation"]
    assert method != "factored" or all(t.role == "probe" for t in broken), "a probe shows it for less"
    _optuna_knows(stored.folder, study)


def _optuna_knows(folder: Path, study: Study) -> None:
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL)))
    kept = {trial.number: trial for trial in optuna.load_study(study_name=study.study, storage=storage).trials}
    for trial in study.trials:
        if trial.role in ("baseline", "candidate", "probe") and trial.outcome is Outcome.OK:
            value = kept[trial.number].constraints["search.constraints.peak_memory"]
            assert (value > 0) == bool(trial.breaches)


def test_a_constraint_that_nobody_holds_leaves_nothing_to_recommend(lab: Lab) -> None:
    scenario = lab.scenario(SCENARIO, "search.method=random", "search.constraints.peak_memory=1GiB")
    study = lab.tune(large_is_fast, scenario, budget_s=3000.0).study
    found = study.recommendation
    assert (found.verdict, found.speedup) == ("insufficient-evidence", None)
    assert "no setup that was measured holds the constraints" in found.reason
    assert "peak memory 4.00 GiB is over the 1.00 GiB of search.constraints.peak_memory" in found.reason
    assert found.overrides["training.global_batch"] == 16, "the one that came closest"
    assert found.breaches


@pytest.mark.parametrize("method", ["factored", "tpe"])
def test_a_baseline_that_breaks_it_is_compared_with_and_not_kept(lab: Lab, method: str) -> None:
    """Today's setup is the fastest, and too large: the best of the others is recommended for all that."""
    text = lab_text("training.global_batch: [16, 32, 64]", baseline="{training.global_batch: 64}")
    scenario = lab.scenario(text, f"search.method={method}", MOST)
    study = lab.tune(large_is_fast, scenario, budget_s=3000.0).study
    found = study.recommendation
    assert found.overrides == {"training.global_batch": 32}
    assert found.verdict == "insufficient-evidence"
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(0.4, rel=0.02)
    assert found.tied_with == ()
    assert "the baseline cannot be kept: peak memory 14.0 GiB is over" in found.reason
    assert study.baseline.breaches
    assert found.breaches == ()
    assert study.baseline.time_to_target_s is not None


def test_a_finalist_that_breaks_it_when_it_is_confirmed_is_not_recommended(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        batch, confirms = scenario.training.global_batch, bool(lab.requests and lab.requests[-1].test_split)
        gib = 13 if batch == 64 and confirms and seed % 3 == 0 else 8
        return Answer(step_s=0.1, steps_to_target=40 if batch == 64 else 100, peak_memory_bytes=gib * GIB)

    scenario = lab.scenario(lab_text("training.global_batch: [32, 64]"), "search.method=random", MOST)
    study = lab.tune(script, scenario, budget_s=3000.0).study
    found = study.recommendation
    assert found.overrides == {"training.global_batch": 32}
    assert found.verdict == "insufficient-evidence"
    assert "the setup that was to replace it breaks a constraint: peak memory 13.0 GiB" in found.reason


@pytest.mark.parametrize("budget_s", [3000.0, 80.0])
def test_the_next_best_is_confirmed_where_a_finalist_breaks_it(lab: Lab, budget_s: float) -> None:
    """As long as the budget pays for it; else the baseline is kept, and the reason says why."""

    def script(scenario: Scenario, seed: int) -> Answer:
        batch, confirms = scenario.training.global_batch, bool(lab.requests and lab.requests[-1].test_split)
        steps = {16: 60, 32: 100, 64: 40}[batch]
        gib = 13 if batch == 64 and confirms else 8
        return Answer(step_s=0.1 * (1 + 0.002 * (seed % 2)), steps_to_target=steps, peak_memory_bytes=gib * GIB)

    scenario = lab.scenario(lab_text("training.global_batch: [16, 32, 64]"), "search.method=random", MOST)
    study = lab.tune(script, scenario, budget_s=budget_s).study
    found = study.recommendation
    again = [t for t in study.trials if t.role == "confirmation"]
    assert [t.overrides["training.global_batch"] for t in again[:2]] == [32, 64]
    assert again[1].breaches
    if budget_s > 1000:
        assert [t.overrides["training.global_batch"] for t in again[2:]] == [32, 16]
        assert (found.verdict, found.overrides) == ("faster", {"training.global_batch": 16})
        assert found.speedup is not None
        assert found.speedup.value == pytest.approx(100 / 60, rel=0.02)
        seeds = [r.seed for r in lab.requests if r.test_split and r.scenario.training.global_batch == 32]
        assert len(seeds) == len(set(seeds)) == 2 * again_repeats(lab)
    else:
        assert len(again) == 2
        assert (found.verdict, found.overrides) == ("insufficient-evidence", {"training.global_batch": 32})
        assert "the setup that was to replace it breaks a constraint" in found.reason


def again_repeats(lab: Lab) -> int:
    """How often the setup that broke it was confirmed."""
    return sum(r.test_split and r.scenario.training.global_batch == 64 for r in lab.requests)


def test_a_floor_on_a_metric_rules_setups_out(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        batch = scenario.training.global_batch
        return Answer(
            step_s=0.1, steps_to_target={16: 150, 32: 100, 64: 40}[batch], metrics={"f1_macro": 0.95 - batch / 1000}
        )

    scenario = lab.scenario(SCENARIO, "search.constraints.metric.f1_macro={at_least: 0.9}")
    study = lab.tune(script, scenario, budget_s=3000.0).study
    assert study.recommendation.overrides["training.global_batch"] != 64
    assert any("f1_macro 0.886 is below the 0.9" in b for t in study.trials for b in t.breaches)


@pytest.mark.parametrize("power_w", [None, 100.0])
def test_a_machine_that_does_not_tell_its_power_ends_the_search_after_the_baseline(
    lab: Lab, power_w: float | None
) -> None:
    scenario = lab.scenario(SCENARIO, "search.constraints.power_w=200.0")
    study = lab.tune(lambda *_: Answer(step_s=0.1, power_w=power_w), scenario, trials=3).study
    assert (len(lab.requests) == 1) == (power_w is None)
    if power_w is None:
        assert study.recommendation.verdict == "insufficient-evidence"
        assert "search.constraints.power_w" in study.recommendation.reason
    else:
        assert all(t.breaches == () for t in study.trials)


def test_the_search_goes_beyond_the_time_of_what_breaks_the_constraint(lab: Lab) -> None:
    """Only a setup that is half as fast as today's holds: its training is not cut at 1.5 times today's time."""

    def script(scenario: Scenario, seed: int) -> Answer:
        slow = scenario.training.attention == "eager"
        return Answer(step_s=0.2 if slow else 0.1, steps_to_target=100, peak_memory_bytes=(4 if slow else 14) * GIB)

    for method in ("factored", "tpe"):
        text = lab_text("training.attention: [auto, eager, sdpa]")
        found = lab.tune(script, lab.scenario(text, f"search.method={method}", MOST), budget_s=2000.0).study
        assert found.recommendation.overrides == {"training.attention": "eager"}, method
        assert math.isclose(found.recommendation.speedup.value, 0.5, rel_tol=0.02)
