"""A killed measurement's folder is made ready to go on in."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchbench.executors.carrying_on import carried_on
from benchbench.record import raw, tables
from benchbench.record.checkpoint_files import LAST, MANIFEST, MODEL, STATE, digest
from benchbench.record.store import read_raw
from benchbench.scenario.scenario import Scenario
from tests.record.lines import evaluation, steps

STEP = 6
SCENARIO = Scenario.model_validate({
    "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
    "measure": {"procedure": "time-to-target"}, "target": {"metric": "accuracy", "at_least": 0.9},
})  # fmt: skip


def told(event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "t": 100.0, **fields}


def killed(folder: Path, *, finished: bool = False) -> Path:
    """A folder as a trainer leaves it that is killed after ten steps, with a checkpoint of the sixth."""
    last = folder / raw.CHECKPOINTS / LAST
    last.mkdir(parents=True)
    for file in (MODEL, STATE):
        (last / file).write_text(file)
    manifest = {
        "format": 1, "step": STEP, "finished": finished, "sha256": {f: digest(last / f) for f in (MODEL, STATE)},
        "of": {"scenario": {"training": {"micro_batch": 4}}},
    }  # fmt: skip
    (last / MANIFEST).write_text(json.dumps(manifest))
    events = [
        told("phase", name="train"), told("compile", compile_s=1.0), *steps(STEP), evaluation(5, 0.5, accuracy=0.5),
        told("checkpoint", step=STEP, checkpoint_s=0.5), told("compile", compile_s=9.0),
        *steps(4, first=STEP + 1), told("checkpoint", step=10, checkpoint_s=0.5),
    ]  # fmt: skip
    (folder / raw.EVENTS).write_text("".join(json.dumps(line) + "\n" for line in events) + '{"event": "st')
    for file in (raw.LOG, raw.TELEMETRY, raw.EXIT, raw.SCENARIO):
        (folder / file).write_text("{}")
    (folder / "try-4").mkdir()
    return last


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_it_goes_on_from_the_last_checkpoint_with_its_micro_batch(tmp_path: Path) -> None:
    last = killed(tmp_path)
    asked = carried_on(SCENARIO, tmp_path)
    assert (asked.training.resume, asked.training.micro_batch) == (str(last), 4)
    assert asked.training.model_copy(update={"resume": None, "micro_batch": "auto"}) == SCENARIO.training
    assert names(tmp_path) == {raw.CHECKPOINTS, raw.EVENTS, raw.LOG}


def test_what_no_checkpoint_holds_of_the_time_before_it_stays(tmp_path: Path) -> None:
    killed(tmp_path)
    carried_on(SCENARIO, tmp_path)
    lines = read_raw(tmp_path)
    assert [line["event"] for line in lines.events] == ["compile", *["step"] * STEP, "checkpoint"]
    assert [line["step"] for line in lines.earlier_steps()] == list(range(1, STEP + 1))
    assert lines.steps() == [], "no figure is of them"
    ends = [line["t"] for line in lines.earlier_steps()]
    assert ends[-1] - ends[0] == pytest.approx((STEP - 1) * 0.1)
    assert time.monotonic() - 60 < ends[-1] <= time.monotonic()


def test_one_that_is_killed_again_goes_on_again(tmp_path: Path) -> None:
    killed(tmp_path)
    carried_on(SCENARIO, tmp_path)
    with (tmp_path / raw.EVENTS).open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in steps(2, first=STEP + 1))
    assert carried_on(SCENARIO, tmp_path).training.resume is not None
    assert [line["step"] for line in read_raw(tmp_path).earlier_steps()] == list(range(1, STEP + 1))


def test_the_table_of_steps_is_whole(tmp_path: Path) -> None:
    killed(tmp_path)
    carried_on(SCENARIO, tmp_path)
    now_s = time.monotonic() + 1.0
    with (tmp_path / raw.EVENTS).open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in steps(4, first=STEP + 1, begin=now_s))
    (tmp_path / raw.TELEMETRY).write_text(json.dumps({"t": now_s, "device": "cpu"}) + "\n")
    tables.write(tmp_path, {0: read_raw(tmp_path)})
    frame = tables.read(tmp_path, tables.STEPS)
    assert frame["step"].tolist() == list(range(1, 11))
    assert frame["t_s"].is_monotonic_increasing
    assert (frame["t_s"] < 0).tolist() == [True] * STEP + [False] * 4
    assert frame["warmup"].tolist()[:STEP] == [True] * STEP


@pytest.mark.parametrize("damage", ["finished", "torn", "missing", "none"])
def test_without_a_whole_checkpoint_it_begins_again(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "repeat-0"
    last = killed(folder, finished=damage == "finished")
    if damage == "torn":
        (last / MODEL).write_text("torn")
    if damage == "missing":
        (last / STATE).unlink()
    if damage == "none":
        (last / MANIFEST).unlink()
    assert carried_on(SCENARIO, folder) == SCENARIO
    assert names(folder) == set()
