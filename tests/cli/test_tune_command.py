"""`benchbench tune`, as a user types it; the trainings are faked."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli.main import run
from benchbench.executors.kinds import fake
from benchbench.executors.kinds.fake import Answer, FakeExecutor
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario

SCENARIO = """
name: fake
model: {family: bert, size: tiny}
task: sequence-classification
training: {max_steps: 200, global_batch: 32}
hardware: {device: cpu}
target: {metric: accuracy, at_least: 0.9, eval_every: 20}
search:
  space:
    training.global_batch: [16, 32, 48, 64]
    training.micro_batch: [16, 32]
"""

Run = Callable[..., int]


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `benchbench tune` in an empty folder against a script."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHBENCH_LOCK", str(tmp_path / ".lock"))
    (tmp_path / "s.yaml").write_text(SCENARIO)

    def call(*arguments: str, script: fake.Script = lambda *_: Answer()) -> int:
        monkeypatch.setattr(fake, "PLUGIN", lambda: FakeExecutor(script))
        return run(["tune", *arguments, "--executor", "fake"])

    return call


def fast_at_64(scenario: Scenario, seed: int) -> Answer:
    quick = scenario.training.global_batch == 64
    return Answer(step_s=0.01 * (1 + 0.002 * (seed % 2)), steps_to_target=50 if quick else 100)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_page_opens_in_the_language_that_is_asked_for(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("s.yaml", "--budget", "60s", "--trials", "2", "--lang", "zh", "--json") == 0
    assert '<html lang="zh"' in Path(document(capsys)["report"]).read_text()
    assert tune("s.yaml", "--budget", "60s", "--lang", "xx") == 2
    assert "--lang" in capsys.readouterr().err


def test_the_document_is_the_contracts_and_stands_alone_on_stdout(
    tune: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("s.yaml", "--budget", "60s", "--json", script=fast_at_64) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    contract = {
        "schema", "study", "dir", "report", "budget_s", "spent_s", "trials", "baseline", "recommendation",
        "attribution", "economics",
    }  # fmt: skip
    assert contract <= set(whole)
    assert whole["budget_s"] == 60.0
    outcomes = {"ok", "refused", "oom", "timeout", "crashed", "diverged", "interrupted", "invalid"}
    assert set(whole["trials"]) == outcomes
    assert whole["trials"]["ok"] > 1
    assert sum(whole["trials"].values()) == whole["trials"]["ok"]
    found = whole["recommendation"]
    assert found["verdict"] == "faster"
    assert found["overrides"]["training.global_batch"] == 64
    assert set(found["overrides"]) == {"training.global_batch", "training.micro_batch"}
    assert found["speedup"]["low"] > 1
    (recommended,) = load(found["scenario_path"])
    assert recommended.training.global_batch == 64
    assert Path(whole["dir"], "study.json").is_file()
    assert Path(whole["report"]).is_file()
    assert whole["economics"]["search_s"] == whole["spent_s"] <= 63.0
    assert "refused" in told.err
    assert "baseline" in told.err
    assert "time left" in told.err
    assert found["scenario_path"] in re.sub(r"\s", "", told.err)


def test_without_a_scenario_the_folders_bert_base_is_tuned_and_said_first(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "bert_base.yaml").write_text(SCENARIO.replace("name: fake", "name: of-the-folder"))
    assert tune("--budget", "30s", "--trials", "2", "--json", "--no-report") == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[0] == "no scenario was named: tuning scenarios/bert_base.yaml"
    assert "of-the-folder" in json.loads(told.out)["study"]


def test_without_a_folder_the_packaged_bert_base_is_tuned(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "30s", "--trials", "2", "--json", "--no-report") == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[0].endswith("bert_base.yaml")
    assert "bert-base" in json.loads(told.out)["study"]


def test_no_setup_that_reaches_the_target_is_exit_code_4(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def never(_scenario: Scenario, _seed: int) -> Answer:
        return Answer(steps_to_target=None)

    assert tune("s.yaml", "--budget", "60s", "--trials", "3", "--json", "--no-report", script=never) == 4
    found = document(capsys)["recommendation"]
    assert found["verdict"] == "target-not-reached"
    assert Path(found["scenario_path"]).is_file()


def test_an_interruption_is_exit_code_130_and_what_was_measured_is_reported(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def script(scenario: Scenario, seed: int) -> Answer:
        asked.append(scenario)
        return Answer(interrupt=len(asked) == 3)

    assert tune("s.yaml", "--budget", "60s", "--json", script=script) == 130
    whole = document(capsys)
    assert (whole["trials"]["ok"], whole["trials"]["interrupted"]) == (2, 1)
    assert whole["stopped"] == "interrupted"
    assert whole["baseline"]["time_to_target_s"]["value"] == pytest.approx(1.0)
    assert Path(whole["report"]).is_file()
    assert len([p for p in (tmp_path / "results").iterdir() if not p.name.startswith(".")]) == 4


def test_failing_trials_are_exit_code_0(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        outcome = Outcome.OK if scenario.training.global_batch == 32 else Outcome.OOM
        return Answer(outcome=outcome)

    assert tune("s.yaml", "--budget", "60s", "--json", "--no-report", script=script) == 0
    whole = document(capsys)
    assert whole["trials"]["oom"] > 0
    assert whole["report"] is None


def test_throughput_has_no_time_to_target(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("s.yaml", "--budget", "60s", "--objective", "throughput", "--json", "--no-report") == 0
    found = document(capsys)["recommendation"]
    assert found["time_to_target_s"] is None
    assert found["verdict"] == "faster"
    assert found["overrides"]["training.global_batch"] == 64


def test_dry_run_says_what_for_how_long_and_why_and_creates_nothing(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("s.yaml", "--budget", "10m", "--dry-run", "--json") == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert (whole["dry_run"], whole["setups"], whole["objective"]) == (True, 8, "time")
    assert (whole["budget_s"], whole["ends_within_s"]) == (600.0, 630.0)
    assert "8 setups" in told.err
    assert "10 min" in told.err
    assert [p.name for p in tmp_path.iterdir()] == ["s.yaml"]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["s.yaml", "--budget", "soon"], "--budget"),
        (["s.yaml", "--budget", "3s"], "--budget"),
        (["s.yaml", "--budget", "1m", "--engine", "ray"], "--engine"),
        (["s.yaml", "--budget", "1m", "--engine", "slurm"], "--engine"),
        (["s.yaml", "--budget", "1m", "--engine", "rey"], "--engine"),
        (["s.yaml", "--budget", "1m", "--workers", "2"], "--workers"),
        (["s.yaml", "--budget", "1m", "--storage", "sqlite:///x.db"], "--storage"),
        (["s.yaml", "--budget", "1m", "--resume"], "--resume"),
        (["s.yaml", "--budget", "1m", "--records", "x.csv"], "--records"),
        (["s.yaml", "--budget", "1m", "--objective", "cost"], "hardware.price_per_hour"),
        (["s.yaml", "--budget", "1m", "--objective", "speed"], "--objective"),
        (["s.yaml", "--budget", "1m", "--study", "a/b"], "--study"),
        (["s.yaml", "--budget", "1m", "--set", "precision=fp32", "--set", "precision=bf16"], "--set"),
        (["s.yaml", "--budget", "1m", "--set", "search.space={training.micro_batch: [5, 7]}"], "search.space"),
        (["s.yaml", "--budget", "1m", "--set", "precision=fp8"], "precision"),
        (["missing.yaml", "--budget", "1m"], None),
        (["s.yaml"], None),
        (["s.yaml", "--budget", "1m", "--trials", "0"], None),
    ],
)
def test_wrong_input_is_exit_code_2_with_a_document_and_nothing_is_created(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], key: str | None
) -> None:
    assert tune(*arguments, "--json") == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["key"] == key
    assert error["message"] in told.err
    assert [p.name for p in tmp_path.iterdir()] == ["s.yaml"]


def test_what_comes_later_is_called_not_implemented(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    tune("s.yaml", "--budget", "1m", "--workers", "2", "--json")
    error = document(capsys)["error"]
    assert error["kind"] == "unsupported"
    assert "not implemented yet" in error["message"]


def test_an_unknown_executor_is_refused(tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "s.yaml", "--budget", "1m", "--executor", "chld"]) == 2
    assert "child" in capsys.readouterr().err


def test_the_file_stands_in_the_message_of_what_is_wrong_in_it(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    tune("s.yaml", "--budget", "1m", "--set", "search.space={training.micro_batch: [5, 7]}", "--json")
    error = document(capsys)["error"]
    assert error["file"] == "s.yaml"
    assert "no combination of these values can run; the first is refused: " in error["message"]


def test_without_a_space_one_is_derived_and_shown_before_it_starts(
    tune: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("s.yaml", "--budget", "60s", "--trials", "2", "--set", "search.space={}", "--json", "--no-report")
    assert tune(*arguments) == 0
    told = capsys.readouterr()
    shown, _, after = told.err.partition("baseline")
    assert "this one follows from it and from the machine" in shown
    for word in ("training.optimizer.learning_rate", "seconds-per-step", "steps-to-target", "fp32, bf16"):
        assert word in re.sub(r"\s+", " ", shown), word
    assert after
    study = json.loads(Path(json.loads(told.out)["dir"], "study.json").read_text())
    space = study["scenario"]["search"]["space"]
    assert space["precision"] == ["fp32", "bf16"]
    assert set(space) == set(study["recommendation"]["overrides"])


def test_a_study_is_named_and_its_name_taken_once(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("s.yaml", "--budget", "60s", "--trials", "2", "--study", "mine", "--json", "--no-report")
    assert tune(*arguments) == 0
    assert document(capsys)["dir"] == "results/mine"
    assert tune(*arguments) == 2
    assert document(capsys)["error"]["key"] == "--study"


def test_a_page_that_cannot_be_written_hurts_nothing(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    assert tune("s.yaml", "--budget", "60s", "--trials", "2", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["report"] is None
    assert "page could not be written" in told.err


def test_the_seed_and_the_command_are_kept(
    tune: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["benchbench", "tune", "s.yaml", "--seed", "7"])
    assert tune("s.yaml", "--budget", "60s", "--trials", "2", "--seed", "7", "--json", "--no-report") == 0
    study = json.loads(Path(document(capsys)["dir"], "study.json").read_text())
    assert study["seed"] == 7
    assert study["command"] == ["benchbench", "tune", "s.yaml", "--seed", "7"]
    assert study["machine"]["cpus"] > 0


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("search.space={parallelism.pipeline: [1, 2]}", "search.space.parallelism.pipeline"),
        ("search.baseline={parallelism.pipeline: 2, hardware.devices: 2}", "search.baseline.parallelism.pipeline"),
    ],
)
def test_a_value_without_an_engine_is_refused_before_anything_runs(
    tune: Run, capsys: pytest.CaptureFixture[str], setting: str, key: str
) -> None:
    assert tune("s.yaml", "--budget", "1h", "--json", "--set", setting) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["key"] == key
    assert "not implemented yet" in captured.err
    assert not Path("results").exists()


def thrifty_at_16(scenario: Scenario, seed: int) -> Answer:
    small = scenario.training.micro_batch == 16
    return Answer(
        step_s=(0.02 if small else 0.01) * (1 + 0.002 * (seed % 2)),
        steps_to_target=50 if scenario.training.global_batch == 64 else 100,
        power_w=10.0 if small else 100.0,
    )


def test_two_objectives_show_their_front_in_the_document_the_terminal_and_the_page(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("s.yaml", "--budget", "10m", "--objective", "time,energy", "--json")
    assert tune(*arguments, script=thrifty_at_16) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert whole["objectives"] == ["time", "energy"]
    ends = [(p["place"], p["overrides"]["training.micro_batch"]) for p in whole["pareto"]]
    assert (ends[0], ends[-1]) == (("first", 32), ("second", 16))
    assert whole["recommendation"]["overrides"] == whole["pareto"][0]["overrides"]
    assert set(whole["pareto"][0]["values"]["energy"]) == {"value", "low", "high", "confidence", "n", "unit"}
    assert "least energy to target" in told.err
    assert "least energy to target" in Path(whole["report"]).read_text()


def test_one_objective_has_no_front(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("s.yaml", "--budget", "10m", "--no-report", "--json", script=fast_at_64) == 0
    told = capsys.readouterr()
    assert not {"objectives", "pareto"} & set(json.loads(told.out))
    assert "trade-off" not in told.err


def test_a_dry_run_tells_what_would_be_reused(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("s.yaml", "--budget", "60s", "--json", "--trials", "3", script=fast_at_64) == 0
    first = document(capsys)
    assert tune("s.yaml", "--budget", "60s", "--dry-run", "--json") == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert set(first["baseline"]["run_ids"]) & set(whole["reused"])
    assert "measured before on this machine, and taken from there: 1 as baseline" in told.err
    assert whole["starts"] == []
    assert tune("s.yaml", "--budget", "60s", "--dry-run", "--json", "--set", "search.reuse=false") == 0
    assert "reused" not in document(capsys)
    other = ("--set", "training.max_steps=300")
    assert tune("s.yaml", "--budget", "60s", "--dry-run", "--json", *other) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert whole["reused"] == []
    assert [start["study"] for start in whole["starts"]] == [first["study"]]
    assert f"tried right after the baseline, since {first['study']} recommends it" in told.err


def test_a_dry_run_names_the_constraints_and_both_objectives(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    held = ("--set", "search.constraints.peak_memory=12GiB")
    assert tune("s.yaml", "--budget", "10m", "--objective", "time,energy", "--dry-run", "--json", *held) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert whole["objectives"] == ["time", "energy"]
    assert whole["constraints"]["peak_memory"] == "12GiB"
    assert "for time and energy" in told.err
    assert "peak memory of at most 12.0 GiB" in " ".join(told.err.split())


def test_a_constraint_that_nobody_holds_is_exit_code_0_and_said(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    held = ("--set", "search.constraints.peak_memory=1MiB")
    assert tune("s.yaml", "--budget", "10m", "--no-report", "--json", *held, script=fast_at_64) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)["recommendation"]
    assert found["verdict"] == "insufficient-evidence"
    assert "search.constraints.peak_memory" in found["reason"]
    assert found["breaches"]
    assert "No setup measured holds the constraints" in told.err


@pytest.mark.parametrize(
    ("setting", "key", "words"),
    [
        ("search.constraints.peak_memory=0B", "search.constraints.peak_memory", "above zero"),
        ("search.constraints.power_w=-1", "search.constraints.power_w", "above 0"),
        ("search.constraints.cost=1.0", "search.constraints.cost", "price_per_hour"),
        ("search.constraints.memory=1GiB", "search.constraints.memory", "unknown key"),
        ("search.constraints.metric.accuracy=0.9", "search.constraints.metric.accuracy", "expected a section"),
        ("search.constraints.metric.accuracy={}", "search.constraints.metric.accuracy.at_least", "exactly one"),
        ("search.constraints.metric.acuracy={at_least: 0.9}", "search.constraints.metric.acuracy", "accuracy"),
    ],
)
def test_wrong_constraints_are_exit_code_2_with_their_key(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, key: str, words: str
) -> None:
    assert tune("s.yaml", "--budget", "10m", "--json", "--set", setting) == 2
    error = document(capsys)["error"]
    assert error["key"] == key
    assert words in error["message"]
    assert not (tmp_path / "results").exists()


def test_a_training_that_was_cut_short_says_so(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    whole_trainings = ("--set", "search.method=tpe")
    assert tune("s.yaml", "--budget", "1h", "--trials", "6", "--json", *whole_trainings, script=fast_at_64) == 0
    folder = Path(document(capsys)["dir"])
    trials = json.loads((folder / "study.json").read_text())["trials"]
    cut = [trial for trial in trials if trial["outcome"] == "ok" and trial["reached_target"] is False]
    assert cut
    assert all(re.search(r"stopped after \d+ of 200 steps: it had become slower", trial["note"]) for trial in cut)


def test_what_a_study_measured_the_next_one_uses_again_and_says_so(
    tune: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    def scored(scenario: Scenario, seed: int) -> Answer:
        return replace(fast_at_64(scenario, seed), on_test_split=0.9 + 0.001 * seed)

    assert tune("s.yaml", "--budget", "60s", "--json", "--no-report", script=scored) == 0
    first = document(capsys)
    assert first["reused"] == []
    assert tune("s.yaml", "--budget", "60s", "--json", "--no-report", script=scored) == 0
    told = capsys.readouterr()
    second = json.loads(told.out)
    assert first["baseline"]["run_ids"][0] in second["reused"]
    assert "were measured by earlier studies and runs, and not again (search.reuse)" in re.sub(r"\s+", " ", told.err)
    assert "reused from" in told.err
    found = second["recommendation"]
    assert found["test_metrics"]["accuracy"]["value"] > 0.9
    assert 0 < found["reach_rate_over_seeds"]["low"] < 1 == found["reach_rate_over_seeds"]["value"]
    assert found["neighbours"] is None
    assert "test accuracy" in told.err
    assert "what matters most: training.global_batch" in told.err
    assert next(iter(second["importance"])) == "training.global_batch"
    assert tune("s.yaml", "--budget", "60s", "--set", "search.reuse=false", "--json", "--no-report", script=scored) == 0
    assert document(capsys)["reused"] == []


def slow(scenario: Scenario, seed: int) -> Answer:
    """Too slow for the budget, but under a proxy of one layer."""
    assert scenario.model is not None
    steps = 40 if scenario.training.global_batch == 64 else 80
    if scenario.model.layers == 1:
        return Answer(step_s=0.01, steps_to_target=steps)
    return Answer(step_s=1.0, steps_to_target=None, curve=lambda step: 0.97 - 0.87 * 0.5 ** (step / steps / 10))


def test_a_baseline_that_does_not_fit_is_exit_code_0_with_a_prediction(
    tune: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--budget", "100s", "--set", "training.max_steps=100000", "--set", "target.eval_every=4", "--json")
    assert tune("s.yaml", *asked, script=slow) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    found = whole["recommendation"]
    assert found["verdict"] == "insufficient-evidence"
    assert found["time_to_target_s"] is None
    assert found["predicted_time_to_target_s"]["unit"] == "s"
    assert "does-not-fit" in [warning["code"] for warning in whole["warnings"]]
    page = " ".join(told.err.split())
    assert page.index("does not fit into the budget") < page.index("the search ended")
    assert "predicted time to target" in page


def test_a_proxy_stands_in_the_document_and_on_the_terminal(tune: Run, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--set", "search.proxy.model.layers=1", "--set", "training.max_steps=100000", "--budget", "100s", "--json")
    assert tune("s.yaml", *asked, script=slow) == 0
    told = capsys.readouterr()
    proxy = json.loads(told.out)["proxy"]
    assert proxy["overrides"] == {"model.layers": 1}
    assert len(proxy["points"]) >= 2
    assert set(proxy) == {"overrides", "compared", "points", "kendall_tau"}
    assert "The proxy beside the scenario" in told.err
    assert tune("s.yaml", *asked, "--dry-run", script=slow) == 0
    assert json.loads(capsys.readouterr().out)["proxy"] == {"model.layers": 1}


def test_a_proxy_that_cannot_be_told_apart_in_a_table_is_refused(
    tune: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchbench.executors.records import MEASURED

    names = ("training.global_batch", "training.micro_batch")
    (tmp_path / "t.csv").write_text(
        f"{','.join((*names, *MEASURED))}\n32,32,0,ok,0.1,30.0,2.0,0.0,100,10.0,12.0,1000\n"
    )
    replay = ("s.yaml", "--records", "t.csv", "--json")
    given = ["tune", *replay, "--executor", "replay"]
    assert run([*given, "--budget", "60s", "--set", "search.proxy.model.layers=1"]) == 2
    assert document(capsys)["error"]["key"] == "search.proxy.model.layers"
    assert run([*given, "--budget", "20s"]) == 2
    error = document(capsys)["error"]
    assert error["key"] == "--budget"
    assert "not even one probe fits into 20.0 s: it takes 30.0 s" in error["message"]
    assert not Path("results").exists() or not list(Path("results").iterdir())
