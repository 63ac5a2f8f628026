"""A checkpoint appears whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchbench.errors import ScenarioError, StoreError
from benchbench.record.checkpoint_files import BEST, LAST, manifest
from benchbench.record.figures import RawLines
from benchbench.record.store import read_raw
from benchbench.scenario.scenario import Scenario
from benchbench.training import checkpoints
from benchbench.training.checkpoints import Checkpoint
from tests.training.small import scenario


def at(step: int) -> Checkpoint:
    return Checkpoint(
        step=step,
        of={"scenario": {}},
        finished=False,
        weights={"weight": torch.full((3,), float(step))},
        state={"loop": {"steps_taken": step}, "moment": torch.full((2,), float(step))},
        history=[{"event": "eval", "step": step}],
    )


def folders(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if not one.is_symlink()]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    size_bytes = checkpoints.write(tmp_path, at(3), [LAST])
    found = checkpoints.read(tmp_path / LAST)
    assert (found.step, found.finished, found.history) == (3, False, [{"event": "eval", "step": 3}])
    assert torch.equal(found.weights["weight"], torch.full((3,), 3.0))
    assert found.state["loop"] == {"steps_taken": 3}
    assert torch.equal(found.state["moment"], torch.full((2,), 3.0))
    assert size_bytes == sum(file.stat().st_size for file in (tmp_path / LAST).iterdir())


def test_links_move_and_what_nothing_leads_to_goes(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, at(1), [LAST, BEST])
    assert len(folders(tmp_path)) == 1
    checkpoints.write(tmp_path, at(2), [LAST])
    assert [checkpoints.read(tmp_path / link).step for link in (LAST, BEST)] == [2, 1]
    checkpoints.write(tmp_path, at(3), [LAST, BEST])
    assert [checkpoints.read(tmp_path / link).step for link in (LAST, BEST)] == [3, 3]
    assert len(folders(tmp_path)) == 1


def test_a_part_of_a_tensor_is_kept_without_the_rest_of_it(tmp_path: Path) -> None:
    whole = torch.arange(1000.0)
    of_a_part = Checkpoint(step=1, of={}, finished=False, weights={"part": whole[:2]}, state={}, history=[])
    checkpoints.write(tmp_path, of_a_part, [LAST])
    assert checkpoints.read(tmp_path / LAST).weights["part"].tolist() == [0.0, 1.0]


Call = Callable[..., Any]


def failing(patch: pytest.MonkeyPatch, calls: list[str], number: int) -> None:
    """Has the disk fail at the call of a number."""

    def watched(name: str, real: Call) -> Call:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            if len(calls) - 1 == number:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return call

    for owner, name in (
        (os, "fsync"), (Path, "mkdir"), (Path, "rename"), (Path, "replace"), (Path, "symlink_to"), (Path, "write_text"),
        (checkpoints, "save_file"),
    ):  # fmt: skip
        patch.setattr(owner, name, watched(name, getattr(owner, name)))


def test_a_disk_that_fails_at_any_moment_leaves_a_whole_one(tmp_path: Path) -> None:
    number = 0
    tried: set[str] = set()
    while True:
        folder = tmp_path / str(number)
        calls: list[str] = []
        checkpoints.write(folder, at(1), [LAST])
        problem = None
        with pytest.MonkeyPatch.context() as patch:
            failing(patch, calls, number)
            try:
                checkpoints.write(folder, at(2), [LAST])
            except StoreError as error:
                problem = error
        if number >= len(calls):
            break
        tried.add(calls[number])
        left = checkpoints.read(folder / LAST).step
        assert left in (1, 2)
        assert problem is None or "No space left" in str(problem)
        assert problem is not None or left == 2
        checkpoints.write(folder, at(3), [LAST])
        assert len([f for f in folders(folder) if f.is_dir()]) == 1, "what failed is cleared away by the next one"
        number += 1
    assert tried == {"fsync", "mkdir", "rename", "replace", "symlink_to", "write_text", "save_file"}


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, at(1), [LAST])
    (tmp_path / ".step-00000002-00000000").mkdir()
    checkpoints.write(tmp_path, at(3), [LAST])
    assert len(folders(tmp_path)) == 1


def test_a_format_of_another_version_is_told(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, at(1), [LAST])
    file = tmp_path / LAST / "checkpoint.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ScenarioError, match="a format that this version does not know"):
        manifest(tmp_path / LAST)


def train(folder: Path, wanted: Scenario) -> subprocess.Popen[bytes]:
    """The trainer as a process of its own, in a folder of its own."""
    folder.mkdir()
    (folder / "scenario.json").write_text(wanted.model_dump_json(by_alias=True))
    environment = {
        **os.environ,
        "BENCHBENCH_SCENARIO": str(folder / "scenario.json"),
        "BENCHBENCH_EVENTS": str(folder / "events.jsonl"),
        "BENCHBENCH_TIMEOUT_S": "600",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "benchbench.training"]
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def losses(lines: RawLines) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in lines.steps()]


@pytest.mark.slow
def test_a_training_that_was_killed_and_goes_on_ends_as_one_that_was_not(tmp_path: Path) -> None:
    def wanted(resume: Path | None = None) -> Scenario:
        training = {
            "max_steps": 200, "micro_batch": 2, "dropout": 0.2, "checkpoint_every": 10,
            "resume": None if resume is None else str(resume),
        }  # fmt: skip
        return scenario(
            training=training,
            data={"batching": "bucket", "sequence_length": 12},
            model={"vocab": 120},
            measure={"procedure": "time-to-target", "repeats": 1},
            target={"metric": "accuracy", "at_least": 1.0, "eval_every": 100},
            hardware={"device": "cpu", "threads": 1},
        )

    assert train(tmp_path / "whole", wanted()).wait(200) == 0
    cut = train(tmp_path / "cut", wanted())
    give_up = time.monotonic() + 200
    while not (tmp_path / "cut" / "checkpoints" / LAST).exists():
        assert cut.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.001)
    cut.send_signal(signal.SIGKILL)
    assert cut.wait() == -signal.SIGKILL
    last = tmp_path / "cut" / "checkpoints" / LAST
    step = manifest(last)["step"]
    assert train(tmp_path / "rest", wanted(last)).wait(200) == 0, (tmp_path / "rest" / "log.txt").read_text()
    whole, rest = (read_raw(tmp_path / name) for name in ("whole", "rest"))
    assert 10 <= step < 200
    assert losses(rest) == losses(whole)[step:]
    ends = [lines.last("done") or {} for lines in (whole, rest)]
    assert ends[0]["final_metrics"] == ends[1]["final_metrics"]
