"""The process that is asked is listened to as long as it speaks, and left where it falls silent."""

import sys
import time

import pytest

from benchbench.executors import trainer_answers

SPEAKS = "import time\nfor n in range(4): print('{}', flush=True); time.sleep(1.5)\nprint('[null]')"
SILENT = "import time\nprint('{}', flush=True); time.sleep(600)"


def said(code: str) -> list[object]:
    return list(trainer_answers._said([sys.executable, "-c", code], ""))


def test_what_speaks_has_all_the_time_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_answers, "_SILENCE_S", 5.0)
    began_s = time.monotonic()
    assert said(SPEAKS) == [{}, {}, {}, {}, [None]]
    assert time.monotonic() - began_s > 5.0


def test_what_is_silent_is_ended_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_answers, "_SILENCE_S", 2.0)
    assert said(SILENT)[-1] == {"event": "silent", "after_s": 2.0}
