"""What a page says of each of several ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchbench.record.per_rank_types import RankUse
from benchbench.report.content import Paragraph, Quantity, Table
from benchbench.report.sections import ranks
from benchbench.report.subject import RunSubject, run_subject
from tests.report.records import run_folder


def subject(folder: Path, *uses: tuple[RankUse, ...]) -> RunSubject:
    """A run whose repeats have these ranks."""
    found = run_subject(run_folder(folder))
    repeats = [r.model_copy(update={"per_rank": use}) for r, use in zip(found.run.repeats, uses, strict=False)]
    return replace(found, run=found.run.model_copy(update={"repeats": tuple(repeats)}))


def test_one_process_has_no_ranks(tmp_path: Path) -> None:
    assert ranks.render(run_subject(run_folder(tmp_path))) is None


def test_the_slowest_rank_is_named_with_what_it_costs(tmp_path: Path) -> None:
    fast = RankUse(rank=0, device="cpu", cpus=(0,), threads=1, step_s=0.1, data_wait_s=0.01, peak_memory_bytes=300)
    slow = fast.model_copy(update={"rank": 1, "cpus": (1, 3), "step_s": 0.15, "communication_s": 0.02})
    more = slow.model_copy(update={"step_s": 0.25, "peak_memory_bytes": 500})
    section = ranks.render(subject(tmp_path, (fast, slow), (fast, more)))
    assert section is not None
    (said,) = [block for block in section.blocks if isinstance(block, Paragraph)]
    assert said.text == "Rank 1 is the slowest: its step takes 100 % longer than rank 0's."
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    cells = [[cell.value if isinstance(cell, Quantity) else cell for cell in row.cells] for row in table.rows]
    assert cells == [
        [0, "cpu", 0.1, 1.0, 0.01, None, 300, 1, "0"],
        [1, "cpu", 0.2, 2.0, 0.01, 0.02, 500, 1, "1, 3"],
    ]


def test_ranks_that_nothing_is_known_of_make_a_table_without_numbers(tmp_path: Path) -> None:
    section = ranks.render(subject(tmp_path, (RankUse(rank=0), RankUse(rank=1))))
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert [row.cells[0] for row in table.rows] == [0, 1]
    cells = [cell.value if isinstance(cell, Quantity) else cell for row in table.rows for cell in row.cells[1:]]
    assert not any(cells)
