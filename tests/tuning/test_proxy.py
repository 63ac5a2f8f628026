"""`search.proxy`: setups are compared under it, and what it found is measured in the scenario itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.record.store import run_folders
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from benchbench.tuning.tune import StoredStudy, TuneRequest, tune
from tests.tuning.lab import MACHINE, Lab, VirtualExecutor, lab_text

SPEED = {"auto": 1.0, "eager": 1.5, "sdpa": 0.6}


def text(proxy: str = "{model.layers: 1, target.at_least: 0.8}") -> str:
    axes = lab_text("training.global_batch: [16, 32, 64]", "training.attention: [auto, eager, sdpa]")
    return axes.replace("  space:", f"  proxy: {proxy}\n  space:")


def answers(scenario: Scenario, seed: int) -> Answer:
    """Ten times as long without the proxy; the order of the setups is the same."""
    small = scenario.model is not None and scenario.model.layers == 1
    steps = {16: 160, 32: 100, 64: 60}[scenario.training.global_batch]
    step_s = (0.05 if small else 0.3) * SPEED[scenario.training.attention] * (1 + 0.004 * (seed % 3))
    return Answer(step_s=step_s, steps_to_target=steps)


def searched(lab: Lab, budget_s: float = 900.0, proxy: str = "{model.layers: 1, target.at_least: 0.8}") -> StoredStudy:
    return lab.tune(answers, lab.scenario(text(proxy)), budget_s=budget_s)


def test_the_search_is_under_the_proxy_and_the_claim_is_of_the_scenario_itself(lab: Lab) -> None:
    stored = searched(lab)
    found, trials = stored.study.recommendation, stored.study.trials
    assert found.verdict == "faster"
    assert found.overrides == {"training.global_batch": 64, "training.attention": "sdpa"}
    assert found.time_to_target_s is not None
    assert found.time_to_target_s.value == pytest.approx(60 * 0.3 * 0.6, rel=0.02)
    assert found.time_to_target_s.n >= 3
    assert [t.role for t in trials if t.under_proxy].count("baseline") == 1
    assert [t.role for t in trials if not t.under_proxy].count("baseline") == 1
    small = [r for r in lab.requests if r.scenario.model is not None and r.scenario.model.layers == 1]
    assert {r.scenario.target.at_least for r in small if r.scenario.target is not None} == {0.8}
    assert len(small) == sum(t.under_proxy for t in trials)
    assert not any(t.under_proxy for t in trials if t.role == "confirmation")


def test_the_recommended_file_is_the_scenario_and_not_its_proxy(lab: Lab) -> None:
    (loaded,) = load(searched(lab).study.recommendation.scenario_path)
    assert loaded.model is not None
    assert loaded.model.layers is None
    assert loaded.target is not None
    assert loaded.target.at_least == 0.9
    assert loaded.training.attention == "sdpa"


def test_the_rank_agreement_is_measured_over_baseline_finalist_and_some_more(lab: Lab) -> None:
    stored = searched(lab)
    proxy = stored.study.proxy
    assert proxy is not None
    assert proxy.overrides == {"model.layers": 1, "target.at_least": 0.8}
    assert proxy.kendall_tau == 1.0
    assert proxy.compared == "time_to_target_s"
    assert len(proxy.points) >= 2
    document = json.loads(json.dumps(stored.study.answer(None, None)))["proxy"]
    assert document["kendall_tau"] == 1.0
    assert set(document["points"][0]) == {"overrides", "under_proxy", "real"}


def test_a_proxy_that_orders_them_wrongly_is_found_out_and_the_baseline_kept(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        small = scenario.model is not None and scenario.model.layers == 1
        quick = (scenario.training.attention == "sdpa") == small
        return Answer(step_s=0.1 if quick else 0.2, steps_to_target=100)

    stored = lab.tune(script, lab.scenario(text("{model.layers: 1}")), budget_s=900.0)
    assert stored.study.proxy is not None
    assert stored.study.proxy.kendall_tau is not None
    assert stored.study.proxy.kendall_tau < 0
    assert stored.study.recommendation.overrides["training.attention"] != "sdpa"
    assert stored.study.recommendation.verdict != "faster"


def test_where_the_budget_pays_for_no_whole_training_the_time_is_predicted_from_what_it_pays_for(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        answer = answers(scenario, seed)
        if scenario.model is not None and scenario.model.layers == 1:
            return answer
        pace = 40.0 * (answer.steps_to_target or 1)
        return Answer(
            step_s=answer.step_s, steps_to_target=None, curve=lambda step: 0.97 - 0.87 * 0.5 ** (step / pace * 2)
        )

    long = text().replace("max_steps: 400", "max_steps: 100000")
    stored = lab.tune(script, lab.scenario(long), budget_s=900.0)
    found = stored.study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.overrides == {"training.global_batch": 64, "training.attention": "sdpa"}
    assert found.predicted_time_to_target_s is not None
    assert found.time_to_target_s is None
    assert found.speedup is None
    assert stored.study.proxy is not None
    assert stored.study.proxy.compared == "step_s"
    assert len(stored.study.proxy.points) > 2, "what was left pays for probes"
    assert stored.study.spent_s <= 900.0 * 1.05


def test_a_study_that_is_taken_up_measures_nothing_twice(lab: Lab, tmp_path: Path) -> None:
    whole = searched(lab)
    cut = Lab(out=tmp_path / "again")
    scenario = cut.scenario(text())
    stages = sum(t.under_proxy for t in whole.study.trials)

    def killed(moment: Moment) -> None:
        cut.moments.append(moment)
        if sum(m.event == "end" for m in cut.moments) == stages + 1:
            raise RuntimeError("killed in the first real training's end")

    asked = TuneRequest(scenario=scenario, budget_s=900.0, out=cut.out, machine=MACHINE)
    with pytest.raises(RuntimeError, match="killed"):
        tune(asked, VirtualExecutor(answers, cut.clock), killed, cut.clock)
    stored = Lab(out=cut.out, clock=cut.clock).tune(answers, scenario, budget_s=900.0, resume=True)
    told = [[(t.role, t.overrides, t.under_proxy) for t in s.study.trials] for s in (whole, stored)]
    assert told[0] == told[1]
    assert len(run_folders(cut.out)) == len(run_folders(lab.out))


def test_without_a_proxy_nothing_is_said_of_one(lab: Lab) -> None:
    assert lab.tune(answers, lab.scenario(text("{}")), budget_s=900.0).study.proxy is None
