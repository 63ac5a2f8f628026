"""`benchbench verify`, as a user types it; the trainings are faked."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli.main import run
from benchbench.executors import preflight
from benchbench.executors.admission import NoPeaks
from benchbench.executors.fitting import Fit
from benchbench.executors.kinds import child
from benchbench.executors.kinds.fake import Answer, FakeExecutor, Script
from benchbench.hardware.inventory import machine
from benchbench.record.store import read_run, run_folders
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.tune import TuneRequest, tune

SCENARIO = """
name: fake
model: {family: bert, size: tiny}
task: sequence-classification
training: {max_steps: 200, global_batch: 32}
hardware: {device: cpu}
target: {metric: accuracy, at_least: 0.9, eval_every: 20}
search:
  reuse: false
  space:
    training.global_batch: [32, 64]
"""
Call = Callable[..., int]


class Scripted(FakeExecutor):
    """The fake executor with the one thing more that `--dry-run` asks of a real one."""

    def foreseen(self, _scenario: Scenario) -> Fit:
        return Fit(micro_batch=8, reason="as scripted")


def at(fast_steps: int | None, outcome: Outcome = Outcome.OK, *, interrupt_at: int | None = None) -> Script:
    def script(scenario: Scenario, seed: int) -> Answer:
        quick = scenario.training.global_batch == 64
        steps = fast_steps if quick else 100
        step_s = 0.01 * (1 + 0.002 * (seed % 2))
        ends = outcome if quick else Outcome.OK
        return Answer(step_s=step_s, steps_to_target=steps, outcome=ends, interrupt=seed == interrupt_at)

    return script


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a study that claims batch 64 to be twice as fast, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHBENCH_LOCK", str(tmp_path / ".lock"))
    monkeypatch.setattr(preflight, "check_models", lambda *_: None)
    monkeypatch.setattr("benchbench.cli.measuring.PeakBook", lambda *_, **__: NoPeaks())
    Path("s.yaml").write_text(SCENARIO)
    return tuned("one", at(50))


def tuned(name: str, script: Script) -> str:
    """Tunes the scenario under a name."""
    (scenario,) = load("s.yaml")
    request = TuneRequest(scenario=scenario, budget_s=60.0, out=Path("results"), machine=machine(), study=name)
    return tune(request, FakeExecutor(script)).study.study


@pytest.fixture
def verify(study: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `benchbench verify` against a script."""

    def call(*arguments: str, script: Script | None = None) -> int:
        monkeypatch.setattr(child, "fitting", lambda: Scripted(script or at(50)))
        return run(["verify", *arguments])

    return call


def document(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    said = capsys.readouterr()
    found: dict[str, Any] = json.loads(said.out)
    return found, said.err


def verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    return {check["of"]: check["verdict"] for check in found["checks"]}


def test_the_document_the_page_and_the_sentence(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("one", "--json") == 0
    found, said = document(capsys)
    assert {"schema", "study", "claim", "measured", "verdict", "reason", "checks", "differs", "report"} <= set(found)
    assert (found["schema"], found["study"], found["verdict"]) == (1, "one", "holds")
    assert found["claim"]["verdict"] == "faster"
    assert found["measured"]["speedup"]["value"] == pytest.approx(2.0, rel=0.01)
    assert found["measured"]["speedup"]["low"] > 1
    assert verdicts(found) == {"speedup": "holds", "target": "holds", "time_to_target_s": "holds"}
    assert found["same_machine"] is True
    page = Path(found["report"])
    assert page.name.startswith("compare-fake-")
    assert "B is faster than A" in page.read_text()
    assert "the claim holds" in said
    assert "one claims a speed-up of 2" in said


def test_its_runs_are_stored_interleaved_with_fresh_seeds(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name for p in Path("results").iterdir()}
    assert verify("one", "--repeats", "4", "--json", "--no-report") == 0
    measured = document(capsys)[0]["measured"]
    ids = [measured["baseline_run"], measured["recommended_run"]]
    assert {p.name for p in Path("results").iterdir()} - before == set(ids)
    whole = [json.loads(Path("results", i, "result.json").read_text())["run"]["repeats"] for i in ids]
    used = {
        repeat["seed"]
        for name in before
        if Path("results", name, "result.json").is_file()
        for repeat in json.loads(Path("results", name, "result.json").read_text())["run"]["repeats"]
    }
    assert [len(repeats) for repeats in whole] == [4, 4]
    assert used.isdisjoint({repeat["seed"] for repeats in whole for repeat in repeats})
    orders = [[repeat["order"] for repeat in repeats] for repeats in whole]
    assert sorted(order for each in orders for order in each) == list(range(8))
    assert all(abs(a - b) < 2 for a, b in zip(*orders, strict=True))


def test_a_claim_that_is_gone_is_done_and_said(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("one", "--json", "--no-report", script=at(90)) == 0
    found, said = document(capsys)
    assert found["verdict"] == "does-not-hold"
    assert "the claim does not hold" in said


def test_it_trips_where_that_is_asked_for(verify: Call) -> None:
    assert verify("one", "--no-report", "--fail-if", "broken", script=at(90)) == 5
    assert verify("one", "--no-report", "--fail-if", "broken", script=at(None)) == 5
    assert verify("one", "--no-report", "--fail-if", "broken") == 0
    assert verify("one", "--no-report", "--fail-if", "broken", "--repeats", "1") == 0


def test_a_run_that_failed_is_exit_code_3(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("one", "--json", script=at(50, Outcome.CRASHED)) == 3
    found, said = document(capsys)
    assert found["verdict"] == "inconclusive"
    assert Path(found["report"]).is_file()
    assert "the script says crashed" in said


def test_an_interruption_is_exit_code_130_and_what_was_measured_is_reported(
    verify: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    last = max(repeat.seed for folder in run_folders(Path("results")) for repeat in read_run(folder).repeats)
    assert verify("one", "--json", "--no-report", script=at(50, interrupt_at=last + 2)) == 130
    found, _ = document(capsys)
    assert found["verdict"] in ("inconclusive", "holds")
    assert found["measured"]["recommended_run"] or found["measured"]["baseline_run"]


def test_another_machine_is_said_first(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path("results/one/study.json")
    whole = json.loads(file.read_text())
    whole["machine"]["cpu"] = "a CPU from before"
    file.write_text(json.dumps(whole))
    assert verify("one", "--json", "--no-report") == 0
    found, said = document(capsys)
    assert re.sub(r"\s+", " ", said).startswith("this is not the machine of the study (cpu a CPU from before then, ")
    assert verdicts(found) == {"speedup": "holds", "target": "holds"}
    assert found["same_machine"] is False
    assert found["differs"]["cpu"][0] == "a CPU from before"


def test_the_recommended_file_finds_its_claim_beside_it(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("results/one/recommended.yaml", "--json", "--no-report") == 0
    found, _ = document(capsys)
    assert (found["study"], found["claim"]["verdict"], found["verdict"]) == ("one", "faster", "holds")


def test_a_file_that_was_edited_is_measured_against_its_target(
    verify: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("results/one/recommended.yaml")
    file.write_text(file.read_text().replace("global_batch: 64", "global_batch: 16"))
    assert verify(str(file), "--json", "--no-report") == 0
    found, said = document(capsys)
    assert found["study"] is None
    assert verdicts(found) == {"target": "holds"}
    assert "training.global_batch 64 then, 16 now" in said
    assert found["measured"]["baseline_run"] is None


def test_a_scenario_alone_has_a_page_of_its_own(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("s.yaml", "--json", "--lang", "zh") == 0
    found, said = document(capsys)
    assert found["verdict"] == "holds"
    assert Path(found["report"]).name == "fake.html"
    assert '<html lang="zh"' in Path(found["report"]).read_text()
    assert "against its target alone" in said


def test_a_dry_run_runs_nothing(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path("results").iterdir())
    assert verify("one", "--dry-run", "--json", "--repeats", "5") == 0
    found, said = document(capsys)
    assert (found["dry_run"], found["study"], found["repeats"], len(found["scenario_keys"])) == (True, "one", 5, 2)
    assert "would run" in said
    assert "nothing was run" in said
    assert sorted(Path("results").iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "nothing stored is called 'nothing'"),
        (["nothing.yaml"], "there is no such file"),
        (["one", "--repeats", "0"], "--repeats"),
        (["one", "--fail-if", "slower"], "--fail-if"),
        (["plain.yaml"], "claims nothing to verify"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    verify: Call, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(line for line in SCENARIO.splitlines() if not line.startswith("target"))
    Path("plain.yaml").write_text(text)
    assert verify(*arguments, "--json") == 2
    found, said = document(capsys)
    assert told in found["error"]["message"]
    assert len(said.strip().splitlines()) == 1


def test_a_study_that_reached_nothing_claims_nothing(verify: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tuned("none", lambda *_: Answer(steps_to_target=None))) == 2
    assert "no claim to verify" in capsys.readouterr().err
