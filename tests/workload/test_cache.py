"""Prepared data is kept by content: found again, made again where it is damaged, never in the way."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import fsspec
import numpy as np
import pytest

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload import cache as kept
from benchbench.workload import tokenizer
from benchbench.workload.preparing import Prepared, prepare
from benchbench.workload.shelf import FolderShelf
from benchbench.workload.task import Task
from benchbench.workload.vocabulary import UNKNOWN_ID, Vocabulary

TASK = cast(Task, registry.load(registry.TASKS, "sequence-classification"))
ENTRY = 1 + 3 * 3 + 1  # entry.json, ids and labels of three splits, the tokenizer


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "benchbench" / "data"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    lines = [f"word{n % 50} text number {n},{'ab'[n % 2]}" for n in range(300)]
    file.write_text("\n".join(["text,label", *lines, *lines[:20], ""]))
    return file


def prepared(file: Path | str, task: Task = TASK, room: int = 300, **fields: object) -> Prepared:
    own: Vocabulary | None = fields.pop("pretrained", None)  # type: ignore[assignment]
    return prepare(Data.model_validate({"source": "csv", "path": str(file), **fields}, strict=False), task, room, own)


def same(one: Prepared, other: Prepared) -> bool:
    splits = [(getattr(one, name), getattr(other, name)) for name in ("train", "validation", "test")]
    return one.encoding.labels == other.encoding.labels and all(
        np.array_equal(a.columns["ids"].values, b.columns["ids"].values)
        and np.array_equal(a.columns["ids"].offsets, b.columns["ids"].offsets)
        and np.array_equal(a.scalars["label"], b.scalars["label"])
        for a, b in splits
    )


def test_the_second_time_nothing_is_encoded(cache: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared(rows, clean=["dedupe"])
    assert first.cached is False
    assert first.removed == {"duplicates": 20, "empty": 0}
    assert len(first.train) + len(first.validation) + len(first.test) == 300
    assert {"storage", "decode", "clean", "tokenize"} == set(first.costs.seconds)
    monkeypatch.setattr(type(TASK), "encode", lambda *_: pytest.fail("encoded again"))
    monkeypatch.setattr(tokenizer, "trained", lambda *_: pytest.fail("trained again"))
    second = prepared(rows, clean=["dedupe"])
    assert second.cached is True
    assert same(first, second)
    assert second.removed == first.removed
    assert second.fingerprint == first.fingerprint
    assert {"clean", "tokenize"}.isdisjoint(second.costs.seconds)
    assert (
        second.encoding.vocabulary.encode(["word3 text"])[0].ids
        == first.encoding.vocabulary.encode(["word3 text"])[0].ids
    )
    (entry,) = cache.iterdir()
    assert len(list(entry.iterdir())) == ENTRY


def test_what_changes_the_examples_has_an_entry_of_its_own(cache: Path, rows: Path, tmp_path: Path) -> None:
    prepared(rows)
    moved = tmp_path / "moved.csv"
    moved.write_bytes(rows.read_bytes())
    assert prepared(moved).cached, "content counts, not the name"
    changes: list[Callable[[], Prepared]] = [
        lambda: prepared(rows, clean=["lowercase"]),
        lambda: prepared(rows, clean=["lowercase", "dedupe"]),
        lambda: prepared(rows, clean=["dedupe", "lowercase"]),
        lambda: prepared(rows, validation_fraction=0.2),
        lambda: prepared(rows, test_fraction=0.2),
        lambda: prepared(rows, sequence_length=5),
        lambda: prepared(rows, room=200),
        lambda: prepared(rows, task=cast(Task, registry.load(registry.TASKS, "masked-lm"))),
        lambda: prepared(rows, pretrained=Vocabulary(tokenizer=tokenizer.train_bytes(["abc"], 300), size=300)),
        lambda: prepared(rows, pretrained=Vocabulary(tokenizer=tokenizer.train_bytes(["abd"], 300), size=300)),
    ]
    assert [change().cached for change in changes] == [False] * len(changes)
    assert all(change().cached for change in changes)
    moved.write_text(rows.read_text().replace("word7 ", "word8 ", 1))
    assert not prepared(moved).cached


@pytest.mark.parametrize(
    "damage", ["emptied", "cut", "changed", "lost", "entry-cut", "entry-changed", "entry-lost", "no-folder"]
)
def test_a_damaged_entry_is_made_again(cache: Path, rows: Path, damage: str) -> None:
    first = prepared(rows)
    (entry,) = cache.iterdir()
    file = entry / ("entry.json" if damage.startswith("entry") else "train.ids.values")
    whole = file.read_bytes()
    file.unlink()  # the first one's arrays still lie in it
    match damage.removeprefix("entry-"):
        case "emptied":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "changed":
            file.write_bytes(
                whole.replace(b'"rows": 2', b'"rows": 1', 1) if damage == "entry-changed" else b"\1" + whole[1:]
            )
        case "no-folder":
            for path in entry.iterdir():
                path.unlink()
            entry.rmdir()
            entry.write_text("a file")
    second = prepared(rows)
    assert second.cached is False
    assert same(first, second)
    assert file.read_bytes() == whole
    assert prepared(rows).cached
    assert list(cache.iterdir()) == [entry], "nothing else is left"


def test_a_full_disk_does_no_harm(cache: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepared(rows)

    def full(self: FolderShelf, name: str) -> None:
        (self.folder / name).touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache.parents[1] / "other"))
        patch.setattr(FolderShelf, "create", full)
        in_memory = prepared(rows)
        assert in_memory.cached is False
    assert same(whole, in_memory)
    assert list((cache.parents[1] / "other" / "benchbench" / "data").iterdir()) == []


@pytest.mark.parametrize("where", ["a-file", "no-home", "forbidden"])
def test_a_cache_that_cannot_be_written_does_no_harm(
    cache: Path, rows: Path, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepared(rows)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    if where == "a-file":
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    elif where == "no-home":
        monkeypatch.setattr(kept, "cache_folder", lambda: None)
    else:
        monkeypatch.setattr(kept, "cache_folder", lambda: Path("/proc/benchbench"))
    again = prepared(rows)
    assert again.cached is False
    assert same(whole, again)
    assert list(temporary.iterdir()) == []


def test_bad_rows_leave_nothing_behind(cache: Path, rows: Path) -> None:
    rows.write_text(rows.read_text() + "one field\n")
    with pytest.raises(ScenarioError):
        prepared(rows)
    assert list(cache.iterdir()) == []


_IN_A_PROCESS = """
import hashlib, sys
from benchbench import registry
from benchbench.scenario.types import Data
from benchbench.workload.preparing import prepare
for length in (8, 9):
    data = Data(source="csv", path=sys.argv[1], sequence_length=length)
    found = prepare(data, registry.load(registry.TASKS, "sequence-classification"), 300)
    print(hashlib.sha256(found.train.columns["ids"].values.tobytes()).hexdigest())
"""


def test_processes_that_prepare_at_once_do_not_collide(cache: Path, rows: Path) -> None:
    command = [sys.executable, "-P", "-c", _IN_A_PROCESS, str(rows)]
    many = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=100) for process in many]
    assert len({out for out, _ in answers}) == 1, answers
    assert answers[0][0].count("\n") == 2
    entries = list(cache.iterdir())
    assert len(entries) == 2
    assert all(kept.find(entry.name) is not None for entry in entries)


def test_what_nobody_uses_goes_and_what_is_used_stays(cache: Path, rows: Path) -> None:
    prepared(rows)
    (used,) = cache.iterdir()
    (cache / ".work-left").mkdir()
    (cache / ".work-new").mkdir()
    (cache / "old").mkdir()
    for name, days in ((".work-left", 2), ("old", 31), (used.name, 31)):
        os.utime(cache / name, (0, time.time() - days * 24 * 3600))
    assert prepared(rows).cached
    prepared(rows, sequence_length=7)
    left = {path.name for path in cache.iterdir()}
    assert {used.name, ".work-new"} < left
    assert len(left) == 3


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_rows(cache: Path, tmp_path: Path) -> None:
    """Two hundred thousand rows, and ten times fewer: as objects and lists of tokens the difference would be 300 MB."""
    code = (
        "import resource, sys\n"
        "from benchbench import registry\n"
        "from benchbench.scenario.types import Data\n"
        "from benchbench.workload.preparing import prepare\n"
        "data = Data(source='csv', path=sys.argv[1], sequence_length=16, clean=('whitespace', 'dedupe'))\n"
        "found = prepare(data, registry.load(registry.TASKS, 'sequence-classification'), 300)\n"
        "print(len(found.train), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    line = "the same words in every row but for one"
    peaks_kib = {}
    for count in (20_000, 200_000):
        file = tmp_path / f"{count}.csv"
        file.write_text("text,label\n" + "".join(f"{line} {n},{n % 2}\n" for n in range(count)))
        command = [sys.executable, "-P", "-c", code, str(file)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        used, peaks_kib[count] = map(int, answer.stdout.split())
        assert used == round(0.8 * count)
    assert peaks_kib[200_000] - peaks_kib[20_000] < 100 * 1024


def test_a_file_in_memory_is_read_by_its_url(cache: Path, rows: Path) -> None:
    fsspec.filesystem("memory").pipe("/data/rows.csv", rows.read_bytes())
    assert same(prepared("memory://data/rows.csv"), prepared(rows))


def test_held_out_texts_are_kept_too(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps({"source": f"s {n}", "target": f"zwölf {n}"}) + "\n" for n in range(40)))
    task = cast(Task, registry.load(registry.TASKS, "seq2seq-lm"))
    data = Data(source="jsonl", path=str(file))
    first, second = (prepare(data, task, 400) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    for found in (first, second):
        assert len(found.validation.texts["target"]) == len(found.validation) == 4
        assert all(text.startswith("zwölf ") for text in found.validation.texts["target"])
        assert found.train.texts == {}
    assert list(first.test.texts["target"]) == list(second.test.texts["target"])


def test_the_vocabulary_never_sees_held_out_rows(cache: Path, tmp_path: Path) -> None:
    for name, word in (("train", "plain"), ("validation", "qqq"), ("test", "zzz")):
        (tmp_path / name).write_text("text,label\n" + f"{word} words,x\n{word} words,y\n" * 15)
    split = {name: str(tmp_path / name) for name in ("train", "validation", "test")}
    found = prepare(Data.model_validate({"source": "csv", "split": split}), TASK, 300)
    assert UNKNOWN_ID not in found.train.columns["ids"].values
    for part in (found.validation, found.test):
        assert (part.columns["ids"].values == UNKNOWN_ID).sum() == len(part)


def test_a_held_out_duplicate_of_a_training_row_goes(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "train").write_text("text,label\nOne,x\ntwo,y\ntwo,x\n")
    (tmp_path / "validation").write_text("text,label\none,x\nthree,y\n")
    (tmp_path / "test").write_text("text,label\nthree,x\nfour,y\n")
    split = {name: str(tmp_path / name) for name in ("train", "validation", "test")}
    data = Data.model_validate({"source": "csv", "split": split, "clean": ["lowercase", "dedupe"]}, strict=False)
    found = prepare(data, TASK, 300)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [2, 1, 1]
    assert found.removed == {"duplicates": 3, "empty": 0}


def test_progress_is_told_part_by_part(cache: Path, rows: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    data = Data(source="csv", path=str(rows), clean=("lowercase",))
    prepare(data, TASK, 300, progress=lambda part, done, total: told.append((part, done, total)))
    assert [part for part, _, _ in told[:3]] == ["read", "clean", "vocabulary"]
    assert told[0] == ("read", 320, None)
    assert told[1] == ("clean", 320, 320)
    assert told[-1] == ("tokenize", 320, 320)


def test_chinese_is_read_without_unknown_tokens(cache: Path, tmp_path: Path) -> None:
    """Two thousand different ideographs: more than there was room for when each took two entries."""
    letters = [chr(0x4E00 + n) for n in range(2000)]
    lines = ["".join(letters[(7 * n + k) % 2000] for k in range(12)) + f"。,{'正负'[n % 2]}" for n in range(1000)]
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    found = prepared(file, room=4000)
    assert found.encoding.labels == ("正", "负")
    for part in (found.train, found.validation, found.test):
        ids = part.columns["ids"].values
        assert (ids == UNKNOWN_ID).mean() < 0.001
        assert (part.lengths == 15).all(), "an ideograph a token"
