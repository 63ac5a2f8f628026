from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchbench.errors import RecordError, StoreError
from benchbench.executors.kinds.fake import Script
from benchbench.record.lookup import STUDY, find
from benchbench.record.study import Study
from benchbench.record.study_store import StudyDraft, read_study, study_folders
from tests.tuning.lab import Lab, planted_answer


@pytest.fixture
def study(tmp_path: Path) -> Study:
    script: Script = planted_answer
    return Lab(out=tmp_path / "made").tune(script, trials=2).study


def test_a_study_appears_whole(tmp_path: Path, study: Study) -> None:
    draft = StudyDraft(tmp_path / "out", "mine")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".mine"]
    assert study_folders(tmp_path / "out") == []
    folder = draft.commit(study, {"recommended.yaml": "name: x\n"})
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]
    assert sorted(p.name for p in folder.iterdir()) == ["recommended.yaml", STUDY]
    assert read_study(folder) == read_study(folder / STUDY) == study


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path, study: Study) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    draft = StudyDraft(tmp_path, "mine")
    with pytest.raises(StoreError):
        draft.commit(study, {})
    assert (tmp_path / "mine" / "precious").exists()
    assert (draft.folder / STUDY).is_file(), "what was found stays in the hidden folder"
    with pytest.raises(StoreError, match="cannot be made"):
        StudyDraft(tmp_path, "mine")


def test_a_discarded_study_leaves_nothing(tmp_path: Path) -> None:
    StudyDraft(tmp_path, "mine").discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "damaged"),
        ("[]", "not a BenchBench study"),
        ('{"runs": []}', "not a BenchBench study"),
        ('{"schema": 2, "study": "x"}', "newer"),
        ('{"schema": 1, "study": "x"}', "damaged"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / STUDY).write_text(text)
    with pytest.raises(RecordError, match=says):
        read_study(tmp_path)


def test_a_folder_without_a_study_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=STUDY):
        read_study(tmp_path)


def test_keys_of_a_later_version_are_left_out(tmp_path: Path, study: Study) -> None:
    (tmp_path / STUDY).write_text(json.dumps({**study.document(), "invented": 1}))
    assert read_study(tmp_path) == study


def test_a_study_is_found_by_path_name_and_beginning(tmp_path: Path, study: Study) -> None:
    out = tmp_path / "out"
    first = StudyDraft(out, "first-1").commit(study, {})
    other = StudyDraft(out, "first-2").commit(study, {})
    assert find(out, "first-1") == first
    assert find(out, str(other)) == other
    assert find(out, str(other / STUDY)) == other / STUDY
    assert set(study_folders(out)) == {first, other}
    with pytest.raises(RecordError, match="beginning of 2 ids"):
        find(out, "first")
    with pytest.raises(RecordError, match="did you mean 'first-1'"):
        find(out, "frist-1")
    with pytest.raises(RecordError, match="no results"):
        find(tmp_path / "nowhere", "x")
