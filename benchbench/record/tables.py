"""Raw lines -> the three tables of a result folder, and back as pandas frames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.errors import RecordError
from benchbench.record.figures import RawLines, is_number, warmup_steps
from benchbench.record.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

STEPS, TELEMETRY, EVALS = "steps.parquet", "telemetry.parquet", "evals.parquet"

_STEP_COLUMNS = {
    "repeat": "int32", "step": "int64", "t_s": "float64", "step_s": "float64", "data_wait_s": "float64",
    "samples": "int64", "tokens": "int64", "loss": "float64", "learning_rate": "float64", "warmup": "bool",
}  # fmt: skip
_EVAL_COLUMNS = {
    "repeat": "int32", "step": "int64", "t_s": "float64", "training_s": "float64", "evaluation_s": "float64",
    "metrics": "string",
}  # fmt: skip
_TELEMETRY_COLUMNS = {
    "repeat": "int32", "t_s": "float64", "device": "string", **{m.column: "float64" for m in METRICS},
}  # fmt: skip
_INTEGERS_BELOW = {"int32": 2**31, "int64": 2**63}
_VITAL = {
    STEPS: ("repeat", "step", "step_s", "warmup"),
    EVALS: ("repeat", "step", "metrics"),
    TELEMETRY: ("repeat", "t_s", "device"),
}
_FILES = {STEPS: _STEP_COLUMNS, EVALS: _EVAL_COLUMNS, TELEMETRY: _TELEMETRY_COLUMNS}


def write(folder: Path, repeats: Mapping[int, RawLines]) -> None:
    """Writes the three tables of a run. `t_s` counts from the repeat's first telemetry sample.

    Steps before the checkpoint that a repeat went on from have a `t_s` below 0; like a warm-up, no figure has them.

    Args:
        folder: where the files go.
        repeats: each repeat's index and raw lines.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, columns in _FILES.items():
        rows = [row for index, raw in repeats.items() for row in _rows(name, raw, index)]
        schema = pa.schema(
            [(column, getattr(pa, kind if kind != "bool" else "bool_")()) for column, kind in columns.items()]
        )
        arrays = {column: [_cell(row.get(column), kind) for row in rows] for column, kind in columns.items()}
        pq.write_table(pa.table(arrays, schema=schema), folder / name, compression="zstd")


def _cell(value: object, kind: str) -> object:
    """A value as its column holds it; None for what a broken trainer wrote in a number's place."""
    if kind in ("string", "bool"):
        return value
    if not isinstance(value, (int, float)) or not is_number(value):
        return None
    if kind == "float64":
        return float(value)
    return round(value) if abs(value) < _INTEGERS_BELOW[kind] else None


def _rows(name: str, raw: RawLines, repeat: int) -> list[dict[str, Any]]:
    zero_s = next((x["t"] for x in raw.telemetry if "t" in x), next((e["t"] for e in raw.events if "t" in e), 0.0))
    source: Sequence[Mapping[str, Any]]
    if name == TELEMETRY:
        source = [x for x in raw.telemetry if "device" in x and not x.get("lost")]
    else:
        source = [*raw.earlier_steps(), *raw.steps()] if name == STEPS else raw.evaluations()
    rows = [{**line, "repeat": repeat, "t_s": line["t"] - zero_s} for line in source]
    if name == STEPS:
        cut = len(raw.earlier_steps()) + warmup_steps(raw)
        rows = [{**row, "warmup": index < cut} for index, row in enumerate(rows)]
    if name == EVALS:
        known = [{k: v for k, v in row["metrics"].items() if is_number(v)} for row in rows]
        rows = [{**row, "metrics": json.dumps(metrics)} for row, metrics in zip(rows, known, strict=True)]
    return rows


def read(folder: Path, name: str) -> pd.DataFrame:
    """One table of a result folder; `metrics` of the evaluations become columns of their own.

    Raises:
        RecordError: missing, not a table, or one without what it is about.
    """
    import pandas as pd

    try:
        frame = pd.read_parquet(folder / name)
        _check(frame, name)
        if name == EVALS:
            metrics = pd.DataFrame([json.loads(text) for text in frame.pop("metrics")], index=frame.index)
            frame = pd.concat([frame, metrics], axis=1)
    except FileNotFoundError:
        raise RecordError("cannot be read: the file is missing", file=str(folder / name)) from None
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise RecordError(f"cannot be read: {str(error).splitlines()[0]}", file=str(folder / name)) from None
    return frame


def _check(frame: pd.DataFrame, name: str) -> None:
    """Refuses (ValueError) a table that lacks a column that nothing can be told without."""
    for column in _VITAL[name]:
        if column not in frame:
            raise ValueError(f"it has no column {column}")
