"""The Markdown and the CSV of fixed records, to the letter.

After a change that is meant: `RENEW_SNAPSHOTS=1 pytest tests/report/test_snapshots.py`, then read the diff in git.
"""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.record.comparing import compare
from benchbench.record.study import Attribution
from benchbench.record.types import Outcome
from benchbench.report.rendering import Document, renderer
from benchbench.report.subject import ComparisonSubject, RunSubject, StudySubject, run_subject, study_subject
from benchbench.scenario.knobs import Lever
from tests.report.records import TARGET, estimate, run_folder, scenario, study, study_folder

FOLDER = Path(__file__).parent / "snapshots"
RENEW = "RENEW_SNAPSHOTS"


def _run(out: Path) -> RunSubject:
    return run_subject(run_folder(out, outcomes=(Outcome.OK, Outcome.OK, Outcome.OOM), of=scenario(**TARGET)))


def _study(out: Path) -> StudySubject:
    runs = {role: run_folder(out, f"20260101-{role}", of=scenario(**TARGET)) for role in ("baseline", "recommendation")}
    parts = (
        Attribution(lever=Lever.SOFTWARE, key="precision", before="fp32", after="bf16", speedup=estimate(1.8, "x")),
    )
    return study_subject(study_folder(out, study(runs, attribution=parts)))


def _comparison(out: Path) -> ComparisonSubject:
    ids = ("20260101-000000-bert-aaaa", "20260101-000001-bert-bbbb")
    runs = tuple(run_subject(run_folder(out, run_id)) for run_id in ids)
    return ComparisonSubject(comparison=compare([run.run for run in runs], 0.02), runs=runs)


CASES: dict[str, Callable[[Path], Document]] = {
    "run": lambda out: Document(subjects=(_run(out),)),
    "study": lambda out: Document(subjects=(_study(out),)),
    "comparison": lambda out: Document(subjects=(_comparison(out),)),
    "mixed": lambda out: Document(subjects=(_run(out), _study(out)), most=1),
}


@pytest.mark.parametrize("kind", ["md", "csv"])
@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_one_that_was_read_by_a_person(
    case: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = renderer(kind).text(CASES[case](Path("results")))
    file = FOLDER / f"{case}.{kind}"
    if os.environ.get(RENEW):
        file.write_text(made, encoding="utf-8")
    known = file.read_text(encoding="utf-8") if file.is_file() else ""
    told = difflib.unified_diff(known.splitlines(), made.splitlines(), f"{file.name}, kept", "made now", lineterm="")
    difference = "\n".join(told)
    assert not difference, f"{RENEW}=1 keeps what is made now:\n{difference}"
