"""What a trainer says of its compressed model -> the repeat's record and the run's summary."""

from typing import Any

import pytest

from benchbench.record import document
from benchbench.record.compression import compression
from benchbench.record.summary import summarize
from benchbench.record.types import CompressionEffect, Outcome
from tests.record.lines import Line, raw, repeat, run, steps


def weights(size: int, speed: float, **metrics: float) -> dict[str, Any]:
    return {
        "size_bytes": size, "nonzero_parameters": size // 4, "inference_samples_per_s": speed, "metrics": metrics,
    }  # fmt: skip


def told(speed: float = 200.0, accuracy: float = 0.8) -> Line:
    return {
        "event": "compression", "t": 101.0, "conversion_s": speed / 1000,
        "dense": weights(4000, 100.0, accuracy=0.9, loss=0.3), "compressed": weights(1000, speed, accuracy=accuracy),
    }  # fmt: skip


def effect(speed: float, accuracy: float) -> CompressionEffect:
    found = compression(raw([*steps(2), told(speed, accuracy)]))
    assert found is not None
    return found


def test_the_last_that_was_said_is_the_record() -> None:
    found = compression(raw([told(50.0), *steps(3), told(200.0)]))
    assert found is not None
    assert (found.conversion_s, found.compressed.inference_samples_per_s) == (0.2, 200.0)
    assert (found.dense.size_bytes, found.compressed.size_bytes, found.compressed.nonzero_parameters) == (
        4000,
        1000,
        250,
    )
    assert found.dense.metrics == {"accuracy": 0.9, "loss": 0.3}


@pytest.mark.parametrize(
    "line", [{}, {"event": "compression"}, told() | {"dense": "small"}, told() | {"conversion_s": None}]
)
def test_what_a_broken_trainer_says_is_no_effect(line: Line) -> None:
    assert compression(raw([*steps(2), line])) is None
    assert compression(raw()) is None


def test_the_summary_has_estimates_over_the_repeats() -> None:
    effects = [effect(speed, accuracy) for speed, accuracy in ((180.0, 0.7), (200.0, 0.8), (220.0, 0.9))]
    failed = repeat(3, Outcome.CRASHED, compression=effect(1.0, 0.0))
    of = run(*(repeat(i, compression=one) for i, one in enumerate(effects)), failed)
    found = summarize(of).compression
    assert found is not None
    speed = found.compressed.inference_samples_per_s
    assert (speed.n, speed.unit) == (3, "samples/s")
    assert speed.low is not None
    assert speed.low < speed.value < 220.0
    assert speed.value == pytest.approx(200.0, rel=0.01)
    assert found.conversion_s.unit == "s"
    assert found.compressed.metrics == {"accuracy": pytest.approx(0.8)}
    assert (found.dense.size_bytes, found.compressed.size_bytes) == (4000, 1000)
    summary = document.entry(of, None)["summary"]["compression"]
    assert summary["dense"]["metrics"] == {"accuracy": pytest.approx(0.9), "loss": pytest.approx(0.3)}


def test_one_repeat_is_an_estimate_without_an_interval() -> None:
    found = summarize(run(repeat(compression=effect(200.0, 0.8)))).compression
    assert found is not None
    speed = found.compressed.inference_samples_per_s
    assert (speed.low, speed.value, speed.high, speed.n) == (None, 200.0, None, 1)


def test_a_run_without_compression_has_none() -> None:
    assert summarize(run(repeat())).compression is None
    assert document.entry(run(repeat()), None)["summary"]["compression"] is None
