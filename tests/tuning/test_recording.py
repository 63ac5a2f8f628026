"""What a study measured, written as a table that can be replayed."""

from pathlib import Path

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.executors.records import Row
from benchbench.executors.records_file import read
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.recording import keys_of, rows_of, write_records
from tests.tuning.lab import SCENARIO, Lab, planted_answer

BATCH = "training.global_batch"


def failing(scenario: Scenario, seed: int) -> Answer:
    if scenario.training.global_batch == 16:
        return Answer(outcome=Outcome.OOM)
    if scenario.training.global_batch == 64:
        return Answer(step_s=0.1, steps_to_target=None)
    return planted_answer(scenario, seed)


def test_a_study_is_recorded_with_its_confirmation(lab: Lab, tmp_path: Path) -> None:
    stored = lab.tune(planted_answer)
    file = tmp_path / "r.csv"
    count = write_records(stored.study.scenario, stored.runs, file)
    records = read(file)
    assert count == sum(len(rows) for rows in records.rows.values())
    winner = vary(stored.study.scenario, stored.study.recommendation.overrides)
    rows = records.of(winner)
    assert [row.seed for row in rows] == list(range(len(rows)))
    assert len(rows) >= 4
    first = rows[0]
    probed = {str(t.overrides) for t in stored.study.trials if t.role == "probe"}
    assert first.steps_to_target == 60.0
    assert (first.probe_cost_s is not None) == (str(stored.study.recommendation.overrides) in probed)
    assert first.warmup_s is not None
    assert first.step_s is not None
    assert first.time_to_target_s is not None
    assert first.time_to_target_s == pytest.approx(first.warmup_s + 60 * first.step_s)
    assert first.train_cost_s == pytest.approx(first.startup_s + first.time_to_target_s)


def test_failures_and_misses_are_rows_too(lab: Lab) -> None:
    stored = lab.tune(failing)
    keys = keys_of(stored.study.scenario)
    rows = rows_of(stored.runs, keys)
    found: dict[object, set[tuple[Outcome, bool]]] = {}
    for values, row in rows:
        found.setdefault(values[keys.index(BATCH)], set()).add((row.outcome, row.time_to_target_s is not None))
    assert found[16] == {(Outcome.OOM, False)}
    assert found[64] == {(Outcome.OK, False)}
    assert (Outcome.OK, True) in found[32]


def test_probes_are_recorded_and_join_the_trainings_of_their_seed(lab: Lab) -> None:
    scenario = lab.scenario(SCENARIO, "search.method=tpe")
    trained = lab.tune(planted_answer, scenario).runs
    probed = lab.tune(planted_answer, scenario, objective="throughput").runs
    keys = keys_of(scenario)
    alone = rows_of(probed, keys)
    assert all(row.train_cost_s is None and row.probe_cost_s is not None for _, row in alone)
    joined = rows_of((*trained, *probed), keys)
    both = [row for _, row in joined if row.train_cost_s is not None and row.probe_cost_s is not None]
    assert len(both) >= 10
    assert joined == rows_of((*trained, *probed), keys)


def test_the_baselines_own_settings_are_columns(lab: Lab) -> None:
    scenario = lab.scenario(
        "\n".join([
            "name: fake", "model: {family: bert, size: tiny}", "task: sequence-classification",
            "target: {metric: accuracy, at_least: 0.9, eval_every: 20}",
            "search: {baseline: {training.dropout: 0.2}, space: {precision: [fp32, bf16]}}",
        ])
    )  # fmt: skip
    assert keys_of(scenario) == ("precision", "training.dropout")
    values = [values for values, _ in rows_of(lab.tune(planted_answer, scenario).runs, keys_of(scenario))]
    assert ("fp32", 0.2) in values
    assert ("bf16", None) in values


def test_what_was_interrupted_says_nothing(lab: Lab) -> None:
    def script(_scenario: Scenario, _seed: int) -> Answer:
        return Answer(interrupt=len(lab.requests) == 3)

    stored = lab.tune(script)
    rows: list[Row] = [row for _, row in rows_of(stored.runs, keys_of(stored.study.scenario))]
    assert len(rows) == 2
    assert {row.outcome for row in rows} == {Outcome.OK}
