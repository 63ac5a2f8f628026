"""`benchbench history`, as a user types it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli import main
from benchbench.record.types import Outcome
from tests.report.records import MACHINE, TARGET, run_folder, scenario

SLOWER = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.1)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stored(day: int, factor: float = 1.0, **changes: Any) -> Path:
    """A run of a day and a commit, whose steps take `factor` times as long as another's."""
    machine = changes.pop("machine", MACHINE).model_copy(update={"git_commit": f"{day:02d}" + "f" * 38})
    run_id = f"202601{day:02d}-000000-bert-aaaa"
    folder = run_folder(Path("results"), run_id, machine=machine, devices=(), **changes)
    file = folder / "result.json"
    whole = json.loads(file.read_text())
    for repeat in whole["run"]["repeats"]:
        repeat["figures"]["step_s"] *= factor * (1 + 0.002 * (day % 3 - 1))
    file.write_text(json.dumps(whole))
    return folder


def followed(factors: Sequence[float], **changes: Any) -> None:
    for day, factor in enumerate(factors, start=1):
        stored(day, factor, **changes)


def history(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the document on stdout and what was said on stderr."""
    code = main.run(["history", *arguments, "--json"])
    said = capsys.readouterr()
    document: dict[str, Any] = json.loads(said.out)
    return code, document, said.err


def test_the_document_the_page_and_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    followed(SLOWER)
    code, found, said = history(capsys, "bert")
    assert code == 0
    assert (found["schema"], found["report"]) == (1, "reports/history-bert.html")
    (series,) = found["series"]
    assert (series["name"], series["metric"], len(series["points"])) == ("bert", "step_s", 9)
    (step,) = series["steps"]
    assert (step["at"], step["verdict"]) == ("20260107-000000-bert-aaaa", "slower")
    assert step["commit"] == "07" + "f" * 38
    assert step["ratio"]["value"] == pytest.approx(1.1, abs=0.005)
    assert "Slower since 20260107-000000-bert-aaaa (07ffffff): the step time is 10 % higher" in said
    assert "page: reports/history-bert.html" in said
    page = Path("reports/history-bert.html").read_text()
    assert "Slower since 20260107" in page
    assert "As it was typed" in page


@pytest.mark.parametrize(
    ("factors", "arguments", "code"),
    [
        (SLOWER, ["--fail-if", "slower"], 5),
        (SLOWER, [], 0),
        (SLOWER, ["--fail-if", "slower", "--threshold", "20%"], 0),
        (SLOWER[::-1], ["--fail-if", "slower"], 0),
        ((1.0,) * 9, ["--fail-if", "slower"], 0),
        ((1.0,) * 6 + (1.1,) * 6 + (1.0,) * 6, ["--fail-if", "slower"], 0),
        ((1.0,) * 6 + (0.9,) * 6 + (1.0,) * 6, ["--fail-if", "slower"], 5),
    ],
)
def test_the_exit_code_says_whether_it_tripped(
    capsys: pytest.CaptureFixture[str], factors: Sequence[float], arguments: Sequence[str], code: int
) -> None:
    followed(factors)
    assert history(capsys, *arguments, "--no-report")[0] == code


def test_a_lost_target_trips_too(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0), of=scenario(**TARGET))
    file = stored(3, of=scenario(**TARGET)) / "result.json"
    whole = json.loads(file.read_text())
    for repeat in whole["run"]["repeats"]:
        repeat["reach"] = {"reached": False}
    file.write_text(json.dumps(whole))
    code, found, said = history(capsys, "--fail-if", "slower", "--no-report")
    assert (code, found["series"][0]["target_lost"]) == (5, True)
    assert "misses the target" in said


def test_machines_stay_apart_and_share_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    other = MACHINE.model_copy(update={"cpu": "another CPU"})
    for day in range(1, 9):
        stored(day, 1.0 if day % 2 else 2.0, machine=MACHINE if day % 2 else other)
    code, found, said = history(capsys, "--fail-if", "slower")
    assert code == 0, "no step: each machine is as fast as it was"
    assert [len(s["points"]) for s in found["series"]] == [4, 4]
    assert found["series"][0]["machine"]["cpu"] != found["series"][1]["machine"]["cpu"]
    assert "a series apart" in said
    page = Path(found["report"]).read_text()
    assert page.count("<article") == 2
    assert "another CPU" in page


def test_several_scenarios_share_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0))
    for day in (11, 12):
        stored(day, of=scenario(name="gpt", precision="bf16"))
    _, found, _ = history(capsys)
    assert [s["name"] for s in found["series"]] == ["bert", "gpt"]
    assert found["report"] == "reports/history-all.html"


def test_the_metric_and_the_folder_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    followed(SLOWER, of=scenario(**TARGET))
    Path("results").rename("moved")
    _, found, said = history(capsys, "--metric", "samples_per_s", "--out", "moved", "--no-report")
    (series,) = found["series"]
    assert (series["metric"], series["steps"][0]["verdict"]) == ("samples_per_s", "slower")
    assert "the throughput is 9" in said
    assert history(capsys, "--out", "moved", "--no-report")[1]["series"][0]["metric"] == "time_to_target_s"


def test_no_report_writes_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0))
    assert history(capsys, "--no-report")[1]["report"] is None
    assert not Path("reports").exists()


def test_a_folder_without_its_document_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0, 1.0))
    (Path("results") / "20260102-000000-bert-aaaa" / "result.json").unlink()
    code, found, said = history(capsys)
    assert (code, len(found["series"][0]["points"]), len(found["problems"])) == (0, 2, 1)
    assert "results/20260102-000000-bert-aaaa: not a result folder: it holds no result.json" in said.replace("\n", "")


def test_what_was_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0, 1.0))
    (Path("results") / "20260102-000000-bert-aaaa" / "result.json").write_text("{")
    run_folder(Path("results"), "20260104-000000-bert-aaaa", outcomes=(Outcome.OOM,), devices=())
    code, found, said = history(capsys)
    assert (code, len(found["series"][0]["points"]), len(found["problems"])) == (0, 2, 2)
    for problem in found["problems"]:
        assert problem in said.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["brt"], "did you mean 'bert'?"),
        (["missing.yaml"], "no such file"),
        (["--threshold", "two"], "2%"),
        (["--metric", "speed"], "--metric"),
        (["--fail-if", "wrong"], "--fail-if"),
        (["--out", "elsewhere"], "no runs under elsewhere"),
        ([], "two runs or more"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], words: str
) -> None:
    stored(1)
    code, found, said = history(capsys, *arguments)
    assert code == 2
    assert words in found["error"]["message"]
    assert found["error"]["message"] in said
    assert not Path("reports").exists()


def test_a_page_that_cannot_be_written_hurts_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    followed((1.0, 1.0))
    Path("reports").write_text("in the way")
    code, found, said = history(capsys)
    assert (code, found["report"]) == (0, None)
    assert "could not be written" in said
