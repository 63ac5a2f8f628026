"""The repeats of a run set end to end on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchbench.report.content import Mark, Span, Tone
from benchbench.report.curves import REPEATS_DRAWN, by_repeat, column
from benchbench.report.language import tr
from benchbench.report.wording import sentences

if TYPE_CHECKING:
    import pandas as pd

_GAP = 0.02
_HELD_DOWN = 0x8 | 0x20 | 0x40 | 0x80  # NVML: hardware slowdown, heat (software and hardware), the power brake
_SILENT = 5.0  # so many of its usual intervals without a sample are a gap
_SPANS_DRAWN = 50


class Timeline:
    """A telemetry table with `t_s` moved so that each repeat follows the one before, a gap between them.

    Attributes:
        frame: the moved rows in time's order, an all-nan row a device between two repeats and in a gap, so that no line
            crosses them.
        offsets_s: where each repeat begins, by its index, in seconds on the axis.
        starts: where each repeat begins, when there are several.
        unmeasured: the stretches before the first and behind the last measured step of a repeat.
        held_down: the stretches in which a device's driver held its clocks down.
        gaps: the stretches without a sample of any device.
        note: what the reader of the axis must know.
    """

    def __init__(self, telemetry: pd.DataFrame, steps: pd.DataFrame | None) -> None:
        import pandas as pd

        repeats = list(by_repeat(telemetry))
        drawn = repeats[:REPEATS_DRAWN]
        length_s = [float(np.nanmax(column(rows, "t_s"), initial=0.0)) for _, rows in drawn]
        gap_s = _GAP * sum(length_s)
        parts, starts, unmeasured, offset_s = [], [], [], 0.0
        self.offsets_s: dict[int, float] = {}
        held_down: list[Span] = []
        gaps: list[Span] = []
        for (index, rows), long_s in zip(drawn, length_s, strict=True):
            parts.append(rows.assign(t_s=rows["t_s"] + offset_s).sort_values("t_s", kind="stable"))
            joint = pd.DataFrame({"device": rows["device"].unique()})
            parts.append(joint.assign(repeat=index, t_s=offset_s + long_s + gap_s / 2))
            self.offsets_s[index] = offset_s
            starts.append(Mark(at=offset_s, label=tr("repeat {index}", index=index)))
            unmeasured += [Span(low=offset_s + a, high=offset_s + b) for a, b in _outside(steps, index, long_s)]
            silent = _gaps(rows)
            parts += [joint.assign(repeat=index, t_s=offset_s + (a + b) / 2) for a, b in silent]
            held_down += _moved(_held_down(rows), offset_s, tr("throttled"), "bad")
            gaps += _moved(silent, offset_s, tr("no samples"), "warning")
            offset_s += long_s + gap_s
        joined = pd.concat(parts, ignore_index=True) if parts else telemetry
        self.frame = joined.sort_values("t_s", kind="stable", ignore_index=True) if gaps else joined
        self.starts = tuple(starts) if len(starts) > 1 else ()
        self.unmeasured = tuple(unmeasured)
        self.held_down = tuple(held_down[:_SPANS_DRAWN])
        self.gaps = tuple(gaps[:_SPANS_DRAWN])
        self.note = _note(len(repeats), len(drawn), bool(unmeasured))

    def moved(self, table: pd.DataFrame) -> pd.DataFrame:
        """Another table of the same repeats with its `t_s` on this axis; what is not drawn is left out."""
        kept = table[table["repeat"].isin(list(self.offsets_s))]
        return kept.assign(t_s=column(kept, "t_s") + kept["repeat"].map(self.offsets_s).astype(float))


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


def _moved(stretches: list[tuple[float, float]], offset_s: float, label: str, tone: Tone) -> list[Span]:
    return [
        Span(low=offset_s + a, high=offset_s + b, label=label if index == 0 else "", tone=tone)
        for index, (a, b) in enumerate(stretches)
    ]


def _held_down(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """From the first to the last of consecutive samples in which some device was held down, in seconds."""
    reasons = column(rows, "throttle_reasons")
    known = np.isfinite(reasons) & np.isfinite(column(rows, "t_s"))
    if not known.any():
        return []
    order = np.argsort(column(rows, "t_s")[known], kind="stable")
    at = column(rows, "t_s")[known][order]
    held = (reasons[known][order].astype(np.int64) & _HELD_DOWN) > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(int)))
    return [(float(at[a]), float(at[min(b, len(at) - 1)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _gaps(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Where no device was sampled for much longer than usual, in seconds."""
    at = np.unique(column(rows, "t_s"))
    at = at[np.isfinite(at)]
    if len(at) < 3:
        return []
    between = np.diff(at)
    return [(float(at[i]), float(at[i + 1])) for i in np.flatnonzero(between > _SILENT * float(np.median(between)))]


def _note(repeats: int, drawn: int, shaded: bool) -> str:
    notes = []
    if drawn > 1:
        notes.append(tr("The repeats are set end to end; each ran in a process of its own."))
    if repeats > drawn:
        notes.append(tr("The first {drawn} of {repeats} repeats are drawn.", drawn=drawn, repeats=repeats))
    if shaded:
        notes.append(tr("Shaded: outside the measured steps (start, warm-up, end)."))
    return sentences(notes)
