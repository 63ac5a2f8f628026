"""What cannot run here is refused before anything starts."""

from pathlib import Path

import pytest

from benchbench.errors import InputError, ScenarioError, UnsupportedError
from benchbench.executors import preflight
from benchbench.hardware.inventory import machine
from benchbench.scenario.loading import load

MACHINE = machine()
BASE = "name: s\nmodel: {family: bert, size: tiny}\ntask: sequence-classification\n"


def check(tmp_path: Path, *overrides: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(BASE)
    preflight.check(load(file, overrides)[0], MACHINE, str(file), [o.partition("=")[0] for o in overrides])


def test_a_plain_scenario_passes(tmp_path: Path) -> None:
    check(tmp_path)
    check(tmp_path, f"hardware.expect='{MACHINE.cpu}'", "hardware.device=cpu")


@pytest.mark.parametrize(
    ("override", "kind", "key", "says"),
    [
        ("target={metric: acuracy, at_least: 0.9}", ScenarioError, "target.metric", "did you mean 'accuracy'?"),
        ("model.size=tinny", ScenarioError, "model.size", "did you mean 'tiny'?"),
        ("hardware.expect=NVIDIA Z100", UnsupportedError, "hardware.expect", MACHINE.cpu),
        ("hardware.device=cuda", UnsupportedError, "hardware.device", "no CUDA device"),
        ("precision=tf32", UnsupportedError, "precision", "NVIDIA"),
        ("precision=fp8", UnsupportedError, "precision", "fp8 is arithmetic of NVIDIA GPUs"),
        ("parallelism.local_sgd=2", UnsupportedError, "parallelism.local_sgd", "there is one device"),
        ("parallelism.shard=zero2", UnsupportedError, "parallelism.shard", "set hardware.devices to 2 or more"),
        ("parallelism.bucket_mib=5", UnsupportedError, "parallelism.bucket_mib", "leave it at 25.0"),
        ("parallelism.communication=bf16", UnsupportedError, "parallelism.communication", "leave it at none"),
    ],
)
def test_what_cannot_run_is_named(tmp_path: Path, override: str, kind: type[InputError], key: str, says: str) -> None:
    with pytest.raises(kind) as caught:
        check(tmp_path, override)
    assert caught.value.key == key
    assert says in caught.value.message
    assert caught.value.file == str(tmp_path / "s.yaml")
    assert caught.value.line is None
    assert caught.value.via == "--set"
    assert caught.value.exit_code == 2


def test_a_refused_setting_of_the_file_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(BASE + "parallelism:\n  data: 1\n  local_sgd: 2\n")
    with pytest.raises(UnsupportedError) as caught:
        preflight.check(load(file)[0], MACHINE, str(file))
    assert (caught.value.line, caught.value.key) == (6, "parallelism.local_sgd")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("target={metric: accuracy, at_least: 1.9}", "at most 1"),
        ("target={metric: accuracy, at_least: 0.0}", "above 0"),
        ("target={metric: accuracy, at_most: 0.9}", "set at_least"),
        ("target={metric: loss, at_least: 0.9}", "set at_most"),
        ("target={metric: loss, at_most: -1.0}", "above 0"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(tmp_path: Path, override: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says) as caught:
        check(tmp_path, override)
    assert caught.value.key == "target"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "data", "key", "says"),
    [
        ("{family: brt, layers: 2, hidden: 64, heads: 2}", "", "model.family", "did you mean 'bert'?"),
        ("{family: brt, size: tiny}", "", "model.family", "did you mean 'bert'?"),
        ("{family: bert, size: tiny, vocab: 3}", "", "model.vocab", "vocabulary"),
        (
            "{family: bert, size: tiny}",
            "data: {source: synthetic, sequence_length: 700}\n",
            "data.sequence_length",
            "512",
        ),
    ],
)
def test_what_only_the_trainers_libraries_know_is_asked_before_anything_runs(
    tmp_path: Path, model: str, data: str, key: str, says: str
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"name: s\ntask: sequence-classification\nmodel: {model}\n{data}")
    scenario = load(file)[0]
    preflight.check(scenario, MACHINE, str(file))
    with pytest.raises(ScenarioError) as caught:
        preflight.check_models([scenario], [str(file)])
    assert (caught.value.key, caught.value.file) == (key, str(file))
    assert caught.value.line == (4 if data else 3)
    assert says in caught.value.message


@pytest.mark.slow
def test_a_model_that_fits_passes(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(BASE)
    preflight.check_models([load(file)[0]], [str(file)])


@pytest.mark.parametrize(
    ("override", "taken"),
    [
        ("data.answer_column=a", "data.text_column, data.label_column"),
        ("data.source_column=a", "data.text_column, data.label_column"),
        ("data.answer_start_column=a", "data.text_column, data.label_column"),
    ],
)
def test_a_column_that_the_task_does_not_look_at_is_refused(tmp_path: Path, override: str, taken: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        check(tmp_path, "data.source=csv", "data.path=a.csv", override)
    assert caught.value.key == override.partition("=")[0]
    assert taken in caught.value.message
    check(tmp_path, "data.source=csv", "data.path=a.csv", "data.text_column=a", "data.label_column=b")


def test_a_driver_that_hangs_ends_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(preflight, "_PROBE_S", 0.2)
    preflight._torch_devices.cache_clear()
    with pytest.raises(UnsupportedError, match="may hang"):
        check(tmp_path, "hardware.device=cuda")
    preflight._torch_devices.cache_clear()


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (("training.seed=2147483647", "measure.repeats=2"), "training.seed"),
        (("training.seed=2147483640", "measure.repeats=auto"), "training.seed"),
        (("hardware.threads=1000000",), "hardware.threads"),
        (("data.source=csv", "data.path=a.csv", "data.text_column=a", "data.label_column=a"), "data.label_column"),
    ],
)
def test_what_would_only_fail_later_is_refused_now(tmp_path: Path, overrides: tuple[str, ...], key: str) -> None:
    with pytest.raises(InputError) as caught:
        check(tmp_path, *overrides)
    assert caught.value.key == key


def test_the_last_seed_there_is_may_be_used(tmp_path: Path) -> None:
    check(tmp_path, "training.seed=2147483647", "measure.repeats=1")
