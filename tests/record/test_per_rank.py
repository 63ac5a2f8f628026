"""What each rank says of itself, from its own lines over the measured steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchbench.record.figures import figures
from benchbench.record.per_rank import per_rank
from benchbench.record.per_rank_types import RankUse
from tests.record.lines import raw, steady, steps


def lines_of(rank: int, own_s: float) -> list[dict[str, Any]]:
    own = {"own_s": own_s, "own_data_wait_s": 0.01, "communication_s": 0.02, "hidden_communication_s": 0.03}
    told = {"event": "rank", "t": 1.0, "rank": rank, "device": "cpu", "cpus": [rank], "threads": 1}
    odd = steps(2, own_s=9.0, own_data_wait_s=9.0)
    done = {"event": "done", "t": 300.0, "peak_resident_bytes": 100 + rank}
    return [told, *odd, *steps(4, begin=100.2, first=3, **own), done]


def test_the_means_are_over_the_measured_steps(tmp_path: Path) -> None:
    (tmp_path / "events-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines_of(1, 0.07)))
    first = raw([{"event": "ready", "t": 1.0, "ranks": 2}, *lines_of(0, 0.09), steady(2)])
    zero, one = per_rank(tmp_path, first)
    assert (zero.rank, zero.device, zero.cpus, zero.threads) == (0, "cpu", (0,), 1)
    assert (zero.step_s, zero.data_wait_s) == (pytest.approx(0.09), pytest.approx(0.01))
    assert (zero.communication_s, zero.peak_memory_bytes) == (None, 100)
    assert (one.rank, one.cpus, one.step_s, one.peak_memory_bytes) == (1, (1,), pytest.approx(0.07), 101)


def test_a_rank_that_left_nothing_says_nothing(tmp_path: Path) -> None:
    found = per_rank(tmp_path, raw([{"event": "ready", "t": 1.0, "ranks": 2}, *lines_of(0, 0.09), steady(2)]))
    assert found[1] == RankUse(rank=1)
    assert per_rank(tmp_path, raw(steps(3))) == ()


def test_communication_is_a_share_of_the_step() -> None:
    found = figures(raw([*lines_of(0, 0.09), steady(2)]), 0.95, None)
    assert found is not None
    assert found.communication_fraction == pytest.approx(0.2)
    assert found.hidden_communication_fraction == pytest.approx(0.3)
    alone = figures(raw(steps(5)), 0.95, None)
    assert alone is not None
    assert (alone.communication_fraction, alone.hidden_communication_fraction) == (None, None)
