"""A claim is one process's, and free the moment that it is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.record.claim import claim

_HOLDER = """
import sys, time
from pathlib import Path
from benchbench.record.claim import claim
held = claim(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_claim_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            claim(tmp_path)
        holder.kill()
        holder.wait()
    held = claim(tmp_path)
    with pytest.raises(BlockingIOError):
        claim(tmp_path)
    os.close(held)
    os.close(claim(tmp_path))


def test_a_folder_that_is_gone_cannot_be_claimed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        claim(tmp_path / "gone")
