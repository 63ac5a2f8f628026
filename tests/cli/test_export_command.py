"""`benchbench export`, as a user types it."""

import json
from pathlib import Path

import pytest
import yaml

from benchbench.cli.main import run
from benchbench.scenario.loading import load
from tests.report.records import run_folder, study, study_folder

ID = "20260101-000001-bert-bbbb"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = {"baseline": run_folder(Path("results"), "a"), "recommendation": run_folder(Path("results"), "b")}
    study_folder(Path("results"), study(runs))


def test_a_format_with_comments_lists_there_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", ID, "--format", "accelerate"]) == 0
    said = capsys.readouterr()
    assert yaml.safe_load(said.out)["mixed_precision"] == "bf16"
    assert f"# bert: recommended by study {ID} (faster, 1.83x the baseline)" in said.out
    assert "#   training.optimizer.learning_rate = 5e-05" in said.out
    assert said.err == ""


@pytest.mark.parametrize("name", ["training-arguments", "deepspeed"])
def test_json_stands_alone_on_stdout_and_the_rest_on_stderr(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "20260101-000001", "--format", name]) == 0
    said = capsys.readouterr()
    assert isinstance(json.loads(said.out), dict)
    assert f"recommended by study {ID}" in said.err
    assert "no stored run tells which micro-batch fitted" in said.err


def test_a_file_is_written_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", f"results/{ID}", "--format", "yaml", "-o", "new/folder/mine.yaml"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "written: new/folder/mine.yaml\n")
    (read,) = load("new/folder/mine.yaml")
    assert read.precision == "bf16"


def test_a_study_file_alone_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Path(f"results/{ID}/study.json").rename(elsewhere / "study.json")
    assert run(["export", "elsewhere/study.json", "--format", "torchrun"]) == 0
    assert 'exec torchrun --standalone --nproc-per-node=1 "$@"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing", "--format", "yaml"], "nothing stored is called 'nothing'"),
        (["a", "--format", "yaml"], "results/a: a run, and a study is asked for: it holds no study.json"),
        ([ID, "--format", "acelerate"], "did you mean 'accelerate'?"),
        ([ID], "--format"),
        (["results/a/result.json", "--format", "yaml"], "not a BenchBench study"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_place_that_cannot_be_written_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert run(["export", ID, "--format", "yaml", "-o", "file/x.yaml"]) == 3
    assert "file" in capsys.readouterr().err


def test_a_run_or_a_study_goes_to_a_tracker(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", ID, "--format", "tensorboard"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "written: 13 entries" in said.err  # the study, its four trials, two runs of three repeats
    assert "to see them: tensorboard --logdir runs" in said.err
    assert run(["export", "results/a", "--format", "tensorboard", "-o", "mine"]) == 0
    assert sorted(path.name for path in Path("mine/a").iterdir() if path.is_dir()) == [f"repeat-{i}" for i in range(3)]


def test_a_misspelt_tracker_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", ID, "--format", "tensorbord"]) == 2
    assert "--format: no format is called 'tensorbord': did you mean 'tensorboard'?" in capsys.readouterr().err
