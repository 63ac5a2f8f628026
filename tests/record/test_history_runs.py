"""Which stored runs a history is made of, and that machines are never joined."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import RecordError, ScenarioError
from benchbench.record.history import History
from benchbench.record.history_runs import history
from benchbench.record.types import Outcome
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.writing import to_yaml
from tests.report.records import MACHINE, run_folder, scenario, study, study_folder

OTHER = MACHINE.model_copy(update={"cpu": "another CPU"})


def stored(out: Path, day: int, **changes: Any) -> Path:
    return run_folder(out, f"202601{day:02d}-000000-bert-aaaa", outcomes=(Outcome.OK,) * 2, devices=(), **changes)


def found(out: Path, word: str | None = None) -> History:
    return history(out, word, None, 0.02)


def ids(of: History) -> list[list[str]]:
    return [[point.id[6:8] for point in series.points] for series in of.series]


def test_machines_are_series_of_their_own(tmp_path: Path) -> None:
    for day, machine in enumerate((MACHINE, OTHER, MACHINE, OTHER), start=1):
        stored(tmp_path, day, machine=machine)
    whole = found(tmp_path)
    assert ids(whole) == [["01", "03"], ["02", "04"]]
    assert [s.machine.cpu for s in whole.series] == ["a CPU", "another CPU"]
    for series, note in zip(whole.series, ("cpu a CPU here, another CPU there", "cpu another CPU here"), strict=True):
        (told,) = series.notes
        assert "2 runs of this scenario on another machine" in told
        assert note in told


@pytest.mark.parametrize(("limit", "value"), [("cpus_usable", 1), ("cpu_quota", 1.5), ("memory_limit_bytes", 2**30)])
def test_a_machine_of_which_a_run_could_use_a_part_is_another(tmp_path: Path, limit: str, value: float) -> None:
    part = MACHINE.model_copy(update={limit: value})
    for day, machine in enumerate((MACHINE, part, MACHINE, part), start=1):
        stored(tmp_path, day, machine=machine)
    whole = found(tmp_path)
    assert ids(whole) == [["01", "03"], ["02", "04"]]
    assert f"{limit} " in whole.series[0].notes[0]


def test_settings_are_series_of_their_own(tmp_path: Path) -> None:
    for day, precision in enumerate(("fp32", "bf16", "fp32", "bf16", "bf16"), start=1):
        stored(tmp_path, day, of=scenario(precision=precision))
    whole = found(tmp_path)
    assert ids(whole) == [["01", "03"], ["02", "04", "05"]]
    assert whole.series[0].notes == (
        f"3 runs of the same name and other settings: a series apart ({scenario(precision='bf16').key[:19]})",
    )


def test_a_name_a_repeat_and_a_question_are_no_settings(tmp_path: Path) -> None:
    stored(tmp_path, 1), stored(tmp_path, 2, of=scenario(name="renamed", question="Why?"))
    whole = found(tmp_path, "bert")
    assert ids(whole) == [["01", "02"]]
    assert whole.series[0].scenario.name == "renamed", "as the newest run has it"


def test_none_means_every_scenario_with_two_runs(tmp_path: Path) -> None:
    stored(tmp_path, 1), stored(tmp_path, 2)
    stored(tmp_path, 3, of=scenario(name="alone", precision="bf16"))
    assert ids(found(tmp_path)) == [["01", "02"]]
    assert ids(found(tmp_path, "alone")) == [["03"]], "one that is named is shown"


@pytest.mark.parametrize("word", ["A Name", "a-name", "key", "short key", "hex", "file"])
def test_a_scenario_is_named_in_many_ways(tmp_path: Path, word: str) -> None:
    out = tmp_path / "results"
    wanted = scenario(name="A Name", precision="bf16")
    stored(out, 1, of=wanted), stored(out, 2)
    file = tmp_path / "a.yaml"
    file.write_text(to_yaml(wanted))
    words = {"key": wanted.key, "short key": wanted.key[:12], "hex": wanted.key[7:15], "file": str(file)}
    assert ids(found(out, words.get(word, word))) == [["01"]]


def test_a_file_means_its_settings_and_not_its_name(tmp_path: Path) -> None:
    out, file = tmp_path / "results", tmp_path / "a.yaml"
    stored(out, 1), stored(out, 2, of=scenario(precision="bf16"))
    file.write_text(to_yaml(scenario()))
    assert ids(found(out, str(file))) == [["01"]]
    file.write_text(to_yaml(scenario(precision="tf32")))
    with pytest.raises(RecordError, match=r"no stored run has the settings.*benchbench history bert"):
        found(out, str(file))
    file.write_text("name: [")
    with pytest.raises(ScenarioError):
        found(out, str(file))


@pytest.mark.parametrize("word", ["brt", "", "sha256:ffffffff", "\0", "x" * 5000, "abcd"])
def test_a_word_that_means_nothing(tmp_path: Path, word: str) -> None:
    stored(tmp_path, 1)
    with pytest.raises(RecordError, match=r"no stored run has the scenario.*bert"):
        found(tmp_path, word)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    stored(tmp_path / "results", 1)
    with pytest.raises(ScenarioError, match="no such file"):
        found(tmp_path / "results", str(tmp_path / "missing.yaml"))


def test_a_beginning_of_two_keys_is_refused(tmp_path: Path) -> None:
    seen: dict[str, Scenario] = {}
    every = (scenario(training={"seed": seed}) for seed in range(5000))
    second = next(of for of in every if seen.setdefault(of.key[:11], of) is not of)
    first = seen[second.key[:11]]
    stored(tmp_path, 1, of=first), stored(tmp_path, 2, of=second)
    with pytest.raises(RecordError, match="beginning of 2 scenario keys"):
        found(tmp_path, first.key[:11])
    assert ids(found(tmp_path, second.key)) == [["02"]]


def test_runs_of_a_study_are_left_out(tmp_path: Path) -> None:
    inside = {"baseline": stored(tmp_path, 1), "recommendation": stored(tmp_path, 2)}
    study_folder(tmp_path, study(inside))
    stored(tmp_path, 3)
    assert ids(found(tmp_path, "bert")) == [["03"]]


def test_a_study_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    stored(tmp_path, 1)
    folder = study_folder(tmp_path, study())
    (folder / "study.json").write_text("{")
    (problem,) = found(tmp_path, "bert").problems
    assert str(folder) in problem


def test_damaged_folders_and_failed_runs_are_named_and_the_rest_works(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4, 5):
        stored(tmp_path, day)
    files = {day: tmp_path / f"202601{day:02d}-000000-bert-aaaa" / "result.json" for day in (3, 4, 5)}
    whole = files[3].read_text()
    files[3].write_text(whole[: len(whole) // 2])
    files[4].write_text(json.dumps({**json.loads(whole), "schema": 2}))
    damaged = json.loads(whole)
    damaged["run"]["repeats"][0]["figures"]["step_s"] = float("nan")
    files[5].write_text(json.dumps(damaged))
    run_folder(tmp_path, "20260106-000000-bert-aaaa", outcomes=(Outcome.CRASHED,), devices=())
    found_ = found(tmp_path)
    assert ids(found_) == [["01", "02"]]
    told = "\n".join(found_.problems)
    for words in ("the file is damaged", "schema 2", "figures.step_s of repeat 0 is nan", "ended as crashed"):
        assert words in told
    assert told.count("it was left out") == 4


def test_nothing_to_follow_says_why(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no runs under .*benchbench run"):
        found(tmp_path / "missing")
    stored(tmp_path, 1)
    with pytest.raises(RecordError, match="two runs or more on one machine"):
        found(tmp_path)
    run_folder(tmp_path, "20260106-000000-x-aaaa", outcomes=(Outcome.OOM,), devices=(), of=scenario(name="x"))
    file = tmp_path / "20260101-000000-bert-aaaa" / "result.json"
    file.write_text("{}")
    with pytest.raises(RecordError, match=r"'x' has a value to follow .*ended as oom"):
        found(tmp_path, "x")


def test_the_document(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        stored(tmp_path, day)
    document = found(tmp_path).answer("reports/x.html")
    assert list(document) == ["schema", "report", "threshold", "series", "problems"]
    (series,) = document["series"]
    assert {"name", "scenario_key", "machine", "metric", "points", "steps"} <= set(series)
    assert series["scenario_key"] == scenario().key
    assert series["machine"]["fingerprint"] == MACHINE.fingerprint
    assert set(series["points"][0]["value"]) == {"value", "low", "high", "confidence", "n", "unit"}
    assert json.loads(json.dumps(document, allow_nan=False)) == document
