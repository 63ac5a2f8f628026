"""What the types, the preflight or the trainer's libraries refuse is no setup of a space."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchbench.errors import InputError, UnsupportedError
from benchbench.scenario import engines
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.legal import Legal, impossible, usable
from benchbench.tuning.space import SearchSpace, identity, space_of
from tests.tuning.lab import Lab, lab_text


def legal(lab: Lab, *axes: str) -> tuple[Legal, SearchSpace]:
    scenario = lab.scenario(lab_text(*axes))
    space = space_of(scenario)
    return Legal(scenario, space, engines.check), space


def no_flash_in_fp32(scenarios: Sequence[Scenario]) -> list[str | None]:
    """What a GPU's libraries say."""
    return ["in bf16" if s.training.attention == "flash" and s.precision == "fp32" else None for s in scenarios]


def test_the_types_decide_about_combinations(lab: Lab) -> None:
    is_legal, space = legal(lab, "training.global_batch: [32, 48]", "training.micro_batch: [auto, 16, 32]")
    found = [setup for setup in space.some(100) if is_legal(setup)]
    assert len(found) == 5
    problem = is_legal.problem({"training.global_batch": 48, "training.micro_batch": 32})
    assert problem is not None
    assert "32 does not divide" in problem


def test_each_setup_is_looked_at_once(lab: Lab) -> None:
    asked: list[Scenario] = []
    scenario = lab.scenario(lab_text("precision: [fp32, bf16]"))
    is_legal = Legal(scenario, space_of(scenario), asked.append)
    assert is_legal({"precision": "bf16"})
    assert is_legal({"precision": "bf16"})
    assert len(asked) == 1


def test_a_setting_that_is_idle_makes_no_setups_of_its_own(lab: Lab) -> None:
    is_legal, space = legal(lab, "data.workers: [0, 1]", "data.prefetch: [2, 4, 8]")
    found = [(s["data.workers"], s["data.prefetch"]) for s in space.some(100) if is_legal(s)]
    assert sorted(found) == [(0, 2), (1, 2), (1, 4), (1, 8)]


def test_a_space_without_a_legal_setup_is_refused_with_a_reason(lab: Lab) -> None:
    is_legal, _ = legal(lab, "training.global_batch: [48, 80]", "training.micro_batch: [32, 64]")
    with pytest.raises(InputError, match="no combination of these values can run") as caught:
        is_legal.check()
    assert caught.value.key == "search.space"
    assert caught.value.exit_code == 2
    assert "does not divide" in str(caught.value) or "is above" in str(caught.value)
    one, _ = legal(lab, "training.global_batch: [48, 64]", "training.micro_batch: [32, 48]")
    one.check()


def test_a_continuum_without_a_legal_setup_is_refused_too(lab: Lab) -> None:
    is_legal, _ = legal(lab, "training.micro_batch: [5]", "training.dropout: {low: 0.0, high: 0.5}")
    with pytest.raises(InputError, match="no combination"):
        is_legal.check()


def test_the_libraries_are_asked_once_for_what_they_judge_together(lab: Lab) -> None:
    asked: list[int] = []

    def judge(scenarios: Sequence[Scenario]) -> list[str | None]:
        asked.append(len(scenarios))
        return no_flash_in_fp32(scenarios)

    scenario = lab.scenario(
        lab_text("precision: [fp32, bf16]", "training.attention: [sdpa, flash]", "training.global_batch: [16, 32]")
    )
    space = space_of(scenario)
    refused = impossible(scenario, space, engines.check, judge)
    assert asked == [1 + 4 + 2], "the scenario, precision with attention, and precision as quantisation is judged with"
    assert list(refused.values()) == ["in bf16"]
    is_legal = Legal(scenario, space, engines.check, refused)
    pairs = {(s["precision"], s["training.attention"]) for s in space.some(100) if is_legal(s)}
    assert pairs == {("fp32", "sdpa"), ("bf16", "sdpa"), ("bf16", "flash")}
    assert usable(space, refused)["training.attention"] == ("sdpa", "flash"), "with bf16 it can be had"


def test_a_value_that_no_combination_has_is_not_usable(lab: Lab) -> None:
    scenario = lab.scenario(lab_text("precision: [fp32, bf16]", "training.attention: [sdpa, flash]"))
    space = space_of(scenario)
    refused = impossible(
        scenario, space, engines.check, lambda all_: ["no" if s.training.attention == "flash" else None for s in all_]
    )
    assert usable(space, refused) == {"precision": ("fp32", "bf16"), "training.attention": ("sdpa",)}


def test_what_the_preflight_refuses_is_not_asked_for(lab: Lab) -> None:
    asked: list[Scenario] = []

    def admit(scenario: Scenario) -> None:
        if scenario.precision == "fp8":
            raise UnsupportedError("no fp8 here")

    def judge(scenarios: Sequence[Scenario]) -> list[str | None]:
        asked.extend(scenarios)
        return [None] * len(scenarios)

    scenario = lab.scenario(lab_text("precision: [fp32, fp8]"))
    assert impossible(scenario, space_of(scenario), admit, judge) == {}
    assert {s.precision for s in asked} == {"fp32"}


def test_a_scenario_that_is_refused_itself_teaches_nothing(lab: Lab) -> None:
    scenario = lab.scenario(lab_text("precision: [fp32, bf16]"))
    judge = lambda scenarios: ["no such column"] * len(scenarios)  # noqa: E731
    assert impossible(scenario, space_of(scenario), engines.check, judge) == {}


def test_a_search_never_proposes_what_the_libraries_refuse(lab: Lab) -> None:
    from benchbench.executors.kinds.fake import Answer

    scenario = lab.scenario(lab_text("precision: [fp32, bf16]", "training.attention: [sdpa, flash]"))
    stored = lab.tune(lambda *_: Answer(step_s=0.1), scenario, budget_s=5000.0, judge=no_flash_in_fp32)
    proposed = {identity(t.overrides) for t in stored.study.trials if t.role == "candidate"}
    assert len(proposed) == 3
    assert identity({"precision": "fp32", "training.attention": "flash"}) not in proposed
