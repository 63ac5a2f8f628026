"""Every way to fail has its outcome and its sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.training.events import EventFile
from benchbench.training.failures import DivergedError, kind_of, sentence


def _host_allocation() -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    return caught.value


def _numpy_allocation() -> MemoryError:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**58)
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), "oom"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), "oom"),
        (MemoryError(), "oom"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "oom"),
        (RuntimeError("MPS backend out of memory"), "oom"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "crashed"),
        (ValueError("out of memory of what was said"), "crashed"),
        (DivergedError(7, float("nan")), "diverged"),
        (ScenarioError("no", key="model"), "refused"),
        (UnsupportedError("no"), "refused"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(3), "crashed"),
        (ImportError("libcudart.so.12"), "crashed"),
    ],
)
def test_an_error_has_its_kind(error: BaseException, kind: str) -> None:
    assert kind_of(error) == kind


def test_the_hosts_allocators_are_known_by_what_they_really_raise() -> None:
    assert kind_of(_host_allocation()) == "oom"
    assert kind_of(_numpy_allocation()) == "oom"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ScenarioError("too long", key="model.vocab"), "model.vocab: too long"),
        (DivergedError(7, float("nan")), "the loss became nan at step 7"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_an_error_has_one_sentence(error: BaseException, said: str) -> None:
    assert sentence(error) == said


def test_an_error_can_be_told_where_torch_itself_is_broken() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from benchbench.training.failures import kind_of\n"
        "print(kind_of(ImportError('torch')), kind_of(MemoryError()))"
    )
    answer = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["crashed", "oom"]


def test_events_are_in_the_file_before_the_next_one_is_made(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    events = EventFile(file)
    for n in range(3):
        events.emit("step", step=n)
        assert [json.loads(line)["step"] for line in file.read_text().splitlines()] == list(range(n + 1))
    events.emit("step", t=1.5)
    assert json.loads(file.read_text().splitlines()[-1])["t"] == 1.5
    with pytest.raises(ValueError, match="JSON"):
        events.emit("step", loss=float("nan"))
    events.close()
