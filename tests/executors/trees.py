"""Programs that stand in a trainer's place, and a look at which processes are alive."""

import os
import time
from pathlib import Path

PRELUDE = """
import ctypes, json, os, signal, subprocess, sys, time
file = open(os.environ["BENCHBENCH_EVENTS"], "a", buffering=1)
def emit(event, **fields): file.write(json.dumps({"event": event, "t": time.monotonic(), **fields}) + "\\n")
def step(n): emit("step", step=n, step_s=0.01, data_wait_s=0.0, samples=4, tokens=40, loss=1.0)
emit("phase", name="measure")
"""
WELL = """
for n in range(1, 31): step(n)
emit("steady", warmup_steps=5, settled=True)
emit("done", final_metrics={"train_loss": 1.0})
"""
# A grandchild in a session of its own that ignores polite requests, as some launchers start their workers.
STUBBORN = """
code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(600)"
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", code, MARK])
        os._exit(0)
subprocess.Popen([sys.executable, "-c", code, MARK], start_new_session=True)
"""


def alive(mark: str) -> list[int]:
    """Process ids whose command line holds a mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def gone(mark: str, within_s: float = 5.0) -> bool:
    """Whether no process of a mark is left, or none soon is."""
    give_up = time.monotonic() + within_s
    while alive(mark):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def until(condition, within_s: float = 20.0):
    """The first true answer of a condition.

    Raises:
        AssertionError: it never came.
    """
    give_up = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.02)
    return answer
