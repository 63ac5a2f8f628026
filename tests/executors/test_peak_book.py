"""Peaks are measured once for a machine, a precision and a number of threads, and kept; never less than before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchbench.executors.peak_book import PeakBook, probed
from benchbench.record.machine import Device, Machine
from benchbench.record.peaks import Peak
from benchbench.scenario.scenario import Scenario
from tests.record.lines import MACHINE

GPU = MACHINE.model_copy(update={"devices": (Device(index=0, name="a GPU", power_limit_w=300.0),)})


def scenario(precision: str = "fp32", **hardware: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "t", "model": {"family": "bert"}, "task": "sequence-classification", "precision": precision,
        "hardware": hardware,
    })  # fmt: skip


class Probe:
    """Finds the rates of a list, one after another."""

    def __init__(self, *rates: float | None) -> None:
        self.rates, self.asked = list(rates), []  # type: ignore[var-annotated]

    def __call__(self, device: str, precision: str, threads: int | None) -> Peak | None:
        self.asked.append((device, precision, threads))
        rate = self.rates.pop(0)
        return None if rate is None else Peak(device=device, precision=precision, flops_per_s=rate, bytes_per_s=rate)


def book(folder: Path, probe: Probe, machine: Machine = MACHINE) -> PeakBook:
    return PeakBook(machine, folder=folder, probe=probe)


def rate(found: Peak | None) -> float | None:
    return None if found is None else found.flops_per_s


def test_what_was_measured_is_kept_for_the_next_command(tmp_path: Path) -> None:
    probe = Probe(10.0)
    first, second = book(tmp_path, probe), book(tmp_path, Probe())
    assert [rate(first.of(scenario())), rate(first.of(scenario())), rate(second.of(scenario()))] == [10.0] * 3
    assert probe.asked == [("cpu", "fp32", None)]


@pytest.mark.parametrize(
    ("machine", "wanted", "asked"),
    [
        (MACHINE, scenario("bf16"), ("cpu", "bf16", None)),
        (MACHINE, scenario(threads=2), ("cpu", "fp32", 2)),
        (GPU, scenario("tf32"), ("cuda", "tf32", None)),
        (GPU, scenario(device="cpu"), ("cpu", "fp32", None)),
        (GPU, scenario(threads=2), ("cuda", "fp32", None)),
    ],
)
def test_each_device_precision_and_number_of_threads_has_its_own(
    tmp_path: Path, machine: Machine, wanted: Scenario, asked: tuple[str, str, int | None]
) -> None:
    book(tmp_path, Probe(1.0), machine).of(scenario(device="cpu", threads=7))
    probe = Probe(2.0)
    assert rate(book(tmp_path, probe, machine).of(wanted)) == 2.0
    assert probe.asked == [asked]


@pytest.mark.parametrize("change", [{"cpu": "another"}, {"cpus_usable": 1}, {"versions": {"torch": "9"}}])
def test_another_machine_or_torch_is_measured_anew(tmp_path: Path, change: dict[str, Any]) -> None:
    book(tmp_path, Probe(1.0)).of(scenario())
    assert rate(book(tmp_path, Probe(2.0), MACHINE.model_copy(update=change)).of(scenario())) == 2.0


def test_the_threads_that_the_environment_sets_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    book(tmp_path, Probe(1.0)).of(scenario())
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert rate(book(tmp_path, Probe(2.0)).of(scenario())) == 2.0


def test_another_look_never_lowers_a_peak(tmp_path: Path) -> None:
    found = book(tmp_path, Probe(10.0, 8.0, 12.0))
    assert [rate(f(scenario())) for f in (found.of, found.again, found.again, found.of)] == [10.0, 10.0, 12.0, 12.0]
    assert rate(book(tmp_path, Probe()).of(scenario())) == 12.0


def test_what_cannot_be_measured_is_none_and_not_kept(tmp_path: Path) -> None:
    found = book(tmp_path, Probe(None))
    assert found.of(scenario()) is None
    assert found.of(scenario()) is None, "and not asked for twice in one command"
    assert rate(book(tmp_path, Probe(5.0)).of(scenario())) == 5.0
    assert book(tmp_path, Probe(), GPU).of(scenario(device="mps")) is None


def test_a_damaged_file_is_measured_anew(tmp_path: Path) -> None:
    book(tmp_path, Probe(1.0)).of(scenario())
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert rate(book(tmp_path, Probe(2.0)).of(scenario())) == 2.0


@pytest.mark.slow
def test_the_program_measures_this_cpu() -> None:
    found = probed("cpu", "fp32", 1)
    assert found is not None
    assert (found.device, found.precision, found.threads) == ("cpu", "fp32", 1)
    assert found.flops_per_s > 1e9
    assert found.bytes_per_s > 1e8
    assert probed("cpu", "tf64", 1) is None
