"""Result folders appear whole or not at all, and what cannot be read is named."""

import builtins
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from benchbench.errors import RecordError, StoreError
from benchbench.record import raw, store, tables
from benchbench.record.lookup import find
from benchbench.record.store import Draft, new_id, read_raw, read_run, run_folders, unfinished, write_atomic
from benchbench.record.types import Outcome, Run
from tests.record.lines import CPU, header, repeat, run, steady, steps

FILES = ["evals.parquet", "log.txt", "result.json", "scenario.yaml", "steps.parquet", "telemetry.parquet"]
YAML = "name: t\n"


def draft_of(out: Path, whole: Run) -> Draft:
    """A draft with every repeat's raw lines and its `repeat.json`, about to be committed."""
    draft = Draft(out, whole.id)
    for one in whole.repeats:
        folder = draft.repeat_folder(one.index)
        events = [*steps(5), steady(1)]
        (folder / raw.EVENTS).write_text("".join(json.dumps(line) + "\n" for line in events))
        (folder / raw.TELEMETRY).write_text(json.dumps(header(CPU)) + "\n")
        (folder / raw.LOG).write_text(f"words of repeat {one.index}\n")
        draft.keep(one)
    return draft


@pytest.fixture
def whole() -> Run:
    return run(repeat(0), repeat(2, Outcome.CRASHED, figures=None))


def names(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir())


def test_a_run_appears_whole_and_its_draft_goes(tmp_path: Path, whole: Run) -> None:
    draft = draft_of(tmp_path, whole)
    assert names(tmp_path) == [f".{whole.id}"]
    assert run_folders(tmp_path) == []
    folder = draft.commit(whole, YAML)
    assert folder == tmp_path / whole.id
    assert names(tmp_path) == [whole.id]
    assert names(folder) == FILES
    assert read_run(folder) == read_run(folder / "result.json") == whole
    assert (folder / "scenario.yaml").read_text() == YAML
    assert tables.read(folder, tables.STEPS)["repeat"].tolist() == [0] * 5 + [2] * 5
    assert run_folders(tmp_path) == [folder]
    document = json.loads((folder / "result.json").read_text())
    assert (document["schema"], document["outcome"]) == (1, "crashed")


def test_the_logs_are_joined(tmp_path: Path, whole: Run) -> None:
    draft = draft_of(tmp_path, whole)
    (draft.folder / "repeat-0" / raw.LOG).write_bytes(b"\xff no UTF-8\n")
    (draft.folder / "repeat-2" / raw.LOG).unlink()
    log = (draft.commit(whole, YAML) / "log.txt").read_bytes()
    assert log == b"--- repeat 0 ---\n\xff no UTF-8\n--- repeat 2 ---\n"


@pytest.mark.parametrize("links", [True, False])
def test_checkpoints_come_along_links_and_all(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    draft = draft_of(tmp_path, whole)
    kept = draft.folder / "repeat-2" / raw.CHECKPOINTS
    (kept / "step-1").mkdir(parents=True)
    (kept / "step-1" / "model.safetensors").write_bytes(b"weights")
    (kept / "last").symlink_to("step-1")
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    folder = draft.commit(whole, YAML)
    assert names(folder / "checkpoints") == ["repeat-2"]
    assert (folder / "checkpoints" / "repeat-2" / "last").readlink() == Path("step-1")
    assert (folder / "checkpoints" / "repeat-2" / "last" / "model.safetensors").read_bytes() == b"weights"
    assert read_run(folder) == whole


def _no_links(*_: object) -> None:
    raise OSError(95, "Operation not supported")


def test_repeats_without_a_single_line_are_stored_too(tmp_path: Path, whole: Run) -> None:
    draft = Draft(tmp_path, whole.id)
    for one in whole.repeats:
        draft.repeat_folder(one.index)
    assert read_run(draft.commit(whole, YAML)) == whole


def test_a_draft_that_is_discarded_leaves_nothing(tmp_path: Path, whole: Run) -> None:
    draft_of(tmp_path, whole).discard()
    assert names(tmp_path) == []


Fail = Callable[..., Any]


class Faults:
    """Counts the calls that touch the disk while it is armed; the one with a given number fails."""

    def __init__(self, patch: pytest.MonkeyPatch, under: Path) -> None:
        self.calls: list[str] = []
        self.fail_at: int | None = None
        self.armed = False
        self._under = str(under)
        for owner, name in (
            (os, "fsync"), (os, "mkdir"), (os, "rename"), (os, "replace"), (os, "open"), (builtins, "open"),
            (pyarrow.parquet, "write_table"), (shutil, "copyfileobj"),
        ):  # fmt: skip
            patch.setattr(owner, name, self._watched(name, getattr(owner, name)))
        for name in ("write_text", "mkdir", "rename", "replace", "open"):
            patch.setattr(Path, name, self._watched(f"Path.{name}", getattr(Path, name)))

    def _watched(self, name: str, real: Fail) -> Fail:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.armed:
                self.calls.append(name)
                if len(self.calls) - 1 == self.fail_at:
                    raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return call


def commits(tmp_path: Path, whole: Run) -> Iterator[tuple[str, Path, Draft, StoreError | None]]:
    """One commit for every call that touches the disk, in which that call fails."""
    number = 0
    while True:
        out = tmp_path / str(number)
        draft = draft_of(out, whole)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, out)
            faults.fail_at, faults.armed = number, True
            problem = None
            try:
                draft.commit(whole, YAML)
            except StoreError as error:
                problem = error
            faults.armed = False
        if number >= len(faults.calls):
            return
        yield faults.calls[number], out, draft, problem
        number += 1


def test_a_disk_that_fails_at_any_moment_leaves_a_whole_folder_or_the_draft(tmp_path: Path, whole: Run) -> None:
    seen = []
    for call, out, draft, problem in commits(tmp_path, whole):
        seen.append(call)
        visible = [f for f in out.iterdir() if not f.name.startswith(".")]
        if problem is None:
            assert [f.name for f in visible] == [whole.id], call
            assert read_run(visible[0]) == whole
            assert names(visible[0]) == FILES
            continue
        assert visible == [], call
        assert "No space left" in str(problem)
        assert problem.exit_code == 3
        assert (draft.folder / "repeat-0" / raw.REPEAT).is_file()
        assert len(read_raw(draft.folder / "repeat-2").events) == 6
        assert unfinished(out) == [draft.folder]
        assert read_run(draft.commit(whole, YAML)) == whole, "a second try, once there is space, goes well"
    before = seen[: seen.index("Path.rename")]
    assert before.count("fsync") >= len(FILES), "every file is durable before the folder gets its name"
    assert {"write_table", "Path.write_text", "fsync", "Path.rename", "Path.mkdir", "copyfileobj"} <= set(seen)


def test_a_file_is_replaced_whole_or_stands_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.html"
    write_atomic(file, "old")
    for number in range(20):
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, tmp_path)
            faults.fail_at, faults.armed = number, True
            try:
                write_atomic(file, "new")
                failed = False
            except StoreError:
                failed = True
            faults.armed = False
        assert file.read_text() == ("old" if failed else "new")
        assert names(tmp_path) == ["page.html"]
        if number >= len(faults.calls):
            return
        file.write_text("old")
    raise AssertionError("it never went well")


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        Draft(tmp_path / "file", "x")


_COMMITTER = """
import sys
from pathlib import Path
from tests.record.lines import repeat, run
from tests.record.test_store import YAML, draft_of
number = 0
while True:
    whole = run(repeat(0), run_id=f"20260131-235959-t-{number:08x}")
    draft = draft_of(Path(sys.argv[1]), whole)
    print("go", flush=True)
    draft.commit(whole, YAML)
    number += 1
"""


def test_a_kill_at_any_moment_leaves_whole_folders_only(tmp_path: Path) -> None:
    generator = random.Random(0)
    seen = 0
    for attempt in range(4):
        out = tmp_path / str(attempt)
        command = [sys.executable, "-c", _COMMITTER, str(out)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(3):
                assert process.stdout.readline() == "go\n"
            time.sleep(generator.uniform(0.0, 0.02))
            process.send_signal(signal.SIGKILL)
            process.wait()
        visible = [f for f in out.iterdir() if not f.name.startswith(".")]
        assert run_folders(out) == sorted(visible)
        for folder in visible:
            assert names(folder) == FILES
            assert read_run(folder).repeats == (repeat(0),)
            assert len(tables.read(folder, tables.STEPS)) == 5
        assert len(unfinished(out)) <= 1
        seen += len(visible)
    assert seen >= 8


def test_a_draft_whose_run_is_whole_is_not_unfinished(tmp_path: Path, whole: Run) -> None:
    draft_of(tmp_path, whole).commit(whole, YAML)
    (tmp_path / f".{whole.id}").mkdir()  # killed between the renaming and the clearing away
    assert unfinished(tmp_path) == []
    (tmp_path / ".20260131-235959-other-0123").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".20260131-235959-a-file-01234567").touch()
    assert [f.name for f in unfinished(tmp_path)] == [".20260131-235959-other-0123"]
    assert unfinished(tmp_path / "nowhere") == []


@pytest.fixture
def stored(tmp_path: Path, whole: Run) -> Path:
    return draft_of(tmp_path, whole).commit(whole, YAML)


def _change(**fields: object) -> Callable[[str], bytes]:
    return lambda text: json.dumps({**json.loads(text), **fields}).encode()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _text: b"", "damaged"),
        (lambda text: text[: len(text) // 2].encode(), "damaged"),
        (lambda _text: b"\xff\xfe\x00", "damaged"),
        (lambda _text: b"[" * 100_000, "damaged"),
        (lambda _text: b"[]", "not a BenchBench result"),
        (lambda _text: b'{"schema": 1}', "not a BenchBench result"),
        (_change(schema=2), "schema 2 is not known here"),
        (_change(schema=None), "schema None"),
        (_change(run={}), "damaged"),
        (_change(run=7), "damaged"),
        (lambda text: text.replace('"ok"', '"splendid"').encode(), "damaged"),
        (lambda text: re.sub(r'"step_s": [0-9.e-]+', '"step_s": -0.1', text).encode(), "is damaged: figures.step_s"),
        (lambda text: re.sub(r'"step_s": [0-9.e-]+', '"step_s": 1e300', text).encode(), "is damaged: figures.step_s"),
    ],
)
def test_a_result_that_cannot_be_read_says_why_and_which(
    stored: Path, damage: Callable[[str], bytes], says: str
) -> None:
    file = stored / "result.json"
    file.write_bytes(damage(file.read_text()))
    with pytest.raises(RecordError, match=says) as caught:
        read_run(stored)
    assert caught.value.file == str(file)
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 1000


def test_what_is_not_there_is_named(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(RecordError, match="no such file or folder") as caught:
        read_run(tmp_path / "nowhere")
    assert caught.value.file == str(tmp_path / "nowhere")
    (stored / "result.json").unlink()
    with pytest.raises(RecordError, match="holds no result"):
        read_run(stored)
    (stored / "result.json").mkdir()
    with pytest.raises(RecordError, match="cannot be read"):
        read_run(stored)


def test_keys_of_a_later_version_are_passed_over(stored: Path, whole: Run) -> None:
    file = stored / "result.json"
    document = json.loads(file.read_text())
    document["later"] = document["run"]["later"] = document["run"]["repeats"][0]["figures"]["later"] = {"x": 1}
    file.write_text(json.dumps(document))
    assert read_run(stored) == whole


def test_a_word_finds_its_run(tmp_path: Path, stored: Path, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = run(repeat(0), run_id="20260131-235959-u-00000000")
    draft_of(tmp_path, other).commit(other, YAML)
    assert find(tmp_path, whole.id) == stored
    assert find(tmp_path, "20260131-235959-t") == stored
    assert find(tmp_path / "elsewhere", str(stored)) == stored
    assert find(tmp_path, str(stored / "result.json")) == stored / "result.json"
    monkeypatch.chdir(stored)
    assert find(Path("results"), ".").resolve() == stored
    with pytest.raises(RecordError, match="beginning of 2 ids"):
        find(tmp_path, "2026")


@pytest.mark.parametrize("word", ["", "nothing", "..", "x" * 5000, "a\0b", ".20260131-235959-t-3f9a01c2"])
def test_a_word_that_means_nothing_is_refused(tmp_path: Path, stored: Path, word: str) -> None:
    with pytest.raises(RecordError):
        find(tmp_path, word)


def test_an_unknown_word_gets_the_nearest_id(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(RecordError, match=rf"did you mean '{stored.name}'\?"):
        find(tmp_path, stored.name[:-1] + "d")
    with pytest.raises(RecordError, match="there are no results under"):
        find(tmp_path / "empty", "x")


def test_ids_are_fresh_and_sort_by_time() -> None:
    ids = [new_id("bert-base") for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(store._DRAFT.fullmatch(f".{one}") for one in ids)
    assert [one[:15] for one in ids] == sorted(one[:15] for one in ids)
