"""BenchBench: the fastest setup that trains a model to an accuracy on the hardware at hand, and its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from benchbench.report.loaded import LoadedComparison, LoadedRun, LoadedStudy

__version__ = "0.1.0"


def load(
    *names: str | PathLike[str], out: str | PathLike[str] = "results", threshold: float = 0.02
) -> LoadedRun | LoadedStudy | LoadedComparison:
    """Stored results as pandas frames; in a notebook they show their page.

    Args:
        names: an id under `out`, its unique beginning, a result folder or file; several runs make a comparison with
            the first.
        out: the results folder.
        threshold: of a comparison, the share from which a difference matters.

    Raises:
        RecordError: nothing has that name, or it cannot be read.
        InputError: no name; or the runs ask different questions or were measured on different machines.
    """
    from pathlib import Path

    from benchbench.errors import InputError
    from benchbench.report.loaded import loaded

    if not names:
        raise InputError("name a run or a study: benchbench.load('2026...'); `benchbench list` has their ids")
    return loaded([str(name) for name in names], Path(out), threshold)
