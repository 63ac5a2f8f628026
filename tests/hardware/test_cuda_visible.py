"""Which GPUs torch numbers 0, 1, ... under a setting of CUDA_VISIBLE_DEVICES."""

from __future__ import annotations

import pytest

from benchbench.hardware.cuda_visible import Gpu, Place, torch_order

WHOLE = [Gpu("GPU-aa11"), Gpu("GPU-ab22"), Gpu("GPU-b333"), Gpu(None)]
PARTED = [Gpu("GPU-aa11"), Gpu("GPU-ab22", {0: "MIG-a", 2: "MIG-b"}), Gpu("GPU-b333", {1: "MIG-c"}), Gpu("GPU-c", {})]


@pytest.mark.parametrize(
    ("setting", "gpus"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2", [2]),
        (" 2 , 0 ", [2, 0]),
        ("3,1,2,0", [3, 1, 2, 0]),
        ("0,4,1", [0]),
        ("0,-1,1", [0]),
        ("0,,1", [0]),
        ("0,GPU-ab22", [0]),
        ("1x,2y", [1, 2]),
        ("0,1,0", []),
        ("GPU-ab22,GPU-aa11", [1, 0]),
        ("GPU-b", [2]),
        ("GPU-a", []),
        ("GPU-b,GPU-a,GPU-ab", [2]),
        ("GPU-ab22,GPU-ab", []),
        ("GPU-ab22,0", [1]),
        ("GPU-zz", []),
    ],
)
def test_whole_gpus(setting: str | None, gpus: list[int]) -> None:
    assert torch_order(WHOLE, setting) == [Place(gpu) for gpu in gpus]


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        (None, Place(1, 0)),
        ("0", Place(0)),
        ("1", Place(1, 0)),
        ("2,0", Place(2, 1)),
        ("0,1", Place(1, 0)),
        ("3", None),
        ("MIG-b", Place(1, 2)),
        ("MIG-c,MIG-a", Place(2, 1)),
        ("MIG-", None),
        ("GPU-ab22", Place(1, 0)),
        ("GPU-c", None),
    ],
)
def test_a_mig_instance_is_alone(setting: str | None, place: Place | None) -> None:
    assert torch_order(PARTED, setting) == ([] if place is None else [place])


def test_no_gpu() -> None:
    assert torch_order([], None) == torch_order([], "0") == []
