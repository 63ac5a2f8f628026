"""What was measured before is used again, and said so; what confirms a claim is measured afresh."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchbench.executors.kinds.fake import Answer, FakeExecutor, Script
from benchbench.executors.machine_cache import MachineCache
from benchbench.executors.memory_boundary import MemoryBoundary
from benchbench.executors.rounds import Plan, measure
from benchbench.record.store import read_run, run_folders
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.feasible import Feasible
from benchbench.tuning.proposals import JOURNAL
from benchbench.tuning.reuse import KNOWN, Known, Memory, look_up, read_known
from benchbench.tuning.tune import TuneRequest, question_of
from tests.tuning.lab import MACHINE, SCENARIO, Lab, lab_text

AFTERWARDS = ("confirmation", "explanation", "neighbour")


def known(lab: Lab, scenario: Scenario | None = None, **request: object) -> Known:
    """What the results folder tells of a scenario's space."""
    asked = {"scenario": scenario or lab.scenario(), "budget_s": 600.0, "out": lab.out, "machine": MACHINE, **request}
    return look_up(lab.out, asked["machine"], question_of(TuneRequest(**asked)))  # type: ignore[arg-type]


def run_before(lab: Lab, changes: dict[str, object], answer: Answer, repeats: int = 3, **plan: object) -> None:
    """An ordinary run of a setup of the space, as `benchbench run` leaves it."""
    scenario = vary(lab.scenario(), {"measure.procedure": "time-to-target", **changes})
    asked = Plan(scenarios=[scenario], out=lab.out, machine=MACHINE, repeats=repeats, **plan)  # type: ignore[arg-type]
    measure(asked, FakeExecutor(lambda *_: answer))


def test_a_second_study_measures_nothing_again_but_what_confirms_its_claim(lab: Lab, planted: Script) -> None:
    first = lab.tune(planted, trials=5).study
    searched = [t for t in first.trials if t.role not in AFTERWARDS]
    second = lab.tune(planted, trials=3).study
    again = [t for t in second.trials if t.reused_from is not None]
    assert second.trials[0].role == "baseline"
    assert second.trials[0].reused_from is not None
    assert {t.run_id for t in searched} <= {t.reused_from for t in again}
    for trial in again:
        assert trial.started_s == trial.ended_s
        assert trial.run_id == trial.reused_from
        assert (trial.note or "").startswith(f"reused from {trial.reused_from}")
    fresh = [t for t in second.trials if t.reused_from is None and t.role not in AFTERWARDS]
    assert sum(second.counts().values()) == len(again) + len(fresh)
    assert second.answer(None, None)["reused"] == [t.reused_from for t in again]
    confirming = [r for r in lab.requests if r.test_split]
    assert confirming
    used = {
        r.seed for folder in run_folders(lab.out) if (run := read_run(folder)).study == first.study for r in run.repeats
    }
    assert not {r.seed for r in confirming} & used, "confirmed with seeds that no reused measurement had"
    assert [m.event for m in lab.moments].count("reused") == len(again)


def test_what_is_reused_does_not_count_for_the_number_of_trials(lab: Lab, planted: Script) -> None:
    scenario = lab.scenario(SCENARIO, "search.method=random")
    lab.tune(planted, scenario, trials=4)
    study = lab.tune(planted, scenario, trials=3).study
    searched = [t for t in study.trials if t.role not in AFTERWARDS]
    fresh = [t.overrides for t in searched if t.reused_from is None]
    assert len(fresh) == 3
    assert not [t for t in searched if t.reused_from is not None and t.overrides in fresh], "new ones"


def test_reuse_can_be_turned_off(lab: Lab, planted: Script) -> None:
    lab.tune(planted, trials=3)
    study = lab.tune(planted, lab.scenario(SCENARIO, "search.reuse=false"), trials=3).study
    assert not any(t.reused_from for t in study.trials)
    assert lab.requests[0].scenario.training.global_batch == 32
    assert not (lab.out / study.study / KNOWN).exists()


def test_an_ordinary_runs_repeats_are_measurements_of_the_space(lab: Lab) -> None:
    run_before(lab, {}, Answer(step_s=0.1, steps_to_target=100))
    found = known(lab)
    assert [one.role for one in found.measured] == ["baseline", "candidate", "candidate"]
    assert [len(one.run.repeats) for one in found.measured] == [1, 1, 1]
    assert {one.repeat.seed for one in found.measured} == {0, 1, 2}


@pytest.mark.parametrize(
    "answer",
    [Answer(outcome=Outcome.CRASHED), Answer(outcome=Outcome.OOM), Answer(outcome=Outcome.INVALID),
     Answer(foreign_cpus=1.9), Answer(interrupt=True)],
)  # fmt: skip
def test_what_did_not_end_well_or_was_disturbed_is_not_used(lab: Lab, answer: Answer) -> None:
    run_before(lab, {"precision": "bf16"}, answer)
    assert known(lab).measured == ()


@pytest.mark.parametrize(
    "changes",
    [{"target.at_least": 0.8}, {"training.max_steps": 399}, {"training.global_batch": 8}, {"measure.confidence": 0.9}],
)
def test_another_target_or_setting_or_a_value_outside_the_space_is_not_used(
    lab: Lab, changes: dict[str, object]
) -> None:
    run_before(lab, changes, Answer())
    assert known(lab).measured == ()


def test_another_machine_or_other_libraries_are_not_used(lab: Lab) -> None:
    run_before(lab, {}, Answer())
    for change in ({"cpu": "another"}, {"versions": {"torch": "3"}}, {"cpus_usable": 1}):
        assert known(lab, machine=MACHINE.model_copy(update=change)).measured == ()
    assert known(lab, machine=MACHINE.model_copy(update={"git_commit": "abc"})).measured


def test_a_training_that_a_deadline_cut_short_is_a_bound_and_no_baseline(lab: Lab) -> None:
    run_before(lab, {}, Answer(step_s=0.1, steps_to_target=300), repeats=1, deadline_s=5.0)
    (one,) = known(lab).measured
    assert one.role == "candidate"
    study = lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=300), trials=1).study
    first, bound = study.trials[:2]
    assert (first.role, first.reused_from) == ("baseline", None)
    assert bound.reused_from is not None
    assert bound.reached_target is False
    assert bound.objective is None


def test_what_an_earlier_study_cut_short_may_be_proposed_again(lab: Lab) -> None:
    text = lab_text("precision: [fp32, bf16]")
    scenario = lab.scenario(text, "search.method=random")
    short = vary(scenario, {"measure.procedure": "time-to-target", "precision": "bf16"})
    measure(
        Plan(scenarios=[short], out=lab.out, machine=MACHINE, repeats=1, deadline_s=2.0),
        FakeExecutor(lambda *_: Answer(step_s=0.1, steps_to_target=100)),
    )
    (folder,) = run_folders(lab.out)
    assert read_run(folder).repeats[0].facts["stopped_by_deadline"]
    lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=100), scenario)
    assert "bf16" in [r.scenario.precision for r in lab.requests if not r.test_split]


def test_a_probe_stands_for_a_probe(lab: Lab) -> None:
    probed = {"measure.procedure": "throughput", "measure.profile": False, "precision": "bf16"}
    run_before(lab, probed, Answer(step_s=0.1), repeats=1)
    (one,) = known(lab).measured
    assert (one.role, one.overrides["precision"]) == ("probe", "bf16")
    study = lab.tune(lambda *_: Answer(step_s=0.1), trials=1).study
    trial = study.trials[1]
    assert (trial.role, trial.objective) == ("probe", None)
    assert trial.step_s == pytest.approx(0.1)


def test_a_taken_up_study_goes_by_what_it_began_with(lab: Lab, planted: Script) -> None:
    run_before(lab, {"precision": "bf16"}, Answer(step_s=0.08, steps_to_target=120))
    calls = iter(range(100))

    def breaks(scenario: Scenario, seed: int) -> Answer:
        if next(calls) == 1:
            raise RuntimeError("killed")
        return planted(scenario, seed)

    with pytest.raises(RuntimeError):
        lab.tune(breaks, study="s")
    told = read_known(lab.out / ".s")
    assert len(told.measured) == 3
    run_before(lab, {"training.global_batch": 64}, Answer(step_s=0.1, steps_to_target=60))
    study = lab.tune(planted, study="s", resume=True).study
    assert [t.reused_from for t in study.trials if t.reused_from] == [one.run.id for one in told.measured]
    assert [t.role for t in study.trials[:4]] == ["baseline", "candidate", "candidate", "candidate"]
    assert len({t.number for t in study.trials if t.role not in AFTERWARDS}) == len(
        [t for t in study.trials if t.role not in AFTERWARDS]
    )


def test_the_baseline_is_told_first_and_all_else_when_it_is_there(lab: Lab) -> None:
    run_before(lab, {"precision": "bf16"}, Answer(), repeats=1)
    others = known(lab)
    assert list(Memory(others).due(begun=False)) == []
    assert [one.overrides["precision"] for one in Memory(others).due(begun=True)] == ["bf16"]
    run_before(lab, {}, Answer(), repeats=1)
    assert [one.role for one in Memory(known(lab)).due(begun=False)] == ["baseline", "candidate"]


def test_so_many_repeats_of_one_setup_and_no_more(lab: Lab) -> None:
    run_before(lab, {"precision": "bf16"}, Answer(), repeats=9)
    found = [one.repeat.index for one in known(lab).measured]
    assert found == [3, 4, 5, 6, 7, 8], "the newest, in the order of time"


def test_the_advice_of_a_similar_study_is_tried_right_after_the_baseline(lab: Lab, planted: Script) -> None:
    small = lab.tune(planted).study
    wider = lab_text(
        "training.global_batch: [16, 32, 48]", "precision: [fp32, bf16]", "training.attention: [auto, eager, sdpa]"
    )
    scenario = lab.scenario(wider, "model.size=base")

    def script(candidate: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1, steps_to_target=100)

    stored = lab.tune(script, scenario, trials=2)
    asked = lab.requests[1].scenario
    assert small.recommendation.overrides["training.global_batch"] == 64
    assert (asked.training.global_batch, asked.precision, asked.training.attention) == (48, "bf16", "sdpa"), "nearest"
    storage = JournalStorage(JournalFileBackend(str(stored.folder / JOURNAL)))
    whys = [t.user_attrs.get("why", "") for t in optuna.load_study(study_name=None, storage=storage).trials]
    assert any(f"{small.study} recommends it" in why for why in whys)


@pytest.mark.parametrize("change", ["task=masked-lm", "search.space.data.batching=[pad, bucket]"])
def test_a_study_of_another_task_or_of_other_keys_advises_nothing(lab: Lab, planted: Script, change: str) -> None:
    lab.tune(planted, trials=4)
    text = SCENARIO.replace("size: tiny", "size: base")
    assert known(lab, lab.scenario(text)).starts
    changes = [change, "target.metric=loss"] if change.startswith("task") else [change]
    if change.startswith("task"):
        text = text.replace("{metric: accuracy, at_least: 0.9", "{metric: loss, at_most: 0.9")
        changes = [change]
    assert known(lab, lab.scenario(text, *changes)).starts == ()


def test_a_study_of_more_keys_advises_nothing(lab: Lab, planted: Script) -> None:
    lab.tune(planted, trials=4)
    fewer = lab_text("training.global_batch: [16, 32, 64]", "precision: [fp32, bf16]")
    assert known(lab, lab.scenario(fewer, "model.size=base")).starts == ()


def test_a_damaged_study_or_file_is_passed_over(lab: Lab, planted: Script, tmp_path: Path) -> None:
    study = lab.tune(planted, trials=3)
    (study.folder / "study.json").write_text('{"scenario": 1}')
    scenario = lab.scenario(SCENARIO.replace("size: tiny", "size: base"))
    assert known(lab, scenario).starts == ()
    (tmp_path / KNOWN).write_text("{")
    assert read_known(tmp_path) == Known()
    assert read_known(tmp_path / "none") == Known()


def test_running_out_of_memory_in_one_study_prunes_the_next_ones(lab: Lab, tmp_path: Path) -> None:
    text = lab_text("training.micro_batch: [1, 2, 4, 8, 16, 32]", baseline="{training.micro_batch: 1}")
    scenario = lab.scenario(text, "search.method=tpe")

    def feasible() -> Feasible:
        boundary = MemoryBoundary(MachineCache("out_of_memory", tmp_path / "cache"))
        return Feasible(MACHINE, boundary, lambda _scenario: None, lambda: 2**33)

    def script(candidate: Scenario, _seed: int) -> Answer:
        runs_out = candidate.training.micro_batch >= 8
        return Answer(step_s=0.1, steps_to_target=50, outcome=Outcome.OOM if runs_out else Outcome.OK)

    first = lab.tune(script, scenario, budget_s=5000.0, feasible=feasible()).study
    assert any(t.outcome is Outcome.OOM for t in first.trials)
    smallest = min(t.overrides["training.micro_batch"] for t in first.trials if t.outcome is Outcome.OOM)
    second = lab.tune(script, scenario, budget_s=5000.0, seed=1, feasible=feasible()).study
    larger = [t for t in second.trials if t.overrides["training.micro_batch"] >= smallest]
    assert larger
    assert {t.outcome for t in larger} == {Outcome.REFUSED}
    assert all("ran out of" in t.failure.message for t in larger)
