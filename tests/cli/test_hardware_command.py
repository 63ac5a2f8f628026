"""`benchbench hardware`: measured peaks beside the datasheets."""

from __future__ import annotations

import json

import pytest

from benchbench.cli.main import run
from benchbench.executors import peak_book
from benchbench.record.peaks import Peak


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    def probe(device: str, precision: str, threads: int | None) -> Peak:
        return Peak(device=device, precision=precision, threads=2, flops_per_s=3e11, bytes_per_s=2e10)

    monkeypatch.setattr(peak_book, "probed", probe)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("BENCHBENCH_LOCK", str(tmp_path_factory.mktemp("lock") / "lock"))


def test_peaks_and_catalog_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hardware", "--json", "--catalog", "--precision", "fp32"]) == 0
    answer = capsys.readouterr()
    found = json.loads(answer.out)
    assert found.keys() == {"schema", "machine", "peaks", "catalog"}
    assert [peak["precision"] for peak in found["peaks"]] == ["fp32"]
    names = {row["name"] for row in found["catalog"]}
    assert {"H100-SXM-80GB", "A100-SXM-80GB", "MI300X"} <= names
    assert "300 GFLOP/s" in answer.err
    (peak,) = found["peaks"]
    assert (peak["device"], peak["flops_per_s"], peak["bytes_per_s"]) == ("cpu", 3e11, 2e10)
    assert (peak["flops_per_s_estimate"]["value"], peak["flops_per_s_estimate"]["n"]) == (pytest.approx(3e11), 5)
    assert peak["bytes_per_s_estimate"]["unit"] == "B/s"
    assert len(peak["readings"]) == 5
    assert isinstance(peak["warnings"], list)
    assert "300 GFLOP/s (300 GFLOP/s to 300 GFLOP/s)" in answer.err


def test_an_unknown_precision_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hardware", "--precision", "bf61"]) == 2
    assert "did you mean 'bf16'" in capsys.readouterr().err
