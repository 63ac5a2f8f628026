"""An open micro-batch becomes the largest that fits: plainly, as remembered, or found by trying; never one unrun."""

from pathlib import Path

import pytest

from benchbench.executors.base import Request
from benchbench.executors.fit_memory import FitMemory
from benchbench.executors.fitting import Fitting, divisors
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.executors.kinds.fake import Answer, FakeExecutor, Script
from benchbench.hardware.inventory import machine
from benchbench.record.machine import Device, Machine
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import ModelShape, Stack

GIB = 2**30
HERE = Machine(os="Linux", architecture="x86_64", cpu="a CPU", cpus=2, cpus_usable=2, memory_bytes=16 * GIB)
SHAPE = ModelShape(
    parameters=1_000_000, trainable_parameters=1_000_000, matrix_parameters=900_000, tied_parameters=0,
    stacks=(Stack(layers=2, hidden=128, heads=2, queries=128, keys=128, ffn=512, gated=False, inner=2, norm=1),),
    fused=True, hidden_dropout=True, attention_dropout=True, inner_dropout=False, logits_per_token=0, row_tokens=128,
    target_tokens=0, mean_tokens=64.0, process_bytes=GIB,
)  # fmt: skip
HUGE = SHAPE.model_copy(update={"parameters": 10**10})
BASE = Scenario.model_validate({
    "name": "s", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
    "training": {"global_batch": 48}, "hardware": {"device": "cpu"},
})  # fmt: skip


class Lab:
    """A fake executor below a `Fitting`, a fresh folder for every request, and what happened."""

    def __init__(self, tmp_path: Path, script: Script, shape: ModelShape | None = HUGE, where: Machine = HERE) -> None:
        self.fake = FakeExecutor(script)
        self._tmp_path = tmp_path
        self._shape, self._where = shape, where
        self.heard: list[object] = []
        self.index = 0

    def fitting(self) -> Fitting:
        """A new one, as a new command has it; what is remembered is in files."""
        return Fitting(
            self.fake,
            shape_of=lambda _scenario: self._shape,
            memory=FitMemory(self._tmp_path / "memory"),
            machine=self._where,
            available_bytes=lambda: 16 * GIB,
        )

    def run(self, scenario: Scenario = BASE, timeout_s: float = 600.0, fitting: Fitting | None = None) -> Repeat:
        folder = self._tmp_path / f"repeat-{self.index}"
        folder.mkdir()
        self.index += 1
        request = Request(scenario=scenario, index=0, order=0, folder=folder, timeout_s=timeout_s)
        repeat = (fitting or self.fitting()).run(request, self.heard.append)
        assert not [path for path in folder.iterdir() if path.is_dir()], "no trial's folder is left"
        return repeat

    @property
    def trials(self) -> list[int | str]:
        return [r.scenario.training.micro_batch for r in self.fake.requests if r.longest_rows]

    @property
    def measured(self) -> list[int | str]:
        return [r.scenario.training.micro_batch for r in self.fake.requests if not r.longest_rows]


def limited(rows: int) -> Script:
    """A device on which no more than so many rows fit."""

    def script(scenario: Scenario, _seed: int) -> Answer:
        size = scenario.training.micro_batch
        assert size != "auto"
        return Answer(outcome=Outcome.OOM if size > rows else Outcome.OK)

    return script


def test_what_plainly_fits_is_not_tried(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(48), SHAPE)
    repeat = lab.run()
    assert (lab.trials, lab.measured) == ([], [48])
    assert repeat.facts["micro_batch"] == 48
    assert str(repeat.facts["micro_batch_chosen"]).startswith("plainly fits")


def test_an_explicit_micro_batch_is_left_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(1))
    repeat = lab.run(vary(BASE, {"training.micro_batch": 24}))
    assert (lab.trials, lab.measured, repeat.outcome) == ([], [24], Outcome.OOM)


@pytest.mark.parametrize("rows", range(1, 50))
def test_the_largest_that_fits_is_found_and_has_run(tmp_path: Path, rows: int) -> None:
    lab = Lab(tmp_path, limited(rows))
    repeat = lab.run()
    largest = max(d for d in divisors(48) if d <= rows)
    assert lab.measured == [largest]
    assert largest in lab.trials
    assert len(lab.trials) <= 4, "48 has ten divisors: four halvings"
    assert repeat.outcome is Outcome.OK
    assert repeat.facts["micro_batch_chosen"] == "found by trying"


def test_nothing_fits_is_told_as_it_is(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(0))
    repeat = lab.run()
    assert repeat.outcome is Outcome.OOM
    assert lab.trials[-1] == 1
    assert lab.measured == []


def test_a_size_needs_room_to_spare(tmp_path: Path) -> None:
    def script(scenario: Scenario, _seed: int) -> Answer:
        size = scenario.training.micro_batch
        assert isinstance(size, int)
        return Answer(peak_memory_bytes=size * GIB)  # 16 GiB there: 0.9 of it is 14.4

    lab = Lab(tmp_path, script)
    lab.run()
    assert lab.measured == [12]


def test_one_row_that_ran_is_taken_however_tight(tmp_path: Path) -> None:
    lab = Lab(tmp_path, lambda _s, _seed: Answer(peak_memory_bytes=16 * GIB))
    repeat = lab.run()
    assert lab.measured == [1]
    assert "hardly fits" in str(repeat.facts["micro_batch_chosen"])


def test_a_trial_is_short_limited_and_takes_the_longest_rows(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(48))
    trains = vary(BASE, {"target": {"metric": "accuracy", "at_least": 0.5}, "measure.procedure": "time-to-target"})
    lab.run(trains)
    trial, last = lab.fake.requests[0], lab.fake.requests[-1]
    measure = trial.scenario.measure
    assert (measure.procedure, measure.warmup, measure.steps) == ("throughput", 0, 3)
    assert trial.scenario.training.global_batch == 2 * lab.trials[0], "two micro-batches hold all that a step holds"
    assert trial.scenario.hardware.memory_limit == 16 * GIB
    assert trial.longest_rows
    assert last.scenario == vary(trains, {"training.micro_batch": 48})
    assert last.timeout_s <= 600.0
    assert {"event": "phase", "name": "try a micro-batch of 6"} in lab.heard


def test_what_was_found_is_remembered_for_the_machine_and_the_scenario(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(5))
    lab.run()
    tried = len(lab.trials)
    again = lab.run(vary(BASE, {"training.seed": 7, "training.optimizer.learning_rate": 1.0, "measure.steps": 9}))
    assert (len(lab.trials), lab.measured) == (tried, [4, 4])
    assert again.facts["micro_batch_chosen"] == "found by trying before, on this machine"
    lab.run(vary(BASE, {"precision": "bf16"}))
    assert len(lab.trials) > tried, "another precision takes other memory"
    tried = len(lab.trials)
    other = Lab(tmp_path, limited(5), where=HERE.model_copy(update={"cpu": "another CPU"}))
    other.index = lab.index
    other.run()
    assert other.trials


def test_a_remembered_size_is_not_taken_for_other_memory(tmp_path: Path) -> None:
    memory = FitMemory(tmp_path)
    memory.keep(BASE, HERE, 10 * GIB, 6)
    fresh = FitMemory(tmp_path)
    assert fresh.find(BASE, HERE, 11 * GIB) == 6
    assert fresh.find(BASE, HERE, 20 * GIB) is None
    assert fresh.find(BASE, HERE, 5 * GIB) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"micro_batch": "6", "limit_bytes": 1}', '{"micro_batch": 0}', "null"]
)
def test_a_damaged_memory_is_no_memory(tmp_path: Path, text: str) -> None:
    FitMemory(tmp_path).keep(BASE, HERE, GIB, 6)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert FitMemory(tmp_path).find(BASE, HERE, GIB) is None


def test_a_cache_that_cannot_be_written_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = FitMemory(tmp_path / "file" / "below")
    memory.keep(BASE, HERE, GIB, 6)
    assert memory.find(BASE, HERE, GIB) == 6


def test_running_out_in_spite_of_all_is_measured_again_with_less_and_said(tmp_path: Path) -> None:
    lab = Lab(tmp_path, limited(10), SHAPE)
    repeat = lab.run()
    assert lab.measured == [48, 8]
    assert repeat.outcome is Outcome.OK
    assert repeat.facts["micro_batch"] == 8
    (warning,) = [w for w in repeat.warnings if w.code == "micro-batch-lowered"]
    assert "48" in warning.message
    assert "again with 8" in warning.message
    lab.run()
    assert lab.measured == [48, 8, 8], "it is not thought to fit a second time"


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.REFUSED, Outcome.TIMEOUT, Outcome.INTERRUPTED])
def test_a_trial_that_fails_otherwise_is_the_repeats_failure(tmp_path: Path, outcome: Outcome) -> None:
    lab = Lab(tmp_path, lambda _s, _seed: Answer(outcome=outcome))
    assert lab.run().outcome is outcome
    assert len(lab.fake.requests) == 1
    assert (tmp_path / "repeat-0" / "log.txt").exists(), "its log is the repeat's"


def test_a_gpus_own_memory_is_what_counts_there(tmp_path: Path) -> None:
    gpu = HERE.model_copy(update={"devices": (Device(index=0, name="a GPU", memory_bytes=8 * GIB),)})
    on_gpu = vary(BASE, {"hardware.device": "auto"})

    def script(scenario: Scenario, _seed: int) -> Answer:
        size = scenario.training.micro_batch
        assert isinstance(size, int)
        return Answer(peak_memory_bytes=size * GIB)

    lab = Lab(tmp_path, script, where=gpu)
    lab.run(on_gpu)
    assert lab.measured == [6]
    assert lab.fake.requests[0].scenario.hardware.memory_limit is None


def test_a_scenario_without_a_model_passes_through(tmp_path: Path) -> None:
    external = Scenario.model_validate({"name": "s", "trainer": {"command": ("python", "train.py")}})
    lab = Lab(tmp_path, lambda _s, _seed: Answer())
    lab.run(external)
    assert lab.fake.requests[0].scenario == external
    assert lab.fitting().foreseen(external) is None


def test_what_will_be_is_foreseen_without_a_trial(tmp_path: Path) -> None:
    def said(lab: Lab, scenario: Scenario = BASE) -> tuple[int, str] | None:
        fit = lab.fitting().foreseen(scenario)
        return None if fit is None else (fit.micro_batch, fit.reason.partition(":")[0])

    unknown = Lab(tmp_path, limited(5), None)
    assert said(unknown) is None
    assert said(unknown, vary(BASE, {"training.micro_batch": 3})) == (3, "as asked")
    assert said(Lab(tmp_path, limited(5), SHAPE)) == (48, "plainly fits")
    unknown.run()
    assert said(unknown) == (4, "found by trying before, on this machine")


def hungry(memory_limit: str) -> Scenario:
    """Attention's scores take some megabytes a row, and next to no time."""
    return Scenario.model_validate({
        "name": "hungry", "task": "sequence-classification",
        "model": {"family": "bert", "layers": 1, "hidden": 32, "heads": 8, "ffn": 32, "vocab": 100},
        "data": {"source": "synthetic", "sequence_length": 256},
        "training": {"global_batch": 256, "attention": "eager"},
        "hardware": {"device": "cpu", "threads": 1, "memory_limit": memory_limit},
        "measure": {"warmup": 0, "steps": 2},
    })  # fmt: skip


@pytest.mark.slow
def test_a_real_limit_gives_a_real_size(tmp_path: Path) -> None:
    sizes = []
    for number, scenario in enumerate((hungry("1400MiB"), hungry("900MiB"))):
        folder = tmp_path / f"repeat-{number}"
        folder.mkdir()
        executor = Fitting(
            ChildExecutor(), shape_of=lambda _s: None, memory=FitMemory(tmp_path / "m"), machine=machine()
        )
        request = Request(scenario=scenario, index=0, order=0, folder=folder, timeout_s=280)
        repeat = executor.run(request, lambda _what: None)
        assert repeat.outcome is Outcome.OK, repeat.failure
        assert repeat.figures is not None
        assert repeat.figures.peak_memory_bytes is not None
        assert scenario.hardware.memory_limit is not None
        assert repeat.figures.peak_memory_bytes <= scenario.hardware.memory_limit
        sizes.append(int(repeat.facts["micro_batch"] or 0))
    assert 256 > sizes[0] > sizes[1] >= 1
