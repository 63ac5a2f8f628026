"""A speedup is divided among the settings that made it, by measured steps whose product is the whole."""

from __future__ import annotations

import math
from pathlib import Path

from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.record.machine import Machine
from benchbench.record.study import Study
from benchbench.tuning.tune import TuneRequest, tune
from benchmarks.search.arena import Table
from benchmarks.search.contest import generated, scenario_of

MACHINE = Machine(os="Linux", architecture="x86_64", cpu="a table", cpus=1, cpus_usable=1, memory_bytes=2**33)


def studied(of: Table, out: Path, budget: float) -> Study:
    asked = scenario_of(of)
    executor = ReplayExecutor(of.records, asked)
    request = TuneRequest(
        scenario=asked, budget_s=budget * of.baseline_cost_s, out=out, machine=MACHINE, admit=executor.admit,
        replayed_from=of.records.name,
    )  # fmt: skip
    return tune(request, executor, clock=executor.clock).study


def test_every_setting_that_differs_has_its_part_and_the_parts_make_the_whole(tmp_path: Path) -> None:
    of = generated("mixed", 1, tmp_path)
    study = studied(of, tmp_path, 20.0)
    advice = study.recommendation
    assert advice.verdict == "faster"
    assert advice.speedup is not None
    differing = {key for key, value in advice.overrides.items() if value != of.baseline[key]}
    assert len(differing) > 1
    assert {part.key for part in study.attribution} == differing
    assert all(part.before == of.baseline[part.key] for part in study.attribution)
    assert all(part.after == advice.overrides[part.key] for part in study.attribution)
    product = math.prod(part.speedup.value for part in study.attribution)
    assert abs(math.log(product / advice.speedup.value)) < 0.15  # medians here, geometric means there
    assert study.spent_s <= study.budget_s


def test_the_parts_are_near_the_truth(tmp_path: Path) -> None:
    of = generated("mixed", 1, tmp_path)
    setup = dict(of.baseline)
    for part in studied(of, tmp_path, 20.0).attribution:
        before = of.true_s(setup)
        setup[part.key] = part.after
        true = before / of.true_s(setup)
        assert part.speedup.low is not None
        assert part.speedup.high is not None
        assert part.speedup.low / 1.2 < true < part.speedup.high * 1.2


def test_without_a_proof_nothing_is_attributed(tmp_path: Path) -> None:
    of = generated("flat", 0, tmp_path)
    study = studied(of, tmp_path, 10.0)
    assert study.recommendation.verdict != "faster"
    assert study.attribution == ()
