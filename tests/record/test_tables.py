"""Raw lines -> parquet -> frames, whatever a broken trainer wrote."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchbench.errors import RecordError
from benchbench.record import tables
from benchbench.record.metrics import METRICS
from tests.record.lines import CPU, GPU, evaluation, header, raw, steady, steps


def lines() -> Any:
    events = [*steps(4), evaluation(2, 0.2, accuracy=0.5, loss=1.5), evaluation(4, 0.4, loss=1.25), steady(1)]
    telemetry = [
        header(CPU, GPU),
        {"t": 90.0, "device": "cpu", "utilization": 0.5},
        {"t": 90.1, "device": "cuda:0", "power_w": 300, "throttle_reasons": 4.0},
        {"t": 90.2, "device": "cuda:0", "lost": True},
    ]
    return raw(events, telemetry)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tables.write(tmp_path, {0: lines(), 2: lines()})
    return tmp_path


def test_steps_round_trip(folder: Path) -> None:
    frame = tables.read(folder, tables.STEPS)
    assert list(frame.columns) == [
        "repeat", "step", "t_s", "step_s", "data_wait_s", "samples", "tokens", "loss", "learning_rate", "warmup",
    ]  # fmt: skip
    assert frame["repeat"].tolist() == [0] * 4 + [2] * 4
    assert frame["step"].tolist() == [1, 2, 3, 4] * 2
    assert frame["warmup"].tolist() == [True, False, False, False] * 2
    assert frame["step_s"].tolist() == pytest.approx([0.1] * 8)
    assert frame["t_s"].tolist()[:4] == pytest.approx([10.1, 10.2, 10.3, 10.4]), "from the first telemetry sample"
    assert frame["samples"].dtype == "int64"


def test_evaluations_have_a_column_a_metric(folder: Path) -> None:
    frame = tables.read(folder, tables.EVALS)
    assert frame["step"].tolist() == [2, 4, 2, 4]
    assert frame["loss"].tolist() == [1.5, 1.25] * 2
    assert frame["accuracy"].tolist()[0] == 0.5
    assert math.isnan(frame["accuracy"].tolist()[1])
    assert "metrics" not in frame.columns


def test_telemetry_has_a_column_a_metric(folder: Path) -> None:
    frame = tables.read(folder, tables.TELEMETRY)
    assert list(frame.columns) == ["repeat", "t_s", "device", *(m.column for m in METRICS)]
    assert frame["device"].tolist() == ["cpu", "cuda:0"] * 2
    assert frame["t_s"].tolist()[:2] == pytest.approx([0.0, 0.1])
    assert frame["power_w"].tolist()[1] == 300.0
    assert pd.isna(frame["power_w"].tolist()[0])


def test_nothing_measured_gives_empty_tables(tmp_path: Path) -> None:
    tables.write(tmp_path, {0: raw()})
    for name in (tables.STEPS, tables.EVALS, tables.TELEMETRY):
        assert len(tables.read(tmp_path, name)) == 0
    tables.write(tmp_path, {})
    assert len(tables.read(tmp_path, tables.STEPS)) == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"loss": None}, {"loss": "nan"}, {"loss": math.nan}, {"learning_rate": [1]}, {"data_wait_s": {}},
        {"tokens": 2**70}, {"samples": 3.5}, {"step": 2**64}, {"unforeseen": object}, {"loss": 2**70}, {"loss": True},
    ],
)  # fmt: skip
def test_a_broken_trainers_values_break_no_table(tmp_path: Path, broken: dict[str, Any]) -> None:
    tables.write(tmp_path, {0: raw([*steps(2), {**steps(1, begin=100.2)[0], **broken}])})
    assert len(tables.read(tmp_path, tables.STEPS)) == 3


def test_a_broken_trainers_metrics_break_no_table(tmp_path: Path) -> None:
    odd: Any = {"accuracy": math.nan, "loss": math.inf, "text": "good", "fine": 0.5}
    tables.write(tmp_path, {0: raw([evaluation(1, 0.1, **odd), {"event": "eval"}])})
    frame = tables.read(tmp_path, tables.EVALS)
    assert frame["fine"].tolist() == [0.5]
    assert not {"accuracy", "loss", "text"} & set(frame.columns)


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "other", "folder"])
def test_a_table_that_cannot_be_read_is_named(folder: Path, damage: str) -> None:
    file = folder / tables.STEPS
    whole = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
        (file / "x").touch()
    elif damage != "missing":
        file.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "other": b"a,b\n1,2\n"}[damage])
    with pytest.raises(RecordError) as caught:
        tables.read(folder, tables.STEPS)
    assert caught.value.file == str(file)
