"""A barrage of Ctrl-C ends a command once, and nothing is told of the signals that came too late."""

import signal
import subprocess
import sys

import pytest

WAITS = """
import time
from benchbench.executors.interruption import stop_signals
try:
    with stop_signals():
        print("ready", flush=True)
        while True:
            time.sleep(0.001)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_just_before_it_is_ignored_is_no_traceback(number: signal.Signals) -> None:
    told = []
    for _ in range(30):
        with subprocess.Popen(
            [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as waiting:
            assert waiting.stdout is not None
            waiting.stdout.readline()
            while waiting.poll() is None:
                waiting.send_signal(number)
            printed, said = waiting.communicate()
        told.append((printed, said, waiting.returncode))
    assert told == [("stopped\n", "", 0)] * 30
