"""The page's table of what compression bought."""

import json
from pathlib import Path

import pytest

from benchbench.record.compression import compression
from benchbench.record.store import read_run
from benchbench.report.content import Estimate, Quantity, Table
from benchbench.report.sections.compression import render
from benchbench.report.subject import RunSubject, run_subject
from benchbench.report.terminal import draw
from tests.record.lines import raw
from tests.record.test_compression import told
from tests.report.records import run_folder


def test_a_run_without_compression_says_nothing(tmp_path: Path) -> None:
    assert render(run_subject(run_folder(tmp_path))) is None


def test_dense_stands_beside_compressed_with_their_ratio(tmp_path: Path) -> None:
    stored = read_run(run_folder(tmp_path))
    repeats = tuple(r.model_copy(update={"compression": compression(raw([told()]))}) for r in stored.repeats)
    section = render(RunSubject(run=stored.model_copy(update={"repeats": repeats})))
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    rows = {str(row.cells[0]): row.cells[1:] for row in table.rows}
    assert list(rows) == ["size", "parameters that are not zero", "inference", "accuracy"]
    assert rows["size"] == (
        Quantity(value=4000, unit="bytes"), Quantity(value=1000, unit="bytes"), Quantity(value=0.25, unit="")
    )  # fmt: skip
    dense, compressed, ratio = rows["inference"]
    assert isinstance(dense, Estimate)
    assert isinstance(compressed, Estimate)
    assert (dense.value, compressed.value) == pytest.approx((100.0, 200.0))
    assert isinstance(ratio, Quantity)
    assert ratio.value == pytest.approx(2.0)
    assert "200 ms and counts as training" in table.note
    draw(table)


def test_a_repeat_keeps_it_in_its_record(tmp_path: Path) -> None:
    (repeat, *_) = read_run(run_folder(tmp_path)).repeats
    kept = repeat.model_copy(update={"compression": compression(raw([told()]))})
    assert type(kept).model_validate(json.loads(kept.model_dump_json(by_alias=True))) == kept
