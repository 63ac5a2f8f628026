"""The program that measures what a device can do: matrix products in one precision, and its memory.

    python -m benchbench.hardware.peaks --device cpu --precision fp32 [--threads N]

It takes a second or two and prints one JSON object, a `benchbench.record.peaks.Peak`. Of several sizes of square
matrices the best sustained rate counts; memory is copied and added up as in STREAM (McCalpin 1995), over arrays that
no cache holds, and the better of the two counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

from benchbench.record.peaks import Peak
from benchbench.scenario.training_types import Precision

DEVICES = ("cpu", "cuda")
_SIZES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192)}
_ARRAY_BYTES = {"cpu": 2**27, "cuda": 2**30}  # each of three; the largest caches of CPUs hold some 2**28 in all
_SUSTAINED_S = 0.2  # of each size, and of each way to move memory
_LONGEST_CALL_S = 0.5  # a size that takes longer is the last: emulated arithmetic would take minutes


def measure(device: str, precision: str, threads: int | None = None) -> Peak:
    """Measures one device in one precision.

    Args:
        device: `cpu` or `cuda` (the current one).
        precision: as a scenario names it.
        threads: of the CPU; None for torch's own number.
    """
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    wait = torch.cuda.synchronize if device == "cuda" else _go_on
    return Peak(
        device=device,
        precision=precision,
        threads=torch.get_num_threads() if device == "cpu" else None,
        flops_per_s=max(_product_rates(device, precision, wait)),
        bytes_per_s=max(_memory_rates(device, wait)),
    )


def _go_on() -> None:
    """What works while Python waits needs no waiting."""


def _product_rates(device: str, precision: str, wait: Callable[[], None]) -> Iterator[float]:
    """FLOPs a second of square products, size by size."""
    for size in _SIZES[device]:
        product = _product(device, precision, size)
        call_s = sustained_s(product, wait)
        yield 2 * size**3 / call_s
        if call_s > _LONGEST_CALL_S:
            return


def _product(device: str, precision: str, size: int) -> Callable[[], object]:
    """A product of two square matrices, as training in the precision computes it."""
    import torch

    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if device == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    kind = kinds.get(precision, torch.float32)
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    if precision != "fp8":
        out = torch.empty_like(a)
        return lambda: torch.mm(a, b, out=out)
    one = torch.ones((), device=device)
    narrow_a, narrow_b = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn).t()
    return lambda: torch._scaled_mm(narrow_a, narrow_b, one, one, out_dtype=torch.bfloat16)


def _memory_rates(device: str, wait: Callable[[], None]) -> Iterator[float]:
    """Bytes a second of copy (one read, one written) and triad (two read, one written)."""
    import torch

    a, b, c = (torch.ones(_ARRAY_BYTES[device] // 4, device=device) for _ in range(3))
    copy: Callable[[], Any] = lambda: a.copy_(b)  # noqa: E731
    triad: Callable[[], Any] = lambda: torch.add(b, c, alpha=3.0, out=a)  # noqa: E731
    yield 2 * a.nbytes / sustained_s(copy, wait)
    yield 3 * a.nbytes / sustained_s(triad, wait)


def sustained_s(
    call: Callable[[], object], wait: Callable[[], None], clock: Callable[[], float] = time.monotonic
) -> float:
    """Seconds of one call: the best mean of three rows of calls, after one that warms up.

    Args:
        call: starts the work.
        wait: returns when the work that was started is done.
        clock: seconds.
    """
    call()
    wait()
    begin_s = clock()
    call()
    wait()
    once_s = max(1e-9, clock() - begin_s)
    calls = max(1, round(_SUSTAINED_S / 3 / once_s))
    best_s = once_s if calls == 1 else float("inf")
    for _ in range(3 if calls > 1 else 1):
        begin_s = clock()
        for _ in range(calls):
            call()
        wait()
        best_s = min(best_s, (clock() - begin_s) / calls)
    return best_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="benchbench.hardware.peaks", description="Measures what a device can do.")
    parser.add_argument("--device", choices=DEVICES, required=True)
    parser.add_argument("--precision", choices=get_args(Precision), required=True)
    parser.add_argument("--threads", type=int, help="of the CPU (torch's own number)")
    options = parser.parse_args(arguments)
    sys.stdout.write(measure(options.device, options.precision, options.threads).model_dump_json() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
