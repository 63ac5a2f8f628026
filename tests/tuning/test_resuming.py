"""A search that is killed and taken up ends as one that was not, and measures nothing twice."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import InputError
from benchbench.executors.kinds.fake import Script
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.record.machine import Machine
from benchbench.record.store import Draft
from benchbench.record.study_store import BEGUN, StudyBegun, StudyDraft, read_study
from benchbench.record.taking_up import Begun, begin
from benchbench.scenario.loading import vary
from benchbench.tuning.diary import DIARY, Diary, Entry, entries
from benchbench.tuning.moments import Watch
from benchbench.tuning.proposals import JOURNAL
from benchbench.tuning.resuming import take_up
from benchbench.tuning.tune import TuneRequest, tune
from benchmarks.search.arena import Table
from benchmarks.search.contest import generated, scenario_of
from tests.tuning.lab import Lab, lab_text

MACHINE = Machine(os="Linux", architecture="x86_64", cpu="a table", cpus=1, cpus_usable=1, memory_bytes=2**33)
KILLS = 50
STUDY = "s"


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return generated("needle", 1, tmp_path_factory.mktemp("surface"))


def search(
    of: Table,
    out: Path,
    *,
    resume: bool = False,
    budget: float = 10.0,
    watch: Watch = lambda _: None,
    objective: str | None = None,
    **changes: Any,
) -> None:
    """A search on a table, or what is left of one."""
    asked = vary(scenario_of(of), changes)
    executor = ReplayExecutor(of.records, asked)
    request = TuneRequest(
        scenario=asked, budget_s=budget * of.baseline_cost_s, out=out, machine=MACHINE, seed=3, study=STUDY,
        resume=resume, admit=executor.admit, replayed_from=of.records.name, objective=objective,
    )  # fmt: skip
    tune(request, executor, watch, executor.clock)


def told(out: Path) -> dict[str, Any]:
    """What a study found, without what differs from one time to the next."""
    document = read_study(out / STUDY).document()
    ids: dict[str, str] = {}
    for trial in document["trials"]:
        ids.setdefault(trial["run_id"], f"run {len(ids)}")
    text = json.dumps({k: v for k, v in document.items() if k not in ("created_at", "command")})
    for run_id, name in ids.items():
        text = text.replace(run_id, name) if run_id else text
    text = text.replace(str(out), "OUT")
    found: dict[str, Any] = json.loads(text, parse_float=lambda number: round(float(number), 6))
    return found


def killed(of: Table, out: Path, draws: random.Random, *, resume: bool) -> bool:
    """A search in a process of its own, killed some moments and milliseconds later; whether it was before it ended."""
    moments, seconds = draws.randint(0, 12), draws.uniform(0.0, 0.05)
    child = os.fork()
    if child == 0:
        left = itertools.count(moments, -1)

        def watch(_moment: object) -> None:
            """Counts down, then lets a timer kill the process."""
            if next(left) == 0:
                threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

        try:
            search(of, out, resume=resume, watch=watch)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent is told by the exit code
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.slow
def test_a_search_killed_at_fifty_random_moments_ends_as_one_that_was_not(surface: Table, tmp_path: Path) -> None:
    search(surface, tmp_path / "whole")
    draws, kills = random.Random(1), 0
    while kills < KILLS:
        out = tmp_path / f"killed-{kills}"
        while not (out / STUDY).exists():
            left = (out / f".{STUDY}" / BEGUN).exists()
            kills += killed(surface, out, draws, resume=left)
        assert told(out) == told(tmp_path / "whole")


PRICE = {"hardware.price_per_hour": 1.0}
CASES: dict[str, dict[str, Any]] = {
    "factored": {"search.method": "factored"},
    "tpe": {"search.method": "tpe"},
    "a constraint": {"search.constraints.peak_memory": "1GiB"},
    "a constraint on the cost": {"search.method": "tpe", "search.constraints.cost": 0.05, **PRICE},
    "two objectives": {"objective": "time,cost", **PRICE},
    "two objectives of tpe": {"objective": "throughput,time", "search.method": "tpe"},
}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("case", CASES)
def test_a_diary_cut_at_any_byte_is_gone_on_with(surface: Table, tmp_path: Path, share: float, case: str) -> None:
    changes = CASES[case]
    search(surface, tmp_path / "whole", **changes)
    search(surface, tmp_path / "cut", **changes)
    hidden = tmp_path / "cut" / f".{STUDY}"
    (tmp_path / "cut" / STUDY).rename(hidden)
    (hidden / "study.json").unlink()
    for name in (DIARY, JOURNAL):
        content = (hidden / name).read_bytes()
        (hidden / name).write_bytes(content[: int(share * len(content))])
    search(surface, tmp_path / "cut", resume=True, **changes)
    assert told(tmp_path / "cut") == told(tmp_path / "whole")


def test_a_whole_study_is_searched_on_with_a_larger_budget(surface: Table, tmp_path: Path) -> None:
    search(surface, tmp_path, budget=6.0)
    before = read_study(tmp_path / STUDY)
    search(surface, tmp_path, budget=12.0, resume=True)
    after = read_study(tmp_path / STUDY)
    assert after.budget_s == 2 * before.budget_s
    assert before.spent_s < after.spent_s <= after.budget_s
    searched = [t for t in before.trials if t.role in ("baseline", "candidate", "probe")]
    assert list(after.trials[: len(searched)]) == searched
    roles = ("baseline", "candidate", "probe")
    numbers = [entry.number for entry in entries(tmp_path / STUDY) if not entry.opened and entry.role in roles]
    assert len(set(numbers)) == len(numbers)


def test_what_explains_a_claim_is_not_measured_twice(lab: Lab, planted: Script) -> None:
    """Killed right before the study became whole: everything is in the diary, so nothing is measured any more."""
    text = lab_text(
        "training.global_batch: [32, 64]",
        "precision: [fp32, bf16]",
        "training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-3, log: true}",
        baseline="{training.optimizer.learning_rate: 1e-4}",
    )
    whole = lab.tune(planted, lab.scenario(text), budget_s=2000.0, study=STUDY).study
    roles = [t.role for t in whole.trials]
    assert {"explanation", "neighbour"} <= set(roles), roles
    hidden = lab.out / f".{STUDY}"
    (lab.out / STUDY).rename(hidden)
    (hidden / "study.json").unlink()
    again = lab.tune(planted, lab.scenario(text), budget_s=2000.0, study=STUDY, resume=True).study
    assert lab.requests == []
    assert [(t.role, t.run_id) for t in again.trials] == [(t.role, t.run_id) for t in whole.trials]
    assert again.attribution == whole.attribution
    assert again.recommendation == whole.recommendation


def test_a_study_of_other_objectives_is_not_taken_up(surface: Table, tmp_path: Path) -> None:
    search(surface, tmp_path, objective="time,cost", **PRICE)
    with pytest.raises(InputError, match="it minimises time,cost, not time"):
        search(surface, tmp_path, resume=True, **PRICE)


def test_nothing_to_take_up_is_said(surface: Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave out --resume"):
        search(surface, tmp_path, resume=True)


def test_a_study_of_another_space_is_refused_and_stays(surface: Table, tmp_path: Path) -> None:
    search(surface, tmp_path)
    with pytest.raises(InputError, match="another scenario"):
        search(surface, tmp_path, resume=True, **{"training.max_steps": 7})
    assert (tmp_path / STUDY / "study.json").is_file()


def test_what_a_killed_training_took_is_spent(surface: Table, tmp_path: Path) -> None:
    asked = scenario_of(surface)
    study = StudyDraft(tmp_path, STUDY)
    study.begin(StudyBegun(scenario=asked, objective="time", seed=0, created_at="now", machine=MACHINE))
    with Diary(study.folder) as diary:
        diary.add(Entry(number=0, overrides={}, role="baseline", started_s=7.0, opened_at=1_000_000.0))
    study.leave()
    run = Draft(tmp_path, "20260131-235959-t-00000001")
    begin(run, Begun(scenario=asked, created_at="now", machine=MACHINE, study=STUDY))
    run.leave()
    for file in run.folder.iterdir():
        os.utime(file, (1_000_040.0, 1_000_040.0))
    taken = take_up(tmp_path, None, asked, "time", None)
    taken.draft.leave()
    assert taken.earlier == []
    assert taken.spent_s == pytest.approx(47.0)
