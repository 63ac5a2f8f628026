"""The repeats of a run set end to end on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchbench.report.content import Mark, Span
from benchbench.report.curves import REPEATS_DRAWN, by_repeat, column

if TYPE_CHECKING:
    import pandas as pd

_GAP = 0.02


class Timeline:
    """A telemetry table with `t_s` moved so that each repeat follows the one before, a gap between them.

    Attributes:
        frame: the moved rows in time's order, one all-nan row a device between two repeats, so that no line joins them.
        starts: where each repeat begins, when there are several.
        unmeasured: the stretches before the first and behind the last measured step of a repeat.
        note: what the reader of the axis must know.
    """

    def __init__(self, telemetry: pd.DataFrame, steps: pd.DataFrame | None) -> None:
        import pandas as pd

        repeats = list(by_repeat(telemetry))
        drawn = repeats[:REPEATS_DRAWN]
        length_s = [float(np.nanmax(column(rows, "t_s"), initial=0.0)) for _, rows in drawn]
        gap_s = _GAP * sum(length_s)
        parts, starts, unmeasured, offset_s = [], [], [], 0.0
        for (index, rows), long_s in zip(drawn, length_s, strict=True):
            parts.append(rows.assign(t_s=rows["t_s"] + offset_s).sort_values("t_s", kind="stable"))
            joint = pd.DataFrame({"device": rows["device"].unique()})
            parts.append(joint.assign(repeat=index, t_s=offset_s + long_s + gap_s / 2))
            starts.append(Mark(at=offset_s, label=f"repeat {index}"))
            unmeasured += [Span(low=offset_s + a, high=offset_s + b) for a, b in _outside(steps, index, long_s)]
            offset_s += long_s + gap_s
        self.frame = pd.concat(parts, ignore_index=True) if parts else telemetry
        self.starts = tuple(starts) if len(starts) > 1 else ()
        self.unmeasured = tuple(unmeasured)
        self.note = _note(len(repeats), len(drawn), bool(unmeasured))


def _outside(steps: pd.DataFrame | None, repeat: int, long_s: float) -> list[tuple[float, float]]:
    if steps is None:
        return []
    rows = steps[(steps["repeat"] == repeat)]
    end_s, step_s = column(rows, "t_s"), column(rows, "step_s")
    measured = ~(np.nan_to_num(column(rows, "warmup")) > 0) & np.isfinite(end_s) & np.isfinite(step_s)
    if not measured.any():
        return [(0.0, long_s)]
    begin = float((end_s - step_s)[measured].min())
    end = float(end_s[measured].max())
    return [(a, b) for a, b in ((0.0, min(begin, long_s)), (end, long_s)) if b - a > 1e-3 * long_s]


def _note(repeats: int, drawn: int, shaded: bool) -> str:
    notes = []
    if drawn > 1:
        notes.append("The repeats are set end to end; each ran in a process of its own.")
    if repeats > drawn:
        notes.append(f"The first {drawn} of {repeats} repeats are drawn.")
    if shaded:
        notes.append("Shaded: outside the measured steps (start, warm-up, end).")
    return " ".join(notes)
