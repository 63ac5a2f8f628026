"""Repeats set end to end: none overlaps, no line joins two of them, what was not measured is marked."""

import numpy as np
import pandas as pd
import pytest

from benchbench.report.timeline import Timeline


def _telemetry(repeats: int, nan: bool = False) -> pd.DataFrame:
    rows = [
        {"repeat": r, "t_s": np.nan if nan else 0.1 * tick, "device": device, "utilization": 0.5}
        for r in range(repeats)
        for tick in range(11)
        for device in ("cuda:0", "cpu")
    ]
    return pd.DataFrame(rows)


def _steps(repeats: int) -> pd.DataFrame:
    rows = [
        {"repeat": r, "t_s": 0.2 + 0.1 * step, "step_s": 0.1, "warmup": step < 2}
        for r in range(repeats)
        for step in range(5)
    ]
    return pd.DataFrame(rows)


def test_repeats_follow_each_other_with_a_gap() -> None:
    timeline = Timeline(_telemetry(3), _steps(3))
    device = timeline.frame[timeline.frame["device"] == "cpu"]
    assert (np.diff(device["t_s"]) >= 0).all()
    assert device["utilization"].isna().sum() == 3
    assert [mark.label for mark in timeline.starts] == ["repeat 0", "repeat 1", "repeat 2"]
    assert timeline.starts[1].at > 1.0


def test_what_is_outside_the_measured_steps_is_marked() -> None:
    timeline = Timeline(_telemetry(1), _steps(1))
    assert timeline.starts == ()
    assert [(round(s.low, 3), round(s.high, 3)) for s in timeline.unmeasured] == [(0.0, 0.3), (0.6, 1.0)]


def test_without_steps_or_times_nothing_is_marked() -> None:
    assert Timeline(_telemetry(1), None).unmeasured == ()
    assert len(Timeline(_telemetry(2, nan=True), _steps(2)).frame)
    assert len(Timeline(_telemetry(0).reindex(columns=["repeat", "t_s", "device"]), None).frame) == 0


def test_many_repeats_are_cut_and_said() -> None:
    timeline = Timeline(_telemetry(20), None)
    assert len(timeline.starts) == 8
    assert "8 of 20" in timeline.note


def test_a_silence_is_a_gap_and_a_usual_interval_none() -> None:
    frame = _telemetry(2)
    silent = frame[~((frame["repeat"] == 1) & frame["t_s"].between(0.25, 0.85))]
    timeline = Timeline(silent, None)
    (gap,) = timeline.gaps
    begin = timeline.offsets_s[1]
    assert (round(gap.low - begin, 3), round(gap.high - begin, 3)) == (0.2, 0.9)
    assert gap.tone == "warning"
    cpu = timeline.frame[timeline.frame["device"] == "cpu"]
    assert cpu[cpu["t_s"].between(gap.low, gap.high, inclusive="neither")]["utilization"].isna().all()
    assert (np.diff(cpu["t_s"]) >= 0).all()
    assert Timeline(frame, None).gaps == ()


def test_the_clocks_held_down_by_the_driver_are_marked_and_a_power_cap_is_not() -> None:
    frame = _telemetry(1)
    reasons = np.where(frame["t_s"].between(0.35, 0.65), 0x20, 0x4)
    timeline = Timeline(frame.assign(throttle_reasons=np.where(frame["device"] == "cpu", np.nan, reasons)), None)
    (stretch,) = timeline.held_down
    assert (round(stretch.low, 3), round(stretch.high, 3)) == (0.4, 0.7)
    assert (stretch.tone, stretch.label) == ("bad", "throttled")


def test_steps_are_moved_with_their_repeat() -> None:
    timeline = Timeline(_telemetry(2), _steps(2))
    moved = timeline.moved(_steps(3))
    assert set(moved["repeat"]) == {0, 1}
    first = moved[moved["repeat"] == 1]["t_s"].min()
    assert first == pytest.approx(timeline.offsets_s[1] + 0.2)
