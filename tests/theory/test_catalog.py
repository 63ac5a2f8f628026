"""The catalog: exact names, a source for every figure, dense peaks that agree with each other."""

from __future__ import annotations

import pytest

from benchbench.theory.catalog import accelerators, of_device


def test_every_figure_has_its_source_and_every_source_a_figure() -> None:
    for row in accelerators():
        figures = {"memory_gb": row.memory_gb, "bandwidth_gb_per_s": row.bandwidth_gb_per_s, "power_w": row.power_w}
        known = {name for name, value in figures.items() if value is not None} | ({"tflops"} if row.tflops else set())
        assert set(row.sources) == known, row.name
        assert all(words for words in row.sources.values()), row.name


def test_a_name_belongs_to_one_row_and_is_never_guessed() -> None:
    names = [name for row in accelerators() for name in row.device_names]
    assert len(names) == len(set(names))
    assert len({row.name for row in accelerators()}) == len(accelerators())
    assert of_device("NVIDIA H100 80GB HBM3").name == "H100-SXM-80GB"  # type: ignore[union-attr]
    for unknown in ("NVIDIA H100", "nvidia h100 80gb hbm3", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "NVIDIA A10G", ""):
        assert of_device(unknown) is None


def test_peaks_are_dense_and_in_flops_a_second() -> None:
    h100 = of_device("NVIDIA H100 80GB HBM3")
    assert h100 is not None
    assert h100.flops_per_s("bf16") == pytest.approx(989e12)
    assert h100.flops_per_s("fp32") == pytest.approx(67e12)
    assert h100.flops_per_s("tf32") == pytest.approx(494.5e12)
    assert h100.flops_per_s("int4") is None
    assert h100.bytes_per_s == pytest.approx(3.35e12)
    v100 = of_device("Tesla V100-SXM2-16GB")
    assert v100 is not None
    assert v100.flops_per_s("bf16") is None


def test_no_precision_is_faster_than_a_narrower_one() -> None:
    for row in accelerators():
        order = [row.tflops[p] for p in ("fp32", "tf32", "bf16", "fp8") if p in row.tflops]
        assert order == sorted(order), row.name
        assert row.tflops.get("bf16", row.tflops.get("fp16")) == row.tflops.get("fp16"), row.name
