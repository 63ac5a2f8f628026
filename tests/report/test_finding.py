"""A user's words find runs and studies, or say what was near."""

from pathlib import Path

import pytest

from benchbench.errors import RecordError
from benchbench.report.finding import everything, named
from benchbench.report.subject import RunSubject, StudySubject
from tests.report.records import TARGET, run_folder, scenario, study, study_folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    out = tmp_path / "results"
    runs = {
        role: run_folder(out, f"20260101-{role}-aaaa", of=scenario(**TARGET)) for role in ("baseline", "recommendation")
    }
    run_folder(out, "20260102-alone-bbbb")
    study_folder(out, study(runs))
    return out


def test_ids_beginnings_folders_and_files(results: Path) -> None:
    alone = results / "20260102-alone-bbbb"
    for word in ("20260102-alone-bbbb", "20260102", str(alone), str(alone / "result.json")):
        (found,) = named(results, [word])
        assert isinstance(found, RunSubject)
        assert found.folder == alone
        assert found.steps.frame is not None
    (found_study,) = named(results, ["20260101-000001"])
    assert isinstance(found_study, StudySubject)
    assert not found_study.missing


def test_a_thing_named_twice_is_shown_once(results: Path) -> None:
    assert len(named(results, ["20260102", "20260102-alone-bbbb"])) == 1


def test_unknown_words_name_the_nearest(results: Path) -> None:
    with pytest.raises(RecordError, match="did you mean '20260102-alone-bbbb'"):
        named(results, ["20260103-alone-bbbb"])
    with pytest.raises(RecordError, match="beginning of 3 ids"):
        named(results, ["20260101"])
    with pytest.raises(RecordError, match="there are no results under"):
        named(results / "nowhere", ["x"])
    with pytest.raises(RecordError):
        named(results, [""])


def test_everything_is_newest_first_and_a_studys_runs_are_inside_it(results: Path) -> None:
    found, problems = everything(results)
    assert [subject.id for subject in found] == ["20260101-000001-bert-bbbb", "20260102-alone-bbbb"]
    assert problems == []


def test_a_folder_without_its_document_is_named_with_the_reason(results: Path) -> None:
    bare = results / "20260102-alone-bbbb"
    (bare / "result.json").unlink()
    found, problems = everything(results)
    assert len(found) == 1
    assert problems == [str(_refused(results, str(bare)))]
    assert "it holds no result.json and no study.json; bring that file back" in problems[0]
    assert "not a result folder" in str(_refused(results, "20260102-alone-bbbb"))
    (results / "notes").mkdir()
    assert "bring" not in str(_refused(results, "notes")), "nothing says that it ever was a result"


def _refused(results: Path, word: str) -> RecordError:
    with pytest.raises(RecordError) as caught:
        named(results, [word])
    return caught.value


def test_what_cannot_be_read_is_left_out_and_said(results: Path) -> None:
    (results / "20260102-alone-bbbb" / "result.json").write_text("{")
    found, problems = everything(results)
    assert len(found) == 1
    assert "damaged" in problems[0]
    with pytest.raises(RecordError, match="damaged"):
        named(results, ["20260102"])
    with pytest.raises(RecordError, match="there are no results"):
        everything(results / "nowhere")
