"""Real ranks: they train together, and when one of them fails, all stop and the record names it."""

from __future__ import annotations

import secrets
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import TRAINER, ChildExecutor
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import load, vary
from benchbench.training.board import Hang
from benchbench.training.launching import Died, by_themselves, failure
from tests.executors.trees import gone

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FAULTY = Path(__file__).with_name("faulty.py")
QUICK: dict[str, Any] = {
    "measure.warmup": 2, "measure.steps": 6, "training.global_batch": 8, "training.micro_batch": 2,
    "data.sequence_length": 16,
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "launching-cache"))


def run(folder: Path, command: tuple[str, ...], file: str = "bert_tiny_ddp2", **changes: Any) -> Repeat:
    scenario = vary(load(SCENARIOS / f"{file}.yaml")[0], {**QUICK, **changes})
    request = Request(scenario=scenario, index=0, order=0, folder=folder, timeout_s=240.0)
    return ChildExecutor(command).run(request, lambda _what: None)


@pytest.mark.slow
@pytest.mark.parametrize("file", [f"bert_tiny_{kind}2" for kind in ("ddp", "fsdp", "tensor", "local_sgd", "server")])
def test_two_ranks_leave_one_record(tmp_path: Path, file: str) -> None:
    repeat = run(tmp_path, TRAINER, file)
    assert (repeat.outcome, repeat.failure) == (Outcome.OK, None)
    assert repeat.figures is not None
    assert (repeat.figures.measured_steps, repeat.figures.samples_per_step) == (6, 8)
    passes = 4 if file == "bert_tiny_tensor2" else 2  # ranks that divide each matrix have the whole batch
    assert (repeat.facts["ranks"], repeat.facts["micro_batch"], repeat.facts["accumulation"]) == (2, 2, passes)
    assert [one.rank for one in repeat.per_rank] == [0, 1]
    for one in repeat.per_rank:
        assert one.step_s is not None
        assert 0 < one.step_s < repeat.figures.step_s * 1.001
        assert one.peak_memory_bytes is not None
        assert one.cpus
    known = repeat.figures.communication_fraction
    untold = file in ("bert_tiny_fsdp2", "bert_tiny_tensor2")
    assert known is None if untold else known is not None and 0 < known < 1
    assert repeat.facts["flops_per_step"]


@pytest.mark.slow
def test_a_training_to_a_target_is_judged_alike_on_all_ranks(tmp_path: Path) -> None:
    changes = {"measure.procedure": "time-to-target", "training.max_steps": 6, "target.eval_every": 3}
    repeat = run(tmp_path, TRAINER, "bert_tiny_fsdp2", **changes)
    assert (repeat.outcome, repeat.failure) == (Outcome.OK, None)
    assert repeat.reach is not None
    assert {"accuracy", "loss", "f1_macro"} <= set(repeat.final_metrics)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "outcome", "kind", "says"),
    [
        ("out-of-memory", Outcome.OOM, "oom", "no room"),
        ("nan", Outcome.DIVERGED, "diverged", "at step 5 on rank 1"),
        ("killed", Outcome.CRASHED, "killed", "SIGKILL (rank 1)"),
        ("exit", Outcome.CRASHED, "exit", "rank 1 ended with code 7"),
        ("hang", Outcome.TIMEOUT, "timeout", "rank 1 hangs; the others wait for it"),
    ],
)
def test_one_rank_fails_and_all_stop(tmp_path: Path, fault: str, outcome: Outcome, kind: str, says: str) -> None:
    mark = f"mark-{secrets.token_hex(6)}"
    repeat = run(tmp_path, (sys.executable, str(FAULTY), fault, "1", mark))
    assert gone(mark, within_s=0.5), "a process outlived its run"
    assert repeat.failure is not None
    assert (repeat.outcome, repeat.failure.kind, repeat.failure.rank) == (outcome, kind, 1)
    assert says in repeat.failure.message
    if fault == "hang":
        assert "in fail" in (tmp_path / "log.txt").read_text(), "where it hung is in the log"


def said(t: float, kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"event": "phase", "t": 0.0}, {"event": "failed", "t": t, "kind": kind, "message": kind, **more}]


@pytest.mark.parametrize(
    ("died", "lines", "hung", "rank", "kind"),
    [
        ([0, 1], [said(2.0, "crashed"), said(1.0, "oom")], None, 1, "oom"),
        ([0, 1], [said(1.0, "oom"), said(2.0, "crashed")], None, 0, "oom"),
        ([0, 1], [said(1.0, "crashed"), []], None, 1, "exit"),
        ([1, -9], [said(1.0, "crashed"), []], None, 1, "signal"),
        ([0, 1], [said(1.0, "diverged", rank=1), said(2.0, "diverged", rank=1)], None, 1, "diverged"),
        ([-6, -6], [[], []], Hang(silent_s=11.0, rank=0), 0, "timeout"),
        ([-6, -6], [[], []], Hang(silent_s=11.0, rank=None), None, "timeout"),
    ],
)
def test_the_first_to_fail_is_named(
    died: list[int], lines: list[list[dict[str, Any]]], hung: Hang | None, rank: int | None, kind: str
) -> None:
    found = failure([Died(rank=r, code=code or 1) for r, code in enumerate(died)], lines, hung)
    assert (found["rank"], found["kind"]) == (rank, kind)
    if kind == "signal":
        assert found["signal"] == signal.SIGKILL


@pytest.mark.parametrize(
    ("died", "left"),
    [
        ([(1, 1, 100), (0, -9, 102)], [1]),  # blocked in a collective, and killed by the agent
        ([(1, -9, 100), (0, -15, 100)], [1]),
        ([(0, -15, 100), (1, -15, 100)], [0]),  # the first was asked to end by somebody else
        ([(0, -9, 100), (1, -9, 101)], [0, 1]),
        ([(0, 1, 100), (1, 1, 103)], [0, 1]),
    ],
)
def test_a_rank_that_the_agent_ended_is_not_to_blame(died: list[tuple[int, int, int]], left: list[int]) -> None:
    found = by_themselves([Died(rank=rank, code=code, at_s=at_s) for rank, code, at_s in died])
    assert [one.rank for one in found] == left
