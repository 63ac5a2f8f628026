"""The probe: the best sustained rate, by a clock that ticks as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

from benchbench.hardware import peaks
from benchbench.hardware.peaks import sustained_s


class Machine:
    """Each call takes the seconds of a list, the last of them again and again; the clock stands still otherwise."""

    def __init__(self, *calls_s: float) -> None:
        self.now_s, self.calls_s, self.calls = 0.0, list(calls_s), 0

    def call(self) -> None:
        self.now_s += self.calls_s[0] if len(self.calls_s) == 1 else self.calls_s.pop(0)
        self.calls += 1

    def sustained_s(self) -> float:
        return sustained_s(self.call, lambda: None, lambda: self.now_s)


def test_the_best_of_three_rows_counts_and_the_first_call_does_not() -> None:
    steady = Machine(5.0, 0.01)
    assert steady.sustained_s() == pytest.approx(0.01)
    assert steady.calls == 2 + 3 * 7
    disturbed = Machine(5.0, 0.01, *[0.05] * 7, *[0.01] * 7, 0.05)
    assert disturbed.sustained_s() == pytest.approx(0.01)


def test_what_takes_long_is_done_once_more_and_no_oftener() -> None:
    slow = Machine(9.0, 0.4)
    assert slow.sustained_s() == pytest.approx(0.4)
    assert slow.calls == 3


def test_a_size_that_takes_too_long_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def product(_device: str, _precision: str, size: int) -> Callable[[], None]:
        sizes.append(size)
        return lambda: None

    monkeypatch.setattr(peaks, "_product", product)
    monkeypatch.setattr(peaks, "sustained_s", lambda *_: 1.0 if sizes[-1] == 512 else 0.1)
    rates = list(peaks._product_rates("cpu", "bf16", lambda: None))
    assert sizes == [256, 512]
    assert rates == [2 * 256**3 / 0.1, 2 * 512**3 / 1.0]


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_in_the_precision(precision: str, kind: torch.dtype) -> None:
    found = peaks._product("cpu", precision, 8)()
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.dtype) == ((8, 8), kind)


def test_the_program_prints_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(peaks._SIZES, "cpu", (16, 32))
    monkeypatch.setitem(peaks._ARRAY_BYTES, "cpu", 2**16)
    monkeypatch.setattr(peaks, "_SUSTAINED_S", 0.003)
    assert peaks.main(["--device", "cpu", "--precision", "fp32", "--threads", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"device", "precision", "threads", "flops_per_s", "bytes_per_s"}
    assert found["threads"] == 1
    assert found["flops_per_s"] > 0
    assert found["bytes_per_s"] > 0
