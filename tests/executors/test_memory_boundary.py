"""What ran out of memory is kept in files by machine and model, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchbench.executors.machine_cache import MachineCache
from benchbench.executors.memory_boundary import MemoryBoundary, RanOut, settings_of
from benchbench.record.machine import Machine
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario

HERE = Machine(os="Linux", architecture="x86_64", cpu="a CPU", cpus=2, cpus_usable=2, memory_bytes=2**34)
BASE = Scenario.model_validate({"name": "s", "model": {"family": "bert"}, "task": "masked-lm"})


def boundary(folder: Path) -> MemoryBoundary:
    return MemoryBoundary(MachineCache("out_of_memory", folder))


def ran_out(rows: int, room_bytes: int = 100, settings: str = "a") -> RanOut:
    return RanOut(settings=settings, rows=rows, room_bytes=room_bytes, expected_bytes=None)


def test_what_is_added_is_there_in_another_process(tmp_path: Path) -> None:
    boundary(tmp_path).add(BASE, HERE, ran_out(8))
    assert boundary(tmp_path).of(BASE, HERE) == (ran_out(8),)
    assert boundary(tmp_path).of(vary(BASE, {"model.layers": 3}), HERE) == ()
    assert boundary(tmp_path).of(BASE, HERE.model_copy(update={"cpu": "another"})) == ()
    assert boundary(tmp_path).of(BASE, HERE.model_copy(update={"versions": {"torch": "9"}})) == ()


def test_of_equal_settings_and_room_the_smallest_is_kept(tmp_path: Path) -> None:
    book = boundary(tmp_path)
    for rows in (16, 8, 32):
        book.add(BASE, HERE, ran_out(rows))
    assert book.of(BASE, HERE) == (ran_out(8),)
    book.add(BASE, HERE, ran_out(32, room_bytes=200))
    book.add(BASE, HERE, ran_out(32, settings="b"))
    assert len(book.of(BASE, HERE)) == 3


@pytest.mark.parametrize("text", ["", "{", "null", '[{"rows": 1}]'])
def test_a_damaged_file_is_no_file(tmp_path: Path, text: str) -> None:
    boundary(tmp_path).add(BASE, HERE, ran_out(8))
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert boundary(tmp_path).of(BASE, HERE) == ()


def test_a_cache_that_cannot_be_written_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    book = boundary(tmp_path / "file" / "below")
    book.add(BASE, HERE, ran_out(8))
    assert book.of(BASE, HERE) == (ran_out(8),)


def test_the_settings_that_memory_depends_on() -> None:
    same = {"training.micro_batch": 4, "training.global_batch": 8, "training.seed": 3, "training.max_steps": 9}
    assert settings_of(vary(BASE, same)) == settings_of(vary(BASE, {"training.optimizer.learning_rate": 1.0}))
    others = {
        "precision": "bf16", "training.optimizer.name": "sgd", "training.attention": "eager", "training.ema": 0.9,
        "training.activation_checkpointing": "full", "data.sequence_length": 64, "training.dropout": 0.0,
    }  # fmt: skip
    assert len({settings_of(vary(BASE, {key: value})) for key, value in others.items()} | {settings_of(BASE)}) == 8
