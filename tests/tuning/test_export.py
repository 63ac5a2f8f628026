"""What a study's recommendation comes to for another tool."""

from pathlib import Path
from typing import Any

import pytest

from benchbench.record.store import read_run
from benchbench.record.types import Run
from benchbench.tuning.export import Written, chosen_of, commented, remarks
from tests.report.records import MACHINE, run_folder, scenario, study
from tests.tuning.exports.recommendations import chosen

CPU_ONLY = MACHINE.model_copy(update={"devices": ()})


def run_with(folder: Path, **facts: Any) -> Run:
    run = read_run(run_folder(folder, of=scenario()))
    return run.model_copy(update={"repeats": tuple(r.model_copy(update={"facts": facts}) for r in run.repeats)})


def test_an_open_micro_batch_is_what_the_runs_came_to(tmp_path: Path) -> None:
    found = chosen_of(study(), [run_with(tmp_path, micro_batch=8, device="cuda")])
    assert (found.micro_batch, found.accumulation, found.device, found.notes) == (8, 4, "cuda", ())
    assert found.scenario.precision == "bf16"


def test_without_a_run_that_tells_it_is_the_whole_share_and_that_is_said() -> None:
    found = chosen_of(study(), [])
    assert (found.micro_batch, found.accumulation) == (32, 1)
    assert found.notes == ("no stored run tells which micro-batch fitted; the whole share of 32 may be too large",)


def test_one_that_was_asked_for_stands() -> None:
    asked = scenario(training={"micro_batch": 16}, search={"space": {"precision": ("fp32", "bf16")}})
    assert chosen_of(study(of=asked), []).micro_batch == 16


@pytest.mark.parametrize(
    ("asked", "seen", "machine", "expected"),
    [
        ("cpu", "cuda", MACHINE, "cpu"),
        ("auto", "cpu", MACHINE, "cpu"),
        ("auto", "cuda:1", MACHINE, "cuda"),
        ("auto", None, MACHINE, "cuda"),
        ("auto", None, CPU_ONLY, "cpu"),
    ],
)
def test_the_device_is_the_one_that_was_used(
    tmp_path: Path, asked: str, seen: str | None, machine: Any, expected: str
) -> None:
    of = scenario(hardware={"device": asked}, search={"space": {"precision": ("fp32", "bf16")}})
    found = study(of=of).model_copy(update={"machine": machine})
    assert chosen_of(found, [run_with(tmp_path, device=seen)] if seen else []).device == expected


def test_the_origin_names_the_study_and_its_verdict() -> None:
    told = "bert: recommended by study 20260101-000001-bert-bbbb (faster, 1.83x the baseline), measured on a GPU"
    assert chosen_of(study(), []).origin == told
    told = "bert: recommended by study 20260101-000001-bert-bbbb (target-not-reached), measured on a GPU"
    assert chosen_of(study(verdict="target-not-reached"), []).origin == told


def test_remarks_tell_what_a_file_leaves_out_and_where_it_belongs() -> None:
    written = Written(
        text="", says=frozenset({"training.seed", "precision"}), hints={"training.max_steps": "yours"}, notes=("n",)
    )
    lines = list(remarks(chosen(training__gradient_clip=None), written))
    assert lines[:3] == [
        "bert: recommended by study s", "n",
        "not in this file, beside the model, the task, the data and the target:",
    ]  # fmt: skip
    assert "  training.max_steps = 400: yours" in lines
    assert "  training.gradient_clip = null" in lines
    assert not [line for line in lines if line.startswith(("  training.seed", "  precision", "  training.dropout"))]


def test_comments_stand_below_the_line_that_names_the_interpreter() -> None:
    assert commented("#!/bin/sh\nexec a\n", iter(["x"]), "#") == "#!/bin/sh\n# x\nexec a\n"
    assert commented("a: 1\n", iter(["x", "y"]), "#") == "# x\n# y\na: 1\n"
