"""Which settings matter is told by the model, else by Optuna; and Optuna's own tools open the study."""

from __future__ import annotations

import warnings

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchbench.executors.kinds.fake import Answer
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.proposals import JOURNAL
from tests.tuning.lab import Lab, lab_text

BATCH, RATE, PRECISION = "training.global_batch", "training.optimizer.learning_rate", "precision"
AXES = (
    f"{BATCH}: [16, 32, 64, 128]",
    f"{RATE}: {{low: 1.0e-4, high: 1.0e-2, log: true}}",
    f"{PRECISION}: [fp32, bf16]",
)


def batch_above_all(scenario: Scenario, seed: int) -> Answer:
    """Steps that halve with the batch; precision makes a tenth, the learning rate nothing."""
    step_s = 0.1 * (0.9 if scenario.precision == "bf16" else 1.0) * (1 + 0.002 * (seed % 2))
    return Answer(step_s=step_s, steps_to_target=6400 // scenario.training.global_batch)


@pytest.mark.parametrize(("method", "by"), [("factored", "model"), ("random", "ped-anova")])
def test_what_matters_most_stands_first_and_the_shares_are_parts_of_one(lab: Lab, method: str, by: str) -> None:
    scenario = lab.scenario(lab_text(*AXES), f"search.method={method}", "training.max_steps=1000")
    stored = lab.tune(batch_above_all, scenario, budget_s=4000.0, trials=25)
    found = stored.study.importance
    assert found is not None
    assert found.by == by
    if by == "model":  # Optuna's needs many more trials than a search makes
        assert next(iter(found.shares)) == BATCH
        assert found.shares[BATCH] > 0.5
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)
    document = stored.study.answer(None, None)
    assert document["importance"] == found.shares
    assert document["importance_by"] == by


def test_where_nothing_was_measured_nothing_is_said(lab: Lab) -> None:
    scenario = lab.scenario(lab_text(*AXES), "search.method=random")
    study = lab.tune(batch_above_all, scenario, budget_s=4000.0, trials=2).study
    assert study.importance is None
    assert study.answer(None, None)["importance"] is None


def test_optunas_own_importance_works_on_the_finished_study(lab: Lab) -> None:
    scenario = lab.scenario(lab_text(*AXES), "search.method=random", "training.max_steps=1000")
    stored = lab.tune(batch_above_all, scenario, budget_s=4000.0, trials=20)
    storage = JournalStorage(JournalFileBackend(str(stored.folder / JOURNAL)))
    study = optuna.load_study(study_name=stored.study.study, storage=storage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = optuna.importance.get_param_importances(study)
    assert set(shares) == {BATCH, RATE, PRECISION}
