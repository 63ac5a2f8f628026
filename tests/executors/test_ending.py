"""What a repeat without any last words is told to have ended of."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from benchbench.executors import ending
from benchbench.executors.base import Request
from benchbench.record.figures import RawLines
from benchbench.record.types import Outcome
from tests.record.lines import run

NOTHING = RawLines(events=(), telemetry=())


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(("free", "kind"), [(0, "disk-full"), (2**30, "supervisor-lost")])
def test_a_full_disk_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, kind: str) -> None:
    monkeypatch.setattr(ending.shutil, "disk_usage", lambda _: Usage(free))
    request = Request(scenario=run().scenario, index=0, order=0, folder=tmp_path, timeout_s=1.0)
    verdict = ending.judge(request, {}, NOTHING, interrupted=False)
    assert (verdict.outcome, verdict.kind) == (Outcome.CRASHED, kind)
    assert ("no space is left" in verdict.message) is (kind == "disk-full")


def test_a_folder_that_is_gone_is_no_full_disk(tmp_path: Path) -> None:
    request = Request(scenario=run().scenario, index=0, order=0, folder=tmp_path / "gone", timeout_s=1.0)
    assert ending.judge(request, {}, NOTHING, interrupted=False).kind == "supervisor-lost"
