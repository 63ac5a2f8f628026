"""A training that was stopped and goes on ends as one that was not, to the last bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly, program, resuming
from tests.training.small import Recorder, prepared, scenario

STEPS, EVERY = 20, 6


class KilledError(Exception):
    """Ends a training in the middle of a step's report."""


class Fragile(Recorder):
    """Keeps events until a step, and dies there."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self._dies_at = dies_at

    def emit(self, event: str, **fields: object) -> None:
        if event == "step" and fields["step"] == self._dies_at:
            raise KilledError
        super().emit(event, **fields)


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())


def wanted(**training: Any) -> Scenario:
    return scenario(
        training={"max_steps": STEPS, "dropout": 0.3, "micro_batch": 4, "checkpoint_every": EVERY, **training},
        measure={"procedure": "time-to-target", "repeats": 1},
        target={"metric": "accuracy", "at_least": 1.0, "eval_every": 5},
    )


def run(what: Scenario, folder: Path, events: Recorder | None = None) -> Recorder:
    events = events or Recorder()
    program.run(what, events, program.Limits(timeout_s=600.0, deadline_s=float("inf"), checkpoints=folder))
    return events


def steps(events: Recorder) -> list[tuple[int, float, float]]:
    return [(e["step"], e["loss"], e["learning_rate"]) for e in events.of("step")]


LEVERS: dict[str, dict[str, Any]] = {
    "adamw": {},
    "momentum": {"optimizer": {"name": "momentum", "learning_rate": 1e-2}},
    "lamb": {"optimizer": {"name": "lamb", "learning_rate": 1e-2}},
    "adafactor": {"optimizer": {"name": "adafactor", "learning_rate": 1e-2}},
    "muon": {"optimizer": {"name": "muon", "learning_rate": 1e-2}},
    "average": {"ema": 0.9},
    "pruned": {"compression": {"prune": 0.5}},
}


@pytest.mark.parametrize("training", LEVERS.values(), ids=LEVERS)
def test_it_goes_on_as_if_it_had_not_been_stopped(training: dict[str, Any], tmp_path: Path) -> None:
    whole = run(wanted(**training), tmp_path / "whole")
    with pytest.raises(KilledError):
        run(wanted(**training), tmp_path / "cut", Fragile(dies_at=15))
    rest = run(wanted(**training, resume=str(tmp_path / "cut" / "last")), tmp_path / "rest")
    assert steps(rest) == steps(whole)[12:], "the newest checkpoint was the twelfth step's"
    scores = [[(e["step"], e["metrics"]) for e in events.of("eval")] for events in (whole, rest)]
    assert scores[0] == scores[1], "the evaluations before are told again"
    assert rest.of("done")[0]["final_metrics"] == whole.of("done")[0]["final_metrics"]


def test_the_training_time_before_counts(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        run(wanted(), tmp_path, Fragile(dies_at=15))
    before = json.loads((tmp_path / "last" / "checkpoint.json").read_text())["state"]
    rest = run(wanted(resume=str(tmp_path / "last")), tmp_path / "rest")
    assert "training_s" in json.dumps(before)
    added_s = sum(e["step_s"] for e in rest.of("step"))
    assert rest.of("eval")[-1]["training_s"] > added_s


def test_the_last_and_the_best_are_kept_and_no_more(tmp_path: Path) -> None:
    events = run(wanted(), tmp_path)
    best = max(events.of("eval"), key=lambda e: (e["metrics"]["accuracy"], -e["step"]))["step"]
    manifests = {n: json.loads((tmp_path / n / "checkpoint.json").read_text()) for n in ("last", "best")}
    assert (manifests["last"]["step"], manifests["best"]["step"]) == (STEPS, best)
    folders = [f for f in tmp_path.iterdir() if not f.is_symlink()]
    assert len(folders) == len({STEPS, best})
    assert not [f for f in tmp_path.rglob("*") if f.suffix in (".pt", ".bin", ".pkl")]
    assert all(e["checkpoint_s"] > 0 for e in events.of("checkpoint"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "load_data", lambda *_: prepared())
        with pytest.raises(KilledError):
            run(wanted(), folder, Fragile(dies_at=15))
    return folder / "last"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"training": {"optimizer": {"name": "sgd", "learning_rate": 1e-2}}},
            "training.optimizer.name is 'adamw' there",
        ),
        ({"model": {"ffn": 64}}, "model.ffn"),
        ({"training": {"seed": 9}}, "training.seed"),
        ({"measure": {"procedure": "time-to-target", "repeats": 3}}, "measure.repeats"),
        ({"measure": {"procedure": "throughput", "repeats": 1}}, "throughput"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_by_name(kept: Path, change: dict[str, Any], words: str) -> None:
    sections: dict[str, Any] = {
        "measure": {"procedure": "time-to-target", "repeats": 1},
        "target": {"metric": "accuracy", "at_least": 1.0, "eval_every": 5}, **change,
    }  # fmt: skip
    training = {"max_steps": STEPS, "dropout": 0.3, "micro_batch": 4, **sections.pop("training", {})}
    with pytest.raises(ScenarioError, match=words) as caught:
        resuming.check(kept, scenario(training=training, **sections))
    assert caught.value.key == "training.resume"


def test_what_changes_seconds_alone_may_differ(kept: Path) -> None:
    resuming.check(kept, wanted(micro_batch=2))


@pytest.mark.parametrize("file", ["model.safetensors", "state.safetensors", "checkpoint.json"])
def test_a_damaged_checkpoint_is_refused(kept: Path, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScenarioError, match="damaged"):
        resuming.check(folder, wanted())
    (folder / file).unlink()
    with pytest.raises(ScenarioError):
        resuming.check(folder, wanted())


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is no checkpoint"):
        resuming.check(tmp_path, wanted())
    with pytest.raises(ScenarioError, match="is not there"):
        resuming.check(tmp_path / "missing", wanted())
