from __future__ import annotations

from pathlib import Path

import pytest

from benchbench.executors.kinds.fake import Script
from tests.tuning.lab import Lab, planted_answer


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A fresh laboratory."""
    return Lab(out=tmp_path / "results")


@pytest.fixture
def planted() -> Script:
    """A surface with its optimum at batch 64, bf16, sdpa: 4 s to target there, 12 s at the baseline."""
    return planted_answer
