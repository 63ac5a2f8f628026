"""Whether a claim holds: from a study, by fresh runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbench.errors import InputError
from benchbench.executors.kinds.fake import Answer, FakeExecutor, Script
from benchbench.executors.rounds import Plan, measure
from benchbench.record.machine import Machine
from benchbench.record.store import read_run
from benchbench.record.study import Study
from benchbench.record.types import Outcome, Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import ratio
from benchbench.tuning import claims
from benchbench.tuning.claims import Case
from benchbench.tuning.verification import Verification, _judged_speedup, other_machine, verify
from tests.tuning.lab import MACHINE, Lab, lab_text

ELSEWHERE = MACHINE.model_copy(update={"cpu": "another CPU"})
AXIS = "training.global_batch: [32, 64]"
THROUGHPUT = "\n".join(line for line in lab_text(AXIS).splitlines() if not line.startswith("target"))


def at(fast_steps: int | None, slow_steps: int | None = 100, noise: float = 0.002, step_s: float = 0.1) -> Script:
    """So many steps to target at batch 64, and at any other."""

    def script(scenario: Scenario, seed: int) -> Answer:
        steps = fast_steps if scenario.training.global_batch == 64 else slow_steps
        return Answer(step_s=step_s * (1 + noise * (seed % 3 - 1)), steps_to_target=steps)

    return script


def case_of(study: Study, folder: Path, repeats: int | None = None) -> Case:
    runs = [[read_run(folder / i) for i in part.run_ids] for part in (study.baseline, study.recommendation)]
    return claims.of_study(study, *runs, repeats)


def measured(case: Case, script: Script, out: Path) -> dict[Scenario, Run]:
    plan = Plan(scenarios=case.scenarios, out=out, machine=MACHINE, first_index=case.first_index)
    return {one.run.scenario: one.run for one in measure(plan, FakeExecutor(script)).stored}


@pytest.fixture
def again(lab: Lab) -> Callable[..., Verification]:
    """Tunes against one script and verifies against another."""

    def call(
        then: Script,
        now: Script,
        text: str = lab_text(AXIS),
        machine: Machine = MACHINE,
        repeats: int | None = None,
        study: str | None = None,
    ) -> Verification:
        stored = lab.tune(then, lab.scenario(text), study=study)
        case = case_of(stored.study, lab.out, repeats)
        runs = measured(case, now, lab.out)
        baseline = None if case.baseline is None else runs[case.baseline]
        return verify(case, machine, baseline, runs[case.recommended])

    return call


def verdicts(found: Verification) -> dict[str, str]:
    return {check.of: check.verdict for check in found.checks}


Again = Callable[..., Verification]


def test_a_speed_up_that_is_still_there_holds(again: Again) -> None:
    found = again(at(50), at(50))
    assert found.verdict == "holds"
    assert verdicts(found) == {"speedup": "holds", "target": "holds", "time_to_target_s": "holds"}
    assert found.measured.speedup is not None
    assert found.measured.speedup.value == pytest.approx(2.0, rel=0.01)
    assert found.same_machine is True
    assert found.measured.baseline_run != found.measured.recommended_run


def test_a_speed_up_that_is_gone_does_not_hold(again: Again) -> None:
    found = again(at(50), at(80))
    assert found.verdict == "does-not-hold"
    assert verdicts(found)["speedup"] == "does-not-hold"
    assert "at least 1.9" in found.reason
    assert "1.25x" in found.reason


def test_a_greater_one_holds(again: Again) -> None:
    assert verdicts(again(at(50), at(25)))["speedup"] == "holds"


def test_one_repeat_is_inconclusive(again: Again) -> None:
    found = again(at(50), at(50), repeats=1)
    assert verdicts(found) == {"speedup": "inconclusive", "target": "holds", "time_to_target_s": "inconclusive"}
    assert found.verdict == "inconclusive"
    assert "--repeats 3" in found.reason


def test_noise_is_inconclusive(again: Again) -> None:
    found = again(at(50), at(55, noise=0.4))
    assert verdicts(found)["speedup"] == "inconclusive"


def test_a_target_that_is_missed_now_does_not_hold(again: Again) -> None:
    found = again(at(50), at(None))
    assert verdicts(found) == {
        "speedup": "does-not-hold",
        "target": "does-not-hold",
        "time_to_target_s": "inconclusive",
    }
    assert found.measured.speedup is None
    assert found.measured.reach_rate == 0.0


def test_a_baseline_that_misses_leaves_no_ratio(again: Again) -> None:
    found = again(at(50), at(50, slow_steps=None))
    assert verdicts(found)["speedup"] == "inconclusive"
    assert "baseline did not reach" in found.reason


@pytest.mark.parametrize(("gib", "verdict"), [(8, "holds"), (13, "does-not-hold"), (None, "inconclusive")])
def test_the_constraints_are_held_to_again(again: Again, gib: int | None, verdict: str) -> None:
    def using(script: Script, gib: int | None) -> Script:
        memory = None if gib is None else gib * 2**30
        return lambda scenario, seed: replace(script(scenario, seed), peak_memory_bytes=memory)

    text = lab_text(AXIS).replace("  space:", "  constraints: {peak_memory: 12GiB}\n  space:")
    found = again(using(at(50), 8), using(at(50), gib), text)
    assert verdicts(found)["constraints"] == found.verdict == verdict
    (check,) = [check for check in found.checks if check.of == "constraints"]
    assert check.measured == {8: 1.0, 13: 0.0, None: None}[gib]
    assert "search.constraints.peak_memory" in check.reason
    assert "constraints" not in verdicts(again(using(at(50), 8), using(at(50), gib), study="plain"))


def test_a_crash_is_inconclusive(again: Again) -> None:
    found = again(at(50), lambda *_: Answer(outcome=Outcome.CRASHED))
    assert found.verdict == "inconclusive"
    assert {check.measured for check in found.checks} == {None}


def test_times_are_judged_where_they_were_measured(again: Again) -> None:
    found = again(at(50), at(50, step_s=0.2))
    assert verdicts(found) == {"speedup": "holds", "target": "holds", "time_to_target_s": "does-not-hold"}
    assert found.verdict == "does-not-hold"


def test_on_another_machine_the_speed_up_alone_is_judged(again: Again) -> None:
    found = again(at(50), at(50, step_s=0.2), machine=ELSEWHERE)
    assert verdicts(found) == {"speedup": "holds", "target": "holds"}
    assert found.verdict == "holds"
    assert found.same_machine is False
    assert found.differs["cpu"] == ("a CPU", "another CPU")


def test_a_tie_holds_while_the_setup_is_no_slower(again: Again) -> None:
    tied = again(at(100), at(100))
    assert tied.claim.verdict == "tie"
    assert verdicts(tied)["speedup"] == "holds"
    assert verdicts(again(at(100), at(60)))["speedup"] == "holds"
    assert verdicts(again(at(100), at(130)))["speedup"] == "does-not-hold"


def test_where_the_baseline_is_kept_it_alone_is_measured_again(lab: Lab) -> None:
    stored = lab.tune(at(150), lab.scenario(lab_text(AXIS)))
    case = case_of(stored.study, lab.out)
    assert case.baseline is None
    assert case.scenarios == (case.recommended,)
    assert case.claim.speedup is None
    (run,) = measured(case, at(150), lab.out).values()
    assert verdicts(verify(case, MACHINE, None, run)) == {"target": "holds", "time_to_target_s": "holds"}


def test_of_throughput_the_step_is_claimed(again: Again) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1 * (1 + 0.002 * (seed % 3 - 1)))

    found = again(script, script, text=THROUGHPUT)
    assert found.claim.objective == "throughput"
    assert verdicts(found) == {"speedup": "holds", "step_s": "holds"}


def test_no_seed_is_one_of_the_studys(lab: Lab) -> None:
    stored = lab.tune(at(50), lab.scenario(lab_text(AXIS)))
    used = {request.index for request in lab.requests}
    case = case_of(stored.study, lab.out)
    assert case.first_index > max(used)
    gone = claims.of_study(stored.study, [], [], None)
    assert gone.first_index > max(used)


def test_repeats_are_three_or_those_asked_for(lab: Lab) -> None:
    study = lab.tune(at(50), lab.scenario(lab_text(AXIS))).study
    assert [s.measure.repeats for s in claims.of_study(study, [], [], None).scenarios] == [3, 3]
    assert [s.measure.repeats for s in claims.of_study(study, [], [], 7).scenarios] == [7, 7]


def test_what_differs_is_told_with_what_the_trainers_said(lab: Lab) -> None:
    stored = lab.tune(at(50), lab.scenario(lab_text(AXIS)))
    case = case_of(stored.study, lab.out)
    run = measured(case, at(50), lab.out)[case.recommended]
    now = run.model_copy(
        update={"repeats": tuple(r.model_copy(update={"facts": {"torch": "3.0"}}) for r in run.repeats)}
    )
    newer = MACHINE.model_copy(update={"versions": {"torch": "3.0"}})
    assert verify(case, newer, None, now).differs == {"torch": (None, "3.0")}
    assert verify(case, MACHINE, None, run).differs == {}


def test_a_scenario_alone_claims_to_reach_its_target(lab: Lab) -> None:
    case = claims.of_scenario(lab.scenario(lab_text(AXIS)), None)
    assert case.recommended.measure.procedure == "time-to-target"
    (run,) = measured(case, at(50), lab.out).values()
    found = verify(case, MACHINE, None, run)
    assert (verdicts(found), found.same_machine, found.study) == ({"target": "holds"}, None, None)


def test_nothing_measured_is_inconclusive(lab: Lab) -> None:
    case = claims.of_scenario(lab.scenario(lab_text(AXIS)), None)
    assert verify(case, MACHINE, None, None).verdict == "inconclusive"


def test_what_claims_nothing_is_refused(lab: Lab) -> None:
    missed = lab.tune(at(None, None), lab.scenario(lab_text(AXIS))).study
    with pytest.raises(InputError, match="no claim to verify"):
        claims.of_study(missed, [], [], None)
    with pytest.raises(InputError, match="without a target"):
        claims.of_scenario(vary(lab.scenario(THROUGHPUT), {}), None)


def test_the_same_hardware_is_the_same_machine(lab: Lab) -> None:
    stored = lab.tune(at(50), lab.scenario(lab_text(AXIS)))
    case = case_of(stored.study, lab.out)
    assert other_machine(case, MACHINE.model_copy(update={"versions": {"torch": "3.0"}})) == {}
    assert other_machine(case, ELSEWHERE) == {"cpu": ("a CPU", "another CPU")}


@pytest.mark.parametrize(
    ("truth", "verdict", "least"), [(2.0, "holds", 0.94), (1.6, "does-not-hold", 0.9), (3.0, "holds", 0.99)]
)
def test_the_rule_is_right_as_often_as_it_promises(truth: float, verdict: str, least: float) -> None:
    """2,000 claims of three repeats a side at 3 % noise, each measured again at the true speed-up."""
    rng = np.random.default_rng(0)

    def seen(speedup: float) -> Estimate:
        sides = [[s * math.exp(0.03 * float(rng.normal())) for _ in range(3)] for s in (speedup, 1.0)]
        found = ratio(sides[0], sides[1], 0.95)
        assert found is not None
        return found

    told = []
    for _ in range(2_000):
        claimed = seen(2.0)
        assert claimed.low is not None
        told.append(_judged_speedup(seen(truth), claimed.low, faster=True))
    assert told.count(verdict) >= least * len(told)
    if verdict == "holds":
        assert told.count("does-not-hold") <= 0.01 * len(told)
