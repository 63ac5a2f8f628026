"""What cannot fit is refused with a reason; the margin is learned from runs; what ran out of memory prunes others."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.executors.machine_cache import MachineCache
from benchbench.executors.memory_boundary import MemoryBoundary
from benchbench.record.machine import Device
from benchbench.record.types import Figures, Outcome, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import ModelShape, Stack, expected_bytes
from benchbench.tuning.feasible import Calibration, Feasible
from tests.tuning.lab import MACHINE, Lab, lab_text

GIB = 2**30
SHAPE = ModelShape(
    parameters=10**6, trainable_parameters=10**6, matrix_parameters=10**6, tied_parameters=0,
    stacks=(Stack(layers=4, hidden=512, heads=8, queries=512, keys=512, ffn=2048, gated=False, inner=2, norm=1),),
    fused=True, hidden_dropout=False, attention_dropout=False, inner_dropout=False, logits_per_token=0, row_tokens=512,
    target_tokens=0, mean_tokens=512.0, process_bytes=GIB // 4,
)  # fmt: skip
BASE = Scenario.model_validate({
    "name": "s", "model": {"family": "bert"}, "task": "masked-lm", "hardware": {"device": "cpu"},
    "training": {"global_batch": 256},
})  # fmt: skip


class Desk:
    """A `Feasible` on a machine with so much memory, and its cache."""

    def __init__(self, tmp_path: Path, shape: ModelShape | None = SHAPE, available_bytes: int = 16 * GIB) -> None:
        self._cache = MachineCache("out_of_memory", tmp_path / "cache")
        self._shape, self._available_bytes = shape, available_bytes

    def feasible(self) -> Feasible:
        """A new one, as a new search has it."""
        return Feasible(
            MACHINE.model_copy(update={"memory_bytes": 64 * GIB}),
            MemoryBoundary(self._cache),
            lambda _scenario: self._shape,
            lambda: self._available_bytes,
        )


def sized(rows: int | str, **settings: object) -> Scenario:
    return vary(BASE, {"training.micro_batch": rows, **{k.replace("__", "."): v for k, v in settings.items()}})


def ended(outcome: Outcome, peak_bytes: int | None = None, micro_batch: int | None = None) -> Repeat:
    figures = Figures(
        measured_steps=1, warmup_steps=0, measured_s=1.0, step_s=1.0, step_s_halfwidth=None, samples_per_step=1.0,
        tokens_per_step=1.0, data_wait_fraction=None, utilization=None, power_w=None, energy_j_per_sample=None,
        peak_memory_bytes=peak_bytes, settled=True,
    )  # fmt: skip
    return Repeat(
        index=0, seed=0, order=0, started_at="", wall_s=1.0, outcome=outcome, figures=figures,
        facts={} if micro_batch is None else {"micro_batch": micro_batch},
    )  # fmt: skip


def test_what_cannot_fit_is_refused_and_told_what_it_is_for(tmp_path: Path) -> None:
    feasible = Desk(tmp_path, available_bytes=8 * GIB).feasible()
    assert feasible.refusal(sized(16)) is None
    reason = feasible.refusal(sized(128))
    assert reason is not None
    assert "there is 8.6 GB" in reason
    assert "activations" in reason


def test_the_scenarios_own_limit_counts(tmp_path: Path) -> None:
    feasible = Desk(tmp_path).feasible()
    assert feasible.refusal(sized(16)) is None
    assert feasible.refusal(sized(16, hardware__memory_limit="1GiB")) is not None


def test_a_constraint_on_memory_refuses_up_front_and_is_named(tmp_path: Path) -> None:
    feasible = Desk(tmp_path).feasible()
    held = sized(16, search__constraints__peak_memory="1GiB")
    assert feasible.refusal(sized(16)) is None
    assert "and search.constraints.peak_memory allows 1GiB" in (feasible.refusal(held) or "")
    assert feasible.refusal(sized(16, search__constraints__peak_memory="12GiB")) is None
    roomless = Desk(tmp_path, available_bytes=GIB // 2).feasible()
    assert "there is 537 MB" in (roomless.refusal(held) or ""), "the smaller of the two is named"


def test_an_open_micro_batch_may_be_a_single_sequence(tmp_path: Path) -> None:
    feasible = Desk(tmp_path, available_bytes=2 * GIB).feasible()
    assert feasible.refusal(sized("auto")) is None
    assert feasible.refusal(sized("auto", hardware__memory_limit="300MiB")) is not None


def test_a_gpus_memory_counts_there(tmp_path: Path) -> None:
    gpu = MACHINE.model_copy(
        update={"devices": (Device(index=0, name="a GPU", memory_bytes=4 * GIB),), "memory_bytes": 64 * GIB}
    )
    boundary = MemoryBoundary(MachineCache("out_of_memory", tmp_path))
    feasible = Feasible(gpu, boundary, lambda _scenario: SHAPE, lambda: 64 * GIB)
    on_gpu = {"hardware.device": "auto"}
    assert feasible.refusal(vary(sized(8), on_gpu)) is None
    assert feasible.refusal(vary(sized(128), on_gpu)) is not None
    assert feasible.refusal(sized(128)) is None


def test_a_model_without_a_shape_is_refused_nothing(tmp_path: Path) -> None:
    assert Desk(tmp_path, None, GIB // 1024).feasible().refusal(sized(256)) is None


def test_runs_correct_what_is_expected_of_those_like_them() -> None:
    calibration = Calibration()
    before = calibration.corrected(10 * GIB)
    assert before.bytes == pytest.approx(10 * GIB)
    assert 0.7 * before.bytes < before.low_bytes < 0.85 * before.bytes
    for _ in range(3):
        calibration.add(10 * GIB, 12 * GIB)
    after, far = calibration.corrected(10 * GIB), calibration.corrected(10_000 * GIB)
    assert after.bytes == pytest.approx(12 * GIB, rel=0.02)
    assert 0.9 * after.bytes < after.low_bytes < after.bytes, "it has become surer"
    assert far.bytes == pytest.approx(10_000 * GIB, rel=0.01), (
        "a run says nothing of one that is a thousand times larger"
    )


def test_the_margin_is_that_of_this_searchs_own_runs(tmp_path: Path) -> None:
    scenario = sized(64)
    available_bytes = round(1.05 * expected_bytes(scenario, SHAPE, 64, on_gpu=False))
    feasible = Desk(tmp_path, available_bytes=available_bytes).feasible()
    assert feasible.refusal(scenario) is None, "it is expected to fit"
    for rows in (16, 32, 32, 64):
        expected = expected_bytes(sized(rows), SHAPE, rows, on_gpu=False)
        feasible.saw(sized("auto"), ended(Outcome.OK, round(1.2 * expected), rows))
    assert feasible.refusal(scenario) is not None


def test_what_ran_out_of_memory_prunes_what_needs_no_less(tmp_path: Path) -> None:
    feasible = Desk(tmp_path, available_bytes=64 * GIB).feasible()
    feasible.saw(sized(32), ended(Outcome.OOM))
    for needs_no_less in (sized(32), sized(64), sized(32, training__optimizer__learning_rate=1.0)):
        reason = feasible.refusal(needs_no_less)
        assert reason is not None
        assert "ran out of 69 GB with 32 sequences" in reason
    assert feasible.refusal(sized(16)) is None
    assert feasible.refusal(sized(16, precision="bf16")) is None
    assert feasible.refusal(sized(128, precision="bf16", training__ema=0.9)) is not None, "far more by the model"


def test_the_boundary_is_remembered_by_other_searches_for_no_more_memory(tmp_path: Path) -> None:
    Desk(tmp_path, available_bytes=32 * GIB).feasible().saw(sized(32), ended(Outcome.OOM))
    assert Desk(tmp_path, available_bytes=32 * GIB).feasible().refusal(sized(32)) is not None
    assert Desk(tmp_path, available_bytes=30 * GIB).feasible().refusal(sized(32)) is not None
    assert Desk(tmp_path, available_bytes=60 * GIB).feasible().refusal(sized(32)) is None, "there is more now"
    other = vary(sized(32), {"model.family": "gpt2", "task": "causal-lm"})
    assert Desk(tmp_path, available_bytes=32 * GIB).feasible().refusal(other) is None, "another model"


def test_the_boundary_needs_no_model_of_memory(tmp_path: Path) -> None:
    feasible = Desk(tmp_path, None).feasible()
    feasible.saw(sized(32), ended(Outcome.OOM))
    assert feasible.refusal(sized(64)) is not None
    assert feasible.refusal(sized(16)) is None
    assert feasible.refusal(sized(64, precision="bf16")) is None, "nobody knows what that needs"


def test_only_running_out_of_memory_is_remembered(tmp_path: Path) -> None:
    feasible = Desk(tmp_path).feasible()
    for outcome in (Outcome.CRASHED, Outcome.TIMEOUT, Outcome.DIVERGED, Outcome.OK):
        feasible.saw(sized(32), ended(outcome))
    assert feasible.refusal(sized(32)) is None


def test_a_search_refuses_at_no_cost_and_prunes_by_what_it_saw(lab: Lab, tmp_path: Path) -> None:
    scenario = lab.scenario(lab_text("training.micro_batch: [1, 2, 4, 8, 16, 32]"), "search.method=tpe")

    def script(candidate: Scenario, _seed: int) -> Answer:
        size = candidate.training.micro_batch
        runs_out = size != "auto" and size >= 8
        return Answer(step_s=0.1, steps_to_target=50, outcome=Outcome.OOM if runs_out else Outcome.OK)

    stored = lab.tune(script, scenario, budget_s=5000.0, feasible=Desk(tmp_path, None).feasible())
    outcomes = {t.overrides["training.micro_batch"]: t for t in stored.study.trials if t.role == "candidate"}
    assert [outcomes[size].outcome for size in (1, 2, 4)] == [Outcome.OK] * 3
    failed = [outcomes[size] for size in (8, 16, 32)]
    assert {t.outcome for t in failed} <= {Outcome.OOM, Outcome.REFUSED}
    refused = [t for t in failed if t.outcome is Outcome.REFUSED]
    assert all(t.started_s == t.ended_s and t.run_id is None for t in refused)
    tried = [r.scenario.training.micro_batch for r in lab.requests]
    for size, trial in outcomes.items():
        assert tried.count(size) == 0 or trial.outcome is not Outcome.REFUSED
        smaller = [t for s, t in outcomes.items() if 8 <= s < size and t.number < trial.number]
        assert bool(smaller) == (trial.outcome is Outcome.REFUSED)
