"""Whatever a child does becomes an outcome with its reason, and no process is left."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from tests.executors.trees import PRELUDE, STUBBORN, WELL, alive, gone, until


@pytest.fixture
def mark() -> str:
    return f"mark-{secrets.token_hex(6)}"


def scenario(**hardware: object) -> Scenario:
    return Scenario.model_validate({
        "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "hardware": hardware, "training": {"global_batch": 4},
    })  # fmt: skip


def run(
    folder: Path, code: str, mark: str, timeout_s: float = 30.0, *, cgroups: bool = True, **hardware: object
) -> Repeat:
    program = f"MARK = {mark!r}\n" + PRELUDE + code
    executor = ChildExecutor((sys.executable, "-c", program, mark), cgroups=cgroups)
    request = Request(scenario=scenario(**hardware), index=0, order=0, folder=folder, timeout_s=timeout_s)
    repeat = executor.run(request, lambda _what: None)
    assert gone(mark, within_s=0.5), "a process outlived its run"
    return repeat


def test_a_run_that_ends_well_has_figures_and_telemetry(tmp_path: Path, mark: str) -> None:
    repeat = run(tmp_path, WELL, mark)
    assert repeat.outcome is Outcome.OK
    assert repeat.failure is None
    assert repeat.figures is not None
    assert repeat.figures.measured_steps == 25
    assert repeat.figures.step_s == pytest.approx(0.01)
    assert repeat.final_metrics == {"train_loss": 1.0}
    assert [d.device for d in repeat.telemetry if d.in_use or d.device == "cpu"] == ["cpu"]
    assert next(d for d in repeat.telemetry if d.device == "cpu").samples >= 1


@pytest.mark.parametrize(
    ("code", "outcome", "kind", "says"),
    [
        ("sys.exit(7)", Outcome.CRASHED, "exit", "with code 7"),
        ("sys.exit(0)", Outcome.CRASHED, "exit", "before it was done"),
        ("raise ValueError('from the depth')", Outcome.CRASHED, "exit", "with code 1"),
        ("ctypes.string_at(0)", Outcome.CRASHED, "segmentation-fault", "segmentation fault"),
        ("os.abort()", Outcome.CRASHED, "aborted", "aborted"),
        ("os.kill(os.getpid(), signal.SIGKILL)", Outcome.CRASHED, "killed", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", Outcome.CRASHED, "killed", "SIGTERM"),
        ("emit('failed', kind='oom', message='CUDA out of memory'); sys.exit(1)", Outcome.OOM, "oom", "CUDA"),
        ("emit('failed', kind='diverged', message='nan at step 3'); sys.exit(1)", Outcome.DIVERGED, "diverged", "nan"),
        ("emit('failed', kind='refused', message='no'); sys.exit(1)", Outcome.REFUSED, "refused", "no"),
    ],
)
def test_every_way_to_end_has_its_outcome(
    tmp_path: Path, mark: str, code: str, outcome: Outcome, kind: str, says: str
) -> None:
    repeat = run(tmp_path, "step(1)\nprint('last words', flush=True)\n" + code, mark)
    assert repeat.outcome is outcome
    assert repeat.failure is not None
    assert repeat.failure.kind == kind
    assert says in repeat.failure.message
    assert "last words" in repeat.failure.log_tail
    assert "\n" not in repeat.failure.message


def test_an_exception_leaves_its_traceback_in_the_log(tmp_path: Path, mark: str) -> None:
    repeat = run(tmp_path, "raise ValueError('from the depth')", mark)
    assert repeat.failure is not None
    assert "ValueError: from the depth" in repeat.failure.log_tail
    assert repeat.failure.exit_code == 1


def test_a_hang_is_ended_at_the_deadline_with_its_stack_and_its_whole_tree(tmp_path: Path, mark: str) -> None:
    repeat = run(
        tmp_path, STUBBORN + "import faulthandler; faulthandler.enable()\ntime.sleep(600)", mark, timeout_s=1.5
    )
    assert repeat.outcome is Outcome.TIMEOUT
    assert 1.4 < repeat.wall_s < 6
    assert repeat.failure is not None
    assert "1.50 s" in repeat.failure.message
    assert "most recent call first" in repeat.failure.log_tail


def test_a_hang_that_ignores_every_signal_is_ended_too(tmp_path: Path, mark: str) -> None:
    code = "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 6, 15)]\ntime.sleep(600)"
    assert run(tmp_path, code, mark, timeout_s=0.5).outcome is Outcome.TIMEOUT


def test_a_stopped_trainer_is_ended_at_the_deadline(tmp_path: Path, mark: str) -> None:
    assert run(tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)", mark, timeout_s=0.7).outcome is Outcome.TIMEOUT


def test_daemons_of_a_run_that_ended_well_are_ended(tmp_path: Path, mark: str) -> None:
    assert run(tmp_path, STUBBORN + WELL, mark).outcome is Outcome.OK


_EAT = "kept = []\nwhile True:\n    kept.append(bytearray(b'x' * 2**22)); time.sleep(0.01)\n"


@pytest.mark.parametrize("cgroups", [True, False])
@pytest.mark.parametrize("where", ["trainer", "grandchild"])
def test_the_memory_limit_holds_for_the_whole_tree(tmp_path: Path, mark: str, cgroups: bool, where: str) -> None:
    code = (
        _EAT
        if where == "trainer"
        else f"if os.fork() == 0:\n    os.setsid()\n    exec({_EAT!r})\nos.wait(); time.sleep(1)"
    )
    repeat = run(tmp_path, code, mark, cgroups=cgroups, memory_limit="200MiB")
    assert repeat.outcome is Outcome.OOM
    assert repeat.failure is not None
    assert repeat.failure.kind == "memory-limit"
    assert "200 MiB" in repeat.failure.message
    assert repeat.memory_limit_enforced_by in ({"watching"} if not cgroups else {"cgroup", "watching"})


def test_a_run_within_its_memory_limit_is_left_alone(tmp_path: Path, mark: str) -> None:
    assert run(tmp_path, WELL, mark, memory_limit="1GiB").outcome is Outcome.OK


def test_a_trainer_that_cannot_be_started_is_an_outcome(tmp_path: Path) -> None:
    request = Request(scenario=scenario(), index=0, order=0, folder=tmp_path, timeout_s=5.0)
    repeat = ChildExecutor(("/nowhere/at/all",)).run(request, lambda _what: None)
    assert repeat.outcome is Outcome.CRASHED
    assert repeat.failure is not None
    assert repeat.failure.kind == "not-started"


def _victims(folder: Path, name: str) -> list[int]:
    """The supervisor or observer whose command line names a folder."""
    return [pid for pid in alive(str(folder)) if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _kill_when_stepping(folder: Path, name: str) -> None:
    until(lambda: '"step"' in (folder / "events.jsonl").read_text() if (folder / "events.jsonl").exists() else "")
    for pid in _victims(folder, name):
        os.kill(pid, signal.SIGKILL)


def test_a_killed_supervisor_leaves_nothing(tmp_path: Path, mark: str) -> None:
    killer = threading.Thread(target=_kill_when_stepping, args=(tmp_path, "executors.supervisor"))
    killer.start()
    repeat = run(tmp_path, STUBBORN + "step(1)\ntime.sleep(600)", mark)
    killer.join()
    assert repeat.outcome is Outcome.CRASHED
    assert repeat.failure is not None
    assert repeat.failure.kind == "supervisor-lost"


def test_a_killed_observer_does_not_hurt_the_run(tmp_path: Path, mark: str) -> None:
    killer = threading.Thread(target=_kill_when_stepping, args=(tmp_path, "hardware.observer"))
    killer.start()
    repeat = run(tmp_path, "step(1)\ntime.sleep(1.5)\n" + WELL, mark)
    killer.join()
    assert repeat.outcome is Outcome.OK


_PARENT = """
import sys
from pathlib import Path
from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.scenario.scenario import Scenario
scenario = Scenario.model_validate_json({scenario!r})
request = Request(scenario=scenario, index=0, order=0, folder=Path({folder!r}), timeout_s=60.0)
repeat = ChildExecutor((sys.executable, "-c", {program!r}, {mark!r})).run(request, lambda what: None)
print(repeat.model_dump_json())
"""


def _start_parent(folder: Path, code: str, mark: str) -> "subprocess.Popen[str]":
    program = f"MARK = {mark!r}\n" + PRELUDE + code
    text = _PARENT.format(
        scenario=scenario().model_dump_json(by_alias=True), folder=str(folder), program=program, mark=mark
    )
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)


def test_a_killed_parent_leaves_no_process(tmp_path: Path, mark: str) -> None:
    with _start_parent(tmp_path, STUBBORN + "step(1)\ntime.sleep(600)", mark) as parent:
        until(lambda: len(alive(mark)) >= 5)
        parent.kill()
        parent.wait()
    assert gone(mark)
    assert gone(str(tmp_path)), "a supervisor or observer outlived its command"


def test_a_parent_killed_at_any_moment_leaves_no_process(tmp_path: Path, mark: str) -> None:
    for moment, wait_s in enumerate((0.0, 0.1, 0.2, 0.3, 0.4, 0.6)):
        folder = tmp_path / str(moment)
        folder.mkdir()
        with _start_parent(folder, STUBBORN + "step(1)\ntime.sleep(600)", mark) as parent:
            until(lambda folder=folder: (folder / "spec.json").exists())
            threading.Event().wait(wait_s)  # the moment is what is varied; any would do
            parent.kill()
            parent.wait()
        assert gone(mark)
        assert gone(str(folder))


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_an_interrupted_run_keeps_what_was_measured(tmp_path: Path, mark: str, number: int) -> None:
    with _start_parent(tmp_path, "for n in range(1, 9): step(n)\n" + STUBBORN + "time.sleep(600)", mark) as parent:
        until(lambda: len(alive(mark)) >= 5)
        parent.send_signal(number)
        out, _ = parent.communicate(timeout=20)
    repeat = json.loads(out)
    assert repeat["outcome"] == "interrupted"
    assert repeat["figures"]["measured_steps"] == 8
    assert gone(mark, within_s=0.5)
