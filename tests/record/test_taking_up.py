"""What a killed command left is taken up, and nothing else."""

from pathlib import Path

import pytest

from benchbench.errors import InputError, RecordError
from benchbench.record import raw
from benchbench.record.store import Draft
from benchbench.record.taking_up import BEGUN, Begun, begin, take_up
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from tests.record.lines import MACHINE, repeat

FIRST, SECOND = "20260131-235959-t-00000001", "20260201-000000-t-00000002"
SCENARIO = Scenario.model_validate(
    {"name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification"}
)


def killed(out: Path, run_id: str, *ended: Repeat, scenario: Scenario = SCENARIO) -> Draft:
    """What a command leaves that is killed once some measurements ended; its claim went with it."""
    draft = alive(out, run_id, *ended, scenario=scenario)
    draft.leave()
    return draft


def alive(out: Path, run_id: str, *ended: Repeat, scenario: Scenario = SCENARIO) -> Draft:
    draft = Draft(out, run_id)
    begin(draft, Begun(scenario=scenario, created_at=run_id, command=("benchbench", "run"), machine=MACHINE))
    for one in ended:
        draft.repeat_folder(one.index, one.attempt)
        draft.keep(one)
    return draft


def test_the_newest_run_is_taken_with_what_ended_of_it(tmp_path: Path) -> None:
    killed(tmp_path, FIRST)
    again = repeat(0, attempt=1)
    draft = killed(tmp_path, SECOND, repeat(0), again, repeat(1, Outcome.CRASHED), repeat(2, Outcome.INTERRUPTED))
    taken = take_up(tmp_path, SCENARIO, MACHINE)
    assert taken.draft.folder == draft.folder
    assert taken.begun.created_at == SECOND
    assert taken.ended == {0: [repeat(0), again], 1: [repeat(1, Outcome.CRASHED)]}


def test_one_run_is_taken_by_one_command(tmp_path: Path) -> None:
    killed(tmp_path, FIRST)
    killed(tmp_path, SECOND)
    found = [take_up(tmp_path, SCENARIO, MACHINE).draft.id for _ in range(2)]
    assert found == [SECOND, FIRST]
    with pytest.raises(InputError, match="is still being measured"):
        take_up(tmp_path, SCENARIO, MACHINE)


def test_a_run_whose_command_is_alive_is_passed_over(tmp_path: Path) -> None:
    killed(tmp_path, FIRST)
    alive(tmp_path, SECOND)
    assert take_up(tmp_path, SCENARIO, MACHINE).draft.id == FIRST


def test_a_run_goes_by_its_scenarios_key(tmp_path: Path) -> None:
    killed(tmp_path, FIRST, scenario=vary(SCENARIO, {"training.seed": 7}))
    with pytest.raises(InputError, match="no killed command left a run of this scenario") as caught:
        take_up(tmp_path, SCENARIO, MACHINE)
    assert caught.value.exit_code == 2
    renamed = vary(SCENARIO, {"training.seed": 7, "name": "another", "measure.repeats": 9})
    assert take_up(tmp_path, renamed, MACHINE).draft.id == FIRST


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cpu": "another CPU"}, "cpu was a CPU and is another CPU"),
        ({"versions": {"torch": "9"}}, "versions.torch was None and is 9"),
        ({"cpus_usable": 1}, "cpus_usable was 2 and is 1"),
    ],
)
def test_a_run_of_another_machine_is_refused_with_what_differs(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    killed(tmp_path, FIRST)
    with pytest.raises(InputError, match=words):
        take_up(tmp_path, SCENARIO, MACHINE.model_copy(update=change))
    elsewhere = MACHINE.model_copy(update={"git_commit": "abc", "git_dirty": True})
    assert take_up(tmp_path, SCENARIO, elsewhere).draft.id == FIRST, "a commit of the user's own changes nothing"


def test_a_folder_that_does_not_say_what_it_is_of_is_passed_over(tmp_path: Path) -> None:
    Draft(tmp_path, FIRST).leave()
    (killed(tmp_path, SECOND).folder / BEGUN).write_text("{")
    with pytest.raises(InputError, match="no killed command left"):
        take_up(tmp_path, SCENARIO, MACHINE)
    with pytest.raises(InputError, match="no killed command left"):
        take_up(tmp_path / "nowhere", SCENARIO, MACHINE)


def test_a_run_that_is_whole_is_not_taken(tmp_path: Path) -> None:
    killed(tmp_path, FIRST)
    whole = tmp_path / FIRST
    whole.mkdir()
    (whole / "result.json").touch()
    with pytest.raises(InputError, match="no killed command left"):
        take_up(tmp_path, SCENARIO, MACHINE)


def test_a_damaged_repeat_is_named(tmp_path: Path) -> None:
    draft = killed(tmp_path, FIRST, repeat(0))
    (draft.folder / "repeat-0" / raw.REPEAT).write_text("{}")
    with pytest.raises(RecordError, match="damaged") as caught:
        take_up(tmp_path, SCENARIO, MACHINE)
    assert caught.value.file is not None
    assert caught.value.file.endswith("repeat-0/repeat.json")
