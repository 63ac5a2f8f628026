"""A baseline of which one training does not fit into the budget: said at once, the rest measured and predicted."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from benchbench import registry
from benchbench.errors import InputError
from benchbench.executors.kinds.fake import Answer, Script
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.records_file import read
from benchbench.record.store import run_folders
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from benchbench.tuning.tune import StoredStudy, TuneRequest, tune
from tests.tuning.lab import MACHINE, Lab, VirtualExecutor, lab_text

TEXT = lab_text("training.global_batch: [32, 64]", "training.attention: [auto, eager, sdpa]").replace(
    "max_steps: 400", "max_steps: 100000"
)
STEP_S = {"auto": 0.5, "eager": 0.7, "sdpa": 0.4}


def saturating(pace: float) -> Script:
    """0.9 is passed after about 2.2 times `pace` steps at batch 32, and half of that at 64, in quicker steps."""

    def script(scenario: Scenario, seed: int) -> Answer:
        own = pace * 32 / scenario.training.global_batch
        step_s = STEP_S[scenario.training.attention] * (1 + 0.01 * (seed % 2))
        return Answer(step_s=step_s, steps_to_target=None, curve=lambda step: 0.97 - 0.87 * 0.5 ** (step / own * 1.6))

    return script


def searched(lab: Lab, script: Script, budget_s: float = 600.0, method: str = "factored") -> StoredStudy:
    return lab.tune(script, lab.scenario(TEXT, f"search.method={method}"), budget_s=budget_s)


def test_it_is_said_at_once_and_in_the_warnings(lab: Lab) -> None:
    stored = searched(lab, saturating(2000))
    events = [(m.event, m.role) for m in lab.moments if m.event in ("end", "notice")]
    assert events[:2] == [("end", "baseline"), ("notice", "candidate")]
    (notice,) = [m.message for m in lab.moments if m.event == "notice"]
    (warning,) = [w.message for w in stored.study.warnings if w.code == "does-not-fit"]
    assert "does not fit into the budget" in warning
    assert warning in notice
    assert "its curve points to about" in warning


@pytest.mark.parametrize("method", registry.names(registry.METHODS))
def test_nothing_is_claimed_and_the_time_of_a_measured_setup_is_predicted(lab: Lab, method: str) -> None:
    stored = searched(lab, saturating(2000), method=method)
    found = stored.study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.time_to_target_s is None
    assert found.speedup is None
    assert found.run_ids
    assert set(found.run_ids) <= {t.run_id for t in stored.study.trials}
    assert found.step_s is not None
    assert "predicted" in found.reason
    predicted = found.predicted_time_to_target_s
    assert predicted is not None
    assert predicted.unit == "s"
    assert predicted.low is None or predicted.low < predicted.value
    (loaded,) = load(found.scenario_path)
    assert loaded.training.attention == found.overrides["training.attention"]


def test_the_quickest_steps_of_the_same_mathematics_are_recommended_and_the_prediction_is_near(lab: Lab) -> None:
    text = TEXT.replace("training.global_batch: [32, 64]", "hardware.threads: [null]")
    stored = lab.tune(saturating(700), lab.scenario(text), budget_s=600.0)
    found = stored.study.recommendation
    assert found.overrides["training.attention"] == "sdpa"
    truth_s = STEP_S["sdpa"] * next(s for s in range(1, 10_000) if 0.97 - 0.87 * 0.5 ** (s / 700 * 1.6) >= 0.9)
    assert found.predicted_time_to_target_s is not None
    assert found.predicted_time_to_target_s.value == pytest.approx(truth_s, rel=0.5)
    assert [t.role for t in stored.study.trials].count("candidate") == 0, "the baseline's curve is theirs too"


def test_curves_are_begun_under_equal_deadlines(lab: Lab) -> None:
    searched(lab, saturating(2000))
    trained = [r.deadline_s for r in lab.requests[1:] if r.scenario.measure.procedure == "time-to-target"]
    assert trained
    assert len(set(trained)) == 1
    probes = [r for r in lab.requests if r.scenario.measure.procedure == "throughput"]
    assert {r.scenario.training.attention for r in probes} == {"auto", "eager", "sdpa"}


def test_a_shade_of_the_baselines_learning_rate_is_not_what_a_curve_is_spent_on(lab: Lab) -> None:
    text = lab_text("training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-3, log: true}")
    lab.tune(saturating(2000), lab.scenario(text.replace("max_steps: 400", "max_steps: 100000")), budget_s=600.0)
    rates = [r.scenario.training.optimizer.learning_rate for r in lab.requests if r.deadline_s is not None]
    assert len(rates) == 3
    assert all(max(a, b) / min(a, b) > 1.3 for a, b in itertools.combinations(rates, 2))


def test_what_is_slower_by_prediction_than_the_baseline_is_not_recommended(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        answer = saturating(2000)(scenario, seed)
        same = (scenario.training.global_batch, scenario.training.attention) == (32, "auto")
        return answer if same else Answer(step_s=1.0, steps_to_target=None, curve=lambda step: 0.1 + 1e-5 * step)

    found = searched(lab, script).study.recommendation
    assert found.overrides == {"training.global_batch": 32, "training.attention": "auto"}
    assert found.verdict == "insufficient-evidence"


def test_a_setup_that_does_reach_is_searched_on_from_and_confirmed(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        quick = scenario.training.global_batch == 64
        return Answer(step_s=0.5, steps_to_target=40 if quick else 4000)

    stored = searched(lab, script)
    found = stored.study.recommendation
    assert found.overrides["training.global_batch"] == 64
    assert found.verdict == "insufficient-evidence"
    assert found.time_to_target_s is not None
    assert found.time_to_target_s.n == 3
    assert not [
        t for t in stored.study.trials if t.role == "confirmation" and t.overrides["training.global_batch"] == 32
    ]


def test_a_baseline_that_trained_through_and_missed_did_fit(lab: Lab) -> None:
    text = lab_text("training.global_batch: [16, 32]")
    stored = lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=None), lab.scenario(text), budget_s=2000.0)
    assert stored.study.recommendation.verdict == "target-not-reached"
    assert not [w for w in stored.study.warnings if w.code == "does-not-fit"]


def test_a_study_that_is_taken_up_goes_on_in_the_same_way(lab: Lab, tmp_path: Path) -> None:
    whole = searched(lab, saturating(2000))
    cut = Lab(out=tmp_path / "again")

    def killed(moment: Moment) -> None:
        cut.moments.append(moment)
        if sum(m.event == "end" for m in cut.moments) == 2:
            raise RuntimeError("killed")

    executor_of = Lab(out=tmp_path / "again", clock=cut.clock)
    scenario = cut.scenario(TEXT)
    executor = VirtualExecutor(saturating(2000), cut.clock)
    asked = TuneRequest(scenario=scenario, budget_s=600.0, out=cut.out, machine=MACHINE)
    with pytest.raises(RuntimeError, match="killed"):
        tune(asked, executor, killed, cut.clock)
    stored = executor_of.tune(saturating(2000), scenario, resume=True)
    told = [[(t.role, t.overrides) for t in study.study.trials] for study in (whole, stored)]
    assert told[0] == told[1]
    assert stored.study.recommendation.overrides == whole.study.recommendation.overrides


def table(tmp_path: Path, probe_cost_s: float = 5.0) -> Path:
    """Two attentions of one batch, whose trainings take 1000 and 800 s."""
    head = (
        "training.global_batch,training.attention,seed,outcome,step_s,probe_cost_s,startup_s,warmup_s,steps_to_target,"
        "time_to_target_s,train_cost_s,peak_memory_bytes"
    )
    rows = [
        f"{batch},{name},{seed},ok,{step_s},{probe_cost_s},2.0,0.0,2000,{2000 * step_s},{2000 * step_s + 2},1000000"
        for batch in (32, 64) for name, step_s in (("auto", 0.5), ("eager", 0.7), ("sdpa", 0.4)) for seed in range(3)
    ]  # fmt: skip
    file = tmp_path / "table.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def replayed(lab: Lab, file: Path, budget_s: float) -> StoredStudy:
    scenario = lab.scenario(TEXT)
    executor = ReplayExecutor(read(file), scenario)
    asked = TuneRequest(
        scenario=scenario,
        budget_s=budget_s,
        out=lab.out,
        machine=MACHINE,
        admit=executor.admit,
        replayed_from=str(file),
    )
    return tune(asked, executor, lab.moments.append, executor.clock)


def test_in_replay_the_step_times_say_what_can_be_said(lab: Lab, tmp_path: Path) -> None:
    stored = replayed(lab, table(tmp_path), 300.0)
    found = stored.study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.predicted_time_to_target_s is None, "no curve is in a table"
    assert found.overrides["training.attention"] == "sdpa"
    assert found.step_s is not None
    assert found.step_s.value == pytest.approx(0.4)
    assert "no curve tells" in found.reason
    assert stored.study.spent_s <= 300.0


def test_a_budget_in_which_no_probe_fits_is_refused_and_leaves_no_study(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not even one probe fits into 30.0 s: it takes 50.0 s") as refused:
        replayed(lab, table(tmp_path, probe_cost_s=50.0), 30.0)
    assert refused.value.key == "--budget"
    assert not list(lab.out.glob(".*"))
    assert run_folders(lab.out) == []


def test_a_budget_of_a_few_probes_gives_their_step_times(lab: Lab, tmp_path: Path) -> None:
    """The baseline is ended by the budget's share before its deadline, for starting up takes long beside it."""
    stored = replayed(lab, table(tmp_path, probe_cost_s=2.2), 10.0)
    assert stored.study.trials[0].outcome is Outcome.TIMEOUT
    assert stored.study.recommendation.verdict == "insufficient-evidence"
    assert stored.study.recommendation.step_s is not None


def test_a_machine_that_ends_everything_before_its_first_step_is_refused_too(lab: Lab) -> None:
    with pytest.raises(InputError, match="give several times as much"):
        searched(lab, lambda *_: Answer(outcome=Outcome.TIMEOUT))
