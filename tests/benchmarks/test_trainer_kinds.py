"""What all trainers that are compared get: one stream of batches that never ends, and one stopwatch."""

from itertools import islice

import numpy as np
import pytest
import torch

from benchmarks.trainer_kinds import bench as kinds
from benchmarks.trainer_kinds import hand_written
from tests.training import small

ROWS, BATCH, STEPS = 50, 8, 20
BENCH = kinds.Bench(scenario=small.scenario(), prepared=small.prepared(ROWS), device=small.CPU)


def test_the_batches_go_on_behind_the_last_step_and_the_last_row() -> None:
    found = [batch["labels"] for batch in islice(kinds.loader(BENCH.batches()), 10 * STEPS)]
    assert [len(labels) for labels in found] == [BATCH] * (10 * STEPS)
    epochs = torch.cat(found)[: 32 * ROWS].reshape(32, ROWS).sort(dim=1).values
    assert (epochs == torch.from_numpy(np.sort(BENCH.prepared.train.scalars["label"]))).all()
    later = next(iter(kinds.loader(BENCH.batches(37))))["input_ids"]
    assert torch.equal(later, BENCH.batches()[37]["input_ids"])


def test_a_block_goes_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    rows = kinds.Shuffled.rows
    monkeypatch.setattr(kinds.Shuffled, "rows", lambda order, number: (taken.append(number), rows(order, number))[1])
    block = hand_written.make(BENCH)
    for _ in range(3):
        assert block(STEPS) > 0
    assert taken == list(range(3 * STEPS)), "more than the scenario's steps"


def test_the_first_step_and_what_comes_behind_the_last_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 13.0])
    monkeypatch.setattr(kinds.time, "perf_counter", lambda: next(times))
    stopwatch = kinds.Stopwatch(small.CPU, 4)
    for _ in range(6):
        stopwatch.step_ended()
    assert stopwatch.seconds == 3.0
