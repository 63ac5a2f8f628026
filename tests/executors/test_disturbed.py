"""A repeat that is really disturbed says so: others on every CPU, a trainer that is stopped for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from tests.executors.trees import PRELUDE

pytestmark = pytest.mark.alone

STEPS = 40
# Steps that use the CPU for a twentieth of a second each, whatever else does.
WORK = f"""
def work(n):
    began = time.monotonic()
    while time.monotonic() - began < 0.05:
        pass
    emit('step', step=n, step_s=time.monotonic() - began, samples=8, tokens=80, loss=1.0, data_wait_s=0.0)
emit('ready', device='cpu')
emit('plan', procedure='throughput', warmup=0)
for n in range(1, {STEPS} + 1):
    work(n)
    {{}}
emit('done', final_metrics={{{{}}}})
"""


def run(folder: Path, code: str = "") -> Repeat:
    scenario = Scenario.model_validate({
        "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "hardware": {"device": "cpu"}, "measure": {"sample_interval": "50ms"},
    })  # fmt: skip
    executor = ChildExecutor((sys.executable, "-c", PRELUDE + WORK.format(code or "pass")))
    request = Request(scenario=scenario, index=0, order=0, folder=folder, timeout_s=60.0)
    ignore: Any = lambda _what: None  # noqa: E731
    return executor.run(request, ignore)


@contextmanager
def others(count: int) -> Iterator[None]:
    """Processes that take every CPU that they get."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def codes(repeat: Repeat) -> Mapping[str, str]:
    return {w.code: w.message for w in repeat.warnings}


def test_others_on_every_cpu_make_a_repeat_suspect(tmp_path: Path) -> None:
    with others(2 * (os.cpu_count() or 1)):
        found = run(tmp_path)
    assert found.outcome is Outcome.OK
    assert "foreign-process" in codes(found)
    assert found.validity == "suspect"
    assert any("none was left" in reason for reason in found.suspect)


def test_a_trainer_that_is_stopped_for_a_while_is_suspect(tmp_path: Path) -> None:
    # A second process wakes it again, as a person would; the telemetry goes on meanwhile.
    pause = (
        "if n == 20: subprocess.Popen([sys.executable, '-S', '-c', "
        f"'import os, signal, sys, time; time.sleep(1); os.kill(int(sys.argv[1]), {signal.SIGCONT.value})', "
        f"str(os.getpid())]); os.kill(os.getpid(), {signal.SIGSTOP.value})"
    )
    found = run(tmp_path, pause)
    assert found.outcome is Outcome.OK
    assert "suspended" in codes(found)
    assert found.validity == "suspect"
