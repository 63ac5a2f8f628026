from __future__ import annotations

import json
import math
from pathlib import Path

import optuna
import pytest

from benchbench import registry
from benchbench.errors import InputError, UnsupportedError
from benchbench.executors.kinds.fake import Answer, Script
from benchbench.record.store import read_run, run_folders
from benchbench.record.study_store import StudyBegun, StudyDraft, read_study, study_folders
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from benchbench.tuning.proposals import JOURNAL
from benchbench.tuning.tune import TuneRequest, question_of
from tests.tuning.lab import MACHINE, SCENARIO, Lab, faster_when, lab_text

BLACK_BOX = "search.method=tpe"
KEYS = ["training.global_batch", "precision", "training.attention"]
BEST = {"training.global_batch": 64, "precision": "bf16", "training.attention": "sdpa"}


AFTERWARDS = ("confirmation", "explanation")


def test_the_baseline_is_measured_first_and_the_planted_optimum_is_recommended(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted)
    first = lab.requests[0].scenario
    assert (first.training.global_batch, first.precision, first.training.attention) == (32, "fp32", "auto")
    assert first.measure.procedure == "time-to-target"
    found = stored.study.recommendation
    assert found.overrides == BEST
    assert found.verdict == "faster"
    assert found.speedup.value == pytest.approx(120 / (60 * 0.8 * 0.9), rel=0.02)
    assert 1 < found.speedup.low <= found.speedup.value <= found.speedup.high
    assert found.time_to_target_s.n == 3
    assert found.reach_rate == 1.0


def test_the_test_split_is_scored_in_the_confirmation_alone(lab: Lab, planted: Script) -> None:
    study = lab.tune(planted).study
    searched = sum(trial.role not in AFTERWARDS for trial in study.trials)
    confirmed = 2 * study.recommendation.time_to_target_s.n
    assert [n for n, r in enumerate(lab.requests) if r.test_split] == [*range(searched, searched + confirmed)]


def test_what_is_expected_of_a_training_is_kept_beside_what_it_took(lab: Lab, planted: Script) -> None:
    study = lab.tune(planted).study
    trained = [t for t in study.trials if t.role == "candidate" and t.objective is not None]
    assert trained
    assert all(t.predicted is not None for t in trained)
    last = trained[-1]
    assert last.predicted == pytest.approx(last.objective, rel=0.5)
    assert {t.predicted for t in study.trials if t.role in ("baseline", "probe", *AFTERWARDS)} == {None}
    again = lab.tune(planted, lab.scenario(SCENARIO, BLACK_BOX)).study
    assert {t.predicted for t in again.trials} == {None}, "a black box expects nothing"


def test_a_finite_space_is_searched_once_through_and_the_search_says_so(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted, lab.scenario(SCENARIO, BLACK_BOX), budget_s=10_000)
    assert stored.study.stopped == "every setup of the space was measured"
    searched = [t for t in stored.study.trials if t.role not in AFTERWARDS]
    assert len(searched) == 18
    assert len({json.dumps(t.overrides, sort_keys=True) for t in searched}) == 18
    assert stored.study.counts()["ok"] == 18
    assert lab.clock.now_s < 10_000


def test_the_optimum_of_three_knobs_is_found_without_measuring_most_of_them(lab: Lab) -> None:
    text = lab_text(
        "training.global_batch: [8, 16, 32, 64, 128]",
        "training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-2, log: true}",
        "training.optimizer.weight_decay: {low: 0.0, high: 0.4, step: 0.1}",
    )

    def script(scenario: Scenario, seed: int) -> Answer:
        o = scenario.training.optimizer
        away = (
            abs(math.log10(o.learning_rate) + 3) + abs(math.log2(scenario.training.global_batch / 64)) + o.weight_decay
        )
        return Answer(step_s=0.1, steps_to_target=20 + int(60 * away))

    stored = lab.tune(script, lab.scenario(text), budget_s=1500.0, trials=45)
    found = stored.study.recommendation.overrides
    assert found["training.global_batch"] in (64, 32, 128)
    assert 10**-3.6 < found["training.optimizer.learning_rate"] < 10**-2.4
    assert stored.study.recommendation.verdict == "faster"


def test_every_measurement_is_an_ordinary_run_that_show_finds(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted, trials=4)
    runs = {folder.name: read_run(folder) for folder in run_folders(lab.out)}
    named = {t.run_id for t in stored.study.trials}
    assert named == set(runs)
    assert set(stored.study.recommendation.run_ids) <= named
    assert set(stored.study.baseline.run_ids) <= named
    confirmed = [run for run in runs.values() if len(run.repeats) == 3]
    assert len(confirmed) == 2
    searched = {r.seed for run in runs.values() if len(run.repeats) == 1 for r in run.repeats}
    assert all(r.seed not in searched for run in confirmed for r in run.repeats), "confirmed with fresh seeds"
    assert [[r.order // 2 for r in run.repeats] for run in confirmed] == [[0, 1, 2]] * 2, "in rounds of both"


def test_the_recommended_file_loads_as_the_scenario_with_the_overrides_and_its_own_measure(
    lab: Lab, planted: Script
) -> None:
    scenario = lab.scenario()
    stored = lab.tune(planted, scenario)
    (loaded,) = load(stored.study.recommendation.scenario_path)
    assert loaded == vary(scenario, BEST)
    assert loaded.measure.procedure == "throughput"
    assert loaded.search == scenario.search


def test_the_study_folder_is_whole(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted, trials=3)
    assert {JOURNAL, "recommended.yaml", "study.json"} <= {p.name for p in stored.folder.iterdir()}
    assert read_study(stored.folder) == stored.study
    assert study_folders(lab.out) == [stored.folder]
    assert not [p for p in lab.out.iterdir() if p.name.startswith(".")]


def test_the_document_has_the_keys_of_the_contract(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted)
    document = json.loads(json.dumps(stored.study.answer("results/x", None), allow_nan=False))
    wanted = {
        "schema", "study", "dir", "report", "budget_s", "spent_s", "trials", "baseline", "recommendation",
        "attribution", "economics",
    }  # fmt: skip
    assert wanted <= set(document)
    assert set(document["trials"]) == {
        "ok", "refused", "oom", "timeout", "crashed", "diverged", "interrupted", "invalid",
    }  # fmt: skip
    assert {"overrides", "time_to_target_s", "run_ids"} <= set(document["baseline"])
    assert document["baseline"]["overrides"] == {}
    assert {
        "verdict", "overrides", "scenario_path", "time_to_target_s", "predicted_time_to_target_s", "step_s", "speedup",
        "reach_rate", "tied_with", "run_ids",
    } <= set(document["recommendation"])  # fmt: skip
    assert list(document["recommendation"]["overrides"]) == KEYS
    assert set(document["economics"]) == {"search_s", "saved_per_training_s", "break_even_trainings"}
    estimate = document["recommendation"]["step_s"]
    assert set(estimate) == {"value", "low", "high", "confidence", "n", "unit"}


def test_the_economics_count_the_whole_search(lab: Lab, planted: Script) -> None:
    study = lab.tune(planted).study
    price = study.economics
    assert price.search_s == study.spent_s == pytest.approx(lab.clock.now_s - 100.0)
    saved_s = study.baseline.time_to_target_s.value - study.recommendation.time_to_target_s.value
    assert price.saved_per_training_s == pytest.approx(saved_s)
    assert price.break_even_trainings == pytest.approx(price.search_s / saved_s)


def test_one_knob_that_differs_has_the_whole_speedup(lab: Lab) -> None:
    text = lab_text("precision: [fp32, bf16]")
    script = faster_when(lambda s: s.precision == "bf16")
    study = lab.tune(script, lab.scenario(text)).study
    (part,) = study.attribution
    assert (part.lever.value, part.key, part.before, part.after) == ("software", "precision", "fp32", "bf16")
    assert part.speedup == study.recommendation.speedup


def test_several_knobs_that_differ_are_told_apart_by_measuring(lab: Lab, planted: Script) -> None:
    study = lab.tune(planted).study
    parts = {part.key: part.speedup.value for part in study.attribution}
    assert parts["precision"] == pytest.approx(1 / 0.8, rel=0.05)
    assert parts["training.attention"] == pytest.approx(1 / 0.9, rel=0.05)
    assert parts["training.global_batch"] == pytest.approx(2.0, rel=0.05)
    assert [t.role for t in study.trials].count("explanation") == len(parts) - 1


@pytest.mark.parametrize("method", registry.names(registry.METHODS))
def test_impossible_combinations_are_never_proposed(lab: Lab, method: str) -> None:
    text = lab_text("training.global_batch: [32, 48]", "training.micro_batch: [16, 32]", "parallelism.tensor: [1, 2]")
    scenario = lab.scenario(text, f"search.method={method}")
    stored = lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=100), scenario, budget_s=5000.0)
    proposed = [t.overrides for t in stored.study.trials if t.role in ("candidate", "probe")]
    sizes = {(o["training.global_batch"], o["training.micro_batch"]) for o in proposed}
    possible = {(32, 16), (32, 32), (48, 16)}
    assert sizes <= possible, "48 is not divisible by 32"
    assert {o["parallelism.tensor"] for o in proposed} == {1}, "there is one device"
    assert stored.study.counts()["refused"] == 0
    assert (stored.study.stopped == "every setup of the space was measured") == (method != "factored")
    assert sizes == possible or method == "factored"


def test_a_black_box_measures_nothing_twice_but_to_confirm(lab: Lab) -> None:
    text = lab_text("training.global_batch: [16, 32]", "training.dropout: [null, 0.1, 0.2]")
    scenario = lab.scenario(text, BLACK_BOX)
    lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=100), scenario, budget_s=5000.0)
    searched = [r.scenario.key for r in lab.requests if r.index == 0]
    assert len(searched) == len(set(searched)) == 6


def test_no_setup_is_trained_twice_with_one_seed(lab: Lab) -> None:
    text = lab_text("training.global_batch: [16, 32]", "training.dropout: [null, 0.1, 0.2]")

    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1, steps_to_target=80 + (seed * 37) % 40 - scenario.training.global_batch)

    lab.tune(script, lab.scenario(text), budget_s=5000.0)
    asked = [(r.scenario, r.seed) for r in lab.requests]
    assert len(asked) == len(set(asked)) > 8


def test_a_baseline_outside_the_space_is_measured_first_and_the_whole_space_after_it(lab: Lab) -> None:
    text = lab_text("training.global_batch: [16, 64]", baseline="{training.global_batch: 48, training.max_steps: 300}")
    stored = lab.tune(faster_when(lambda s: s.training.global_batch == 64), lab.scenario(text))
    assert lab.requests[0].scenario.training.global_batch == 48
    assert lab.requests[0].scenario.training.max_steps == 300
    assert {r.scenario.training.global_batch for r in lab.requests} == {16, 48, 64}
    assert stored.study.baseline.overrides == {"training.global_batch": 48, "training.max_steps": 300}
    assert stored.study.recommendation.overrides == {"training.global_batch": 64}
    assert stored.study.attribution == (), "max_steps differs too"


@pytest.mark.parametrize("method", registry.names(registry.METHODS))
def test_what_is_slower_than_the_baseline_is_never_recommended(lab: Lab, method: str) -> None:
    text = lab_text("training.global_batch: [16, 32, 64]")
    scenario = lab.scenario(text, f"search.method={method}")
    stored = lab.tune(faster_when(lambda s: s.training.global_batch == 32), scenario)
    found = stored.study.recommendation
    assert found.overrides == {"training.global_batch": 32}
    whole = stored.study.stopped == "every setup of the space was measured"
    assert whole or method == "factored"
    assert found.verdict == ("tie" if whole else "insufficient-evidence")
    assert found.speedup.value == 1.0
    assert found.time_to_target_s.n == 3, "what is recommended was confirmed, be it the baseline"
    (loaded,) = load(found.scenario_path)
    assert loaded == scenario
    assert stored.study.economics.break_even_trainings is None


def test_a_part_of_the_space_that_was_slower_settles_nothing(lab: Lab) -> None:
    """The same script as above, ended before the space was: the best may lie in the rest."""
    text = lab_text("training.global_batch: [16, 32, 64]")
    script = faster_when(lambda s: s.training.global_batch == 32)
    found = lab.tune(script, lab.scenario(text), trials=2).study.recommendation
    assert found.overrides == {"training.global_batch": 32}
    assert found.verdict == "insufficient-evidence"
    assert (found.speedup.value, found.speedup.low) == (1.0, None)


def test_a_finalist_that_was_lucky_once_loses_to_the_baseline(lab: Lab) -> None:
    text = lab_text("training.global_batch: [16, 32]")

    def script(scenario: Scenario, seed: int) -> Answer:
        lucky = scenario.training.global_batch == 16 and seed == 0
        return Answer(step_s=0.1, steps_to_target=20 if lucky else 160 if scenario.training.global_batch == 16 else 100)

    found = lab.tune(script, lab.scenario(text)).study.recommendation
    assert found.overrides == {"training.global_batch": 32}
    assert found.verdict == "tie"


@pytest.mark.parametrize("method", ["factored", "tpe"])
def test_failed_trials_are_counted_and_do_not_stop_the_search(lab: Lab, method: str) -> None:
    ends = {
        (16, "fp32"): Outcome.OOM, (16, "bf16"): Outcome.CRASHED, (64, "fp32"): Outcome.DIVERGED,
        (64, "bf16"): Outcome.INVALID, (128, "fp32"): Outcome.TIMEOUT,
    }  # fmt: skip
    text = lab_text("training.global_batch: [16, 32, 64, 128]", "precision: [fp32, bf16]")

    def script(scenario: Scenario, seed: int) -> Answer:
        outcome = ends.get((scenario.training.global_batch, scenario.precision), Outcome.OK)
        fast = (scenario.training.global_batch, scenario.precision) == (128, "bf16")
        return Answer(step_s=0.1, steps_to_target=50 if fast else 100, outcome=outcome)

    study = lab.tune(script, lab.scenario(text, f"search.method={method}")).study
    searched = [trial.outcome for trial in study.trials if trial.role not in AFTERWARDS]
    assert study.counts() == {outcome.value: searched.count(outcome) for outcome in Outcome}
    failed = len(searched) - searched.count(Outcome.OK)
    assert failed == 5 if method == "tpe" else failed >= 1
    assert study.recommendation.overrides == {"training.global_batch": 128, "precision": "bf16"}
    assert study.recommendation.verdict == "faster"


@pytest.mark.parametrize("method", ["factored", "tpe"])
def test_optunas_storage_tells_what_became_of_every_trial(lab: Lab, method: str) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        outcome = Outcome.OOM if scenario.training.global_batch == 64 else Outcome.OK
        missed = scenario.training.attention == "eager"
        return Answer(step_s=0.1, steps_to_target=None if missed else 100, outcome=outcome)

    stored = lab.tune(script, lab.scenario(SCENARIO, f"search.method={method}"))
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(stored.folder / JOURNAL)))
    study = optuna.load_study(study_name=stored.study.study, storage=storage)
    ours = {t.number: t for t in stored.study.trials if t.role != "confirmation"}
    assert len(study.trials) == len(ours)
    assert (method == "factored") == any(t.role == "probe" for t in ours.values())
    for trial in study.trials:
        mine = ours[trial.number]
        assert trial.user_attrs["overrides"] == mine.overrides
        assert trial.user_attrs["outcome"] == mine.outcome.value
        assert trial.user_attrs["run_id"] == mine.run_id
        assert trial.state.name == ("COMPLETE" if mine.objective is not None else "PRUNED")
        assert (trial.value if trial.state.name == "COMPLETE" else None) == mine.objective
        assert any(v > 0 for v in trial.constraints.values()) == (mine.objective is None and mine.role != "probe")
        assert trial.user_attrs["reading"]["trained"] is (mine.role != "probe")
    ooms = [t for t in study.trials if t.user_attrs["outcome"] == "oom"]
    misses = [t for t in study.trials if t.user_attrs["outcome"] == "ok" and t.state.name == "PRUNED"]
    if method == "tpe":  # the other learns of both from probes
        assert min(sum(t.constraints.values()) for t in ooms) > max(sum(t.constraints.values()) for t in misses)
    assert ooms
    assert all(t.user_attrs["failure"] for t in ooms)
    assert study.best_trial.value == min(t.objective for t in ours.values() if t.objective is not None)


def test_when_nothing_reaches_the_target_the_closest_is_given_and_nothing_is_claimed(lab: Lab) -> None:
    stored = lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=None))
    found = stored.study.recommendation
    assert found.verdict == "target-not-reached"
    assert found.time_to_target_s is None
    assert found.speedup is None
    assert found.step_s.value == pytest.approx(0.1)
    assert found.reach_rate == 0.0
    assert (lab.out / stored.study.study / "recommended.yaml").is_file()


def test_a_setup_that_reaches_where_the_baseline_never_does_is_given_without_a_speedup(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1, steps_to_target=60 if scenario.training.global_batch == 64 else None)

    text = lab_text("training.global_batch: [16, 32, 64]")
    found = lab.tune(script, lab.scenario(text), budget_s=2000.0).study.recommendation
    assert found.overrides == {"training.global_batch": 64}
    assert found.verdict == "insufficient-evidence"
    assert found.speedup is None
    assert found.time_to_target_s.value == pytest.approx(6.0)
    assert "baseline" in found.reason


def test_a_difference_that_drowns_in_the_noise_is_not_claimed(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        steps = 100 if scenario.training.global_batch == 32 else 90
        return Answer(step_s=0.1, steps_to_target=steps + (seed * 37) % 50)

    text = lab_text("training.global_batch: [32, 64]")
    found = lab.tune(script, lab.scenario(text)).study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.speedup.low < 1 < found.speedup.high


def test_throughput_is_seconds_a_sample(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1 + 0.001 * scenario.training.global_batch + 1e-5 * seed)

    stored = lab.tune(script, objective="throughput")
    assert stored.study.objective == "throughput"
    assert {r.scenario.measure.procedure for r in lab.requests} == {"throughput"}
    assert all(r.deadline_s is None for r in lab.requests)
    found = stored.study.recommendation
    assert found.overrides["training.global_batch"] == 64
    assert found.verdict == "faster"
    assert found.speedup.value == pytest.approx((0.132 / 32) / (0.164 / 64), rel=1e-3)
    assert found.time_to_target_s is None
    assert found.reach_rate is None


def test_without_a_target_throughput_is_searched(lab: Lab) -> None:
    text = "\n".join(line for line in lab_text("precision: [fp32, bf16]").splitlines() if "target" not in line)
    assert lab.tune(lambda *_: Answer(), lab.scenario(text)).study.objective == "throughput"


def test_the_number_of_trials_counts_what_was_measured(lab: Lab) -> None:
    stored = lab.tune(lambda *_: Answer(step_s=0.1), trials=5)
    assert len([r for r in lab.requests if r.index == 0]) == 5
    assert sum(stored.study.counts().values()) == 5
    assert "--trials" in stored.study.stopped


def test_refusals_do_not_count_as_measured_whoever_refuses(lab: Lab) -> None:
    text = lab_text("training.global_batch: [8, 16, 32, 48, 64]", "training.micro_batch: [16, 32]")

    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1, outcome=Outcome.REFUSED if scenario.training.global_batch == 64 else Outcome.OK)

    stored = lab.tune(script, lab.scenario(text, BLACK_BOX), trials=5)
    assert stored.study.counts()["ok"] == 5, "the baseline, 16/16, 32/16, 32/32, 48/16"
    assert stored.study.counts()["refused"] == len([t for t in stored.study.trials if t.outcome is Outcome.REFUSED]) > 0
    assert all(t.run_id is not None for t in stored.study.trials if t.outcome is Outcome.REFUSED), "by the executor"


def test_ten_failures_from_the_start_end_it(lab: Lab) -> None:
    stored = lab.tune(lambda *_: Answer(outcome=Outcome.CRASHED), budget_s=5000.0)
    assert len(lab.requests) == 10
    assert "failed" in stored.study.stopped
    assert stored.study.recommendation.verdict == "target-not-reached"
    assert stored.study.recommendation.step_s is None


def test_twenty_crashes_in_a_row_end_it_and_what_was_measured_before_stands(lab: Lab) -> None:
    text = lab_text("training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-4}")

    def script(scenario: Scenario, seed: int) -> Answer:
        outcome = Outcome.OK if len(lab.requests) <= 3 else Outcome.CRASHED
        return Answer(step_s=0.1, outcome=outcome)

    stored = lab.tune(script, lab.scenario(text), budget_s=5000.0)
    assert stored.study.counts()["ok"] == 3
    assert stored.study.counts()["crashed"] == 20
    assert "crashed" in stored.study.stopped
    assert stored.study.recommendation.verdict == "insufficient-evidence"


def test_a_space_of_refusals_alone_is_wrong_input(lab: Lab) -> None:
    def refuse(scenario: Scenario) -> None:
        if scenario.training.optimizer.learning_rate != 5e-5:
            raise UnsupportedError("not here")

    text = lab_text("training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-4}")
    with pytest.raises(InputError, match=r"no combination .* refused: .*not here"):
        lab.tune(lambda *_: Answer(step_s=0.1), lab.scenario(text), admit=refuse)
    assert not list(lab.out.iterdir())


def test_the_same_seed_searches_the_same_way(lab: Lab, planted: Script, tmp_path: Path) -> None:
    asked = lab.scenario(SCENARIO, "search.reuse=false")
    first = lab.tune(planted, asked, trials=8, seed=3).study
    again = lab.tune(planted, asked, trials=8, seed=3).study
    other = lab.tune(planted, asked, trials=8, seed=4).study
    order = [[t.overrides for t in s.trials] for s in (first, again, other)]
    assert order[0] == order[1] != order[2]


def test_a_watcher_is_told_what_runs_the_best_so_far_and_the_time_left(lab: Lab, planted: Script) -> None:
    lab.tune(planted, trials=3)
    first, *_ = lab.moments
    assert first == Moment(
        event="start", role="baseline", number=0, left_s=600.0, best=None,
        overrides={"training.global_batch": 32, "precision": "fp32", "training.attention": "auto"},
    )  # fmt: skip
    ends = [m for m in lab.moments if m.event == "end" and m.role != "confirmation"]
    assert ends[0].best == ends[0].value == pytest.approx(12.0, rel=0.01)
    assert [m.left_s for m in ends] == sorted((m.left_s for m in ends), reverse=True)
    assert any(m.event == "progress" for m in lab.moments)
    assert any(m.role == "confirmation" and "1 of 3" in m.message for m in lab.moments)
    assert [m.message for m in lab.moments if m.event == "stop"] == ["as many setups were measured as --trials allows"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"objective": "cost"}, "price_per_hour"),
        ({"objective": "speed"}, "throughput"),
        ({"study": "../x"}, "folder"),
        ({"study": ".x"}, "folder"),
    ],
)
def test_wrong_requests_are_refused_and_nothing_is_created(lab: Lab, wrong: dict[str, str], says: str) -> None:
    scenario = lab.scenario()
    with pytest.raises(InputError, match=says):
        lab.tune(lambda *_: Answer(), scenario, **wrong)
    assert list(lab.out.iterdir()) == []


def test_a_scenario_without_a_space_is_told_what_to_write(lab: Lab) -> None:
    text = lab_text().partition("search:")[0]
    with pytest.raises(InputError, match=r"search:\n  space:"):
        lab.tune(lambda *_: Answer(), lab.scenario(text))


def test_time_without_a_target_is_refused(lab: Lab) -> None:
    text = "\n".join(line for line in lab_text("precision: [fp32, bf16]").splitlines() if "target" not in line)
    with pytest.raises(InputError, match="target"):
        lab.tune(lambda *_: Answer(), lab.scenario(text), objective="time")


def test_a_name_is_used_once(lab: Lab, planted: Script) -> None:
    stored = lab.tune(planted, trials=2, study="mine")
    assert stored.folder == lab.out / "mine"
    with pytest.raises(InputError, match="already"):
        lab.tune(planted, trials=2, study="mine")


def test_an_unfinished_study_is_not_written_over(lab: Lab, planted: Script) -> None:
    begun = StudyBegun(
        scenario=lab.scenario(), objective="time", seed=0, created_at="2026-01-31T00:00:00.000+00:00", machine=MACHINE
    )
    draft = StudyDraft(lab.out, "mine")
    draft.begin(begun)
    draft.leave()
    with pytest.raises(InputError, match="--resume"):
        lab.tune(planted, study="mine")


def test_a_study_that_was_killed_before_it_began_anything_is_begun(lab: Lab, planted: Script) -> None:
    (lab.out / ".mine").mkdir(parents=True)
    assert lab.tune(planted, study="mine").folder == lab.out / "mine"


def test_a_baseline_that_cannot_run_here_is_refused_before_anything_is_created(lab: Lab) -> None:
    scenario = lab.scenario()

    def refuse(_scenario: Scenario) -> None:
        raise UnsupportedError("no such device here")

    request = TuneRequest(scenario=scenario, budget_s=60.0, out=lab.out, machine=MACHINE, admit=refuse)
    with pytest.raises(UnsupportedError):
        question_of(request)


def test_a_warning_of_a_run_says_whose_it_is(lab: Lab) -> None:
    def noisy(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=(0.02 if scenario.precision == "bf16" else 0.1) * (1 + 0.5 * (seed % 3)))

    study = lab.tune(noisy, lab.scenario(lab_text("precision: [fp32, bf16]"))).study
    told = [warning.message for warning in study.warnings if warning.code == "noisy"]
    assert any(message.startswith("of the baseline: ") for message in told)
    assert any(message.startswith("of the recommendation: ") for message in told)
