"""The file of a recorded surface, read and matched by value."""

from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import RecordError
from benchbench.executors.records import MEASURED, Row, cell, comparable, to_csv
from benchbench.executors.records_file import read
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse_scalar
from tests.executors.tables import MISS, ROW, row, table

ASKED = Scenario.model_validate({
    "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
})  # fmt: skip
RATE = "training.optimizer.learning_rate"


def asked(**settings: Any) -> Scenario:
    return vary(ASKED, {key.replace("__", "."): value for key, value in settings.items()})


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        (RATE, "5e-05", 5e-5),
        (RATE, "1e-3", 0.001),
        (RATE, "0.30000000000000004", 0.3),
        (RATE, "1", 1.0),
        ("training.global_batch", "16", 16),
        ("training.global_batch", "16.0", 16),
        ("training.global_batch", "0x10", 16),
        ("training.micro_batch", "auto", "auto"),
        ("training.dropout", "null", None),
        ("training.dropout", "", None),
        ("training.dropout", "~", None),
        ("training.dropout", "0", 0.0),
        ("hardware.memory_limit", "16GiB", "16GiB"),
        ("training.adapter", "none", "none"),
        ("precision", '"bf16"', "bf16"),
        ("precision", " bf16 ", "bf16"),
    ],
)
def test_a_configuration_is_found_by_value(tmp_path: Path, key: str, text: str, value: object) -> None:
    records = read(table(tmp_path / "t.csv", [key], row(text.replace('"', '"""') if '"' in text else text)))
    assert [r.seed for r in records.of(vary(ASKED, {key: value}))] == [0]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [(RATE, "0.001", 0.0010001), ("training.dropout", "null", 0.0), ("precision", "bf16", "fp16")],
)
def test_what_only_looks_alike_is_another(tmp_path: Path, key: str, text: str, value: object) -> None:
    records = read(table(tmp_path / "t.csv", [key], row(text)))
    assert records.of(vary(ASKED, {key: value})) == ()


def test_true_is_not_one() -> None:
    assert comparable(True) != comparable(1)
    assert comparable(1) == comparable(1.0)


def test_the_rows_come_in_the_order_of_seed(tmp_path: Path) -> None:
    records = read(table(tmp_path / "t.csv", ["precision"], *(row("bf16", seed=s) for s in ("7", "2", "10"))))
    assert [r.seed for r in records.of(asked(precision="bf16"))] == [2, 7, 10]


def test_what_is_unknown_is_none(tmp_path: Path) -> None:
    records = read(table(tmp_path / "t.csv", ["precision"], row("bf16", **MISS, outcome="oom", step_s="", warmup_s="")))
    (only,) = records.of(asked(precision="bf16"))
    assert (only.outcome, only.step_s, only.time_to_target_s) == (Outcome.OOM, None, None)
    assert only.train_cost_s == 12.5


def test_a_row_that_stands_twice_counts_once(tmp_path: Path) -> None:
    records = read(table(tmp_path / "t.csv", ["precision"], row("bf16"), row("bf16")))
    assert len(records.of(asked(precision="bf16"))) == 1


HEADER = ",".join(["precision", *MEASURED])


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("", None, None, "empty"),
        (HEADER + "\n", None, None, "no rows"),
        (HEADER.replace("startup_s,", "").replace("seed,", "") + "\n", 1, None, "missing columns: seed, startup_s"),
        (",".join(MEASURED) + "\n" + row() + "\n", 1, None, "no column is a setting"),
        (HEADER.replace("precision", "precison") + "\n" + row("bf16"), 1, "precison", "did you mean 'precision'?"),
        (HEADER + ",precision\n" + row("bf16") + ",bf16", 1, "precision", "twice"),
        (HEADER + "\n" + row("bf16") + ",9\n", 2, None, "12 cells, and the table has 11 columns"),
        (HEADER + "\n" + row("bf17"), 2, "precision", "bf17"),
        (HEADER + "\n" + row("bf16", step_s=".nan"), 2, "step_s", "expected a number, not .nan"),
        (HEADER + "\n" + row("bf16", step_s="nan"), 2, "step_s", "expected a number, not 'nan'"),
        (HEADER + "\n" + row("bf16", train_cost_s=".inf"), 2, "train_cost_s", "expected a number"),
        (HEADER + "\n" + row("bf16", step_s="-0.1"), 2, "step_s", "below zero"),
        (HEADER + "\n" + row("bf16", step_s="0"), 2, "step_s", "above zero"),
        (HEADER + "\n" + row("bf16", step_s=""), 2, "step_s", "above zero"),
        (HEADER + "\n" + row("bf16", seed=""), 2, "seed", "the cell is empty"),
        (HEADER + "\n" + row("bf16", seed="1.5"), 2, "seed", "a whole number"),
        (HEADER + "\n" + row("bf16", outcome="okay"), 2, "outcome", "did you mean 'ok'?"),
        (HEADER + "\n" + row("bf16", outcome="interrupted"), 2, "outcome", "unknown outcome"),
        (HEADER + "\n" + row("bf16", outcome="diverged"), 2, "outcome", "and yet it has a time"),
        (HEADER + "\n" + row("bf16", steps_to_target=""), 2, "time_to_target_s", "stand together"),
        (HEADER + "\n" + row("bf16", train_cost_s=""), 2, "train_cost_s", "the target was reached"),
        (
            HEADER + "\n" + row("bf16") + "\n" + row("bf16", step_s="0.2") + "\n", 3, "seed",
            "another row of this configuration with seed 0 stands on line 2",
        ),
        (HEADER + '\n"bf16' + row(""), 2, None, "not a CSV table"),
        ("a\0b", None, None, "binary"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_is_one_message(
    tmp_path: Path, text: str, line: int | None, key: str | None, said: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(RecordError) as caught:
        read(file)
    assert said in str(caught.value)
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(file), line, key)


def test_a_file_that_is_none_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    for name, said in (("missing.csv", "no such file"), (".", "not a regular file"), ("b.csv", "not UTF-8")):
        with pytest.raises(RecordError, match=said):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "value", [None, True, False, 1, 5e-5, 1e-3, "bf16", "null", "1", "1e3", " x", "'q'", "", "a,b"]
)
def test_a_cell_reads_back_as_what_it_was(value: bool | int | float | str | None) -> None:
    text = cell(value)
    found = parse_scalar(text) if text[:1] not in ('"', "'") else text[1:-1]
    assert (found, type(found)) == (value, type(value))


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    rows = [
        (("bf16", 5e-5), Row(seed=0, outcome=Outcome.OK, startup_s=2.0, step_s=0.1, warmup_s=0.0, probe_cost_s=4.0)),
        (("bf16", 5e-5), Row(seed=1, outcome=Outcome.CRASHED, startup_s=2.0, train_cost_s=2.0, peak_memory_bytes=7)),
    ]
    file = tmp_path / "t.csv"
    file.write_text(to_csv(["precision", RATE], rows))
    records = read(file)
    found = records.of(asked(precision="bf16", training__optimizer__learning_rate=5e-5))
    assert list(found) == [written for _, written in rows]


def test_a_table_knows_nothing_of_other_knobs(tmp_path: Path) -> None:
    records = read(table(tmp_path / "t.csv", ["precision"], row("bf16")))
    others = records.others(ASKED)
    assert "precision" not in others
    assert others["training.global_batch"] == ASKED.training.global_batch
    assert ROW["seed"] == "0"
