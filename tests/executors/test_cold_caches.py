"""What one repeat compiled is no help to the next: its caches are new, and gone when it is over."""

import sys
from pathlib import Path

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.record.types import Outcome
from benchbench.scenario.scenario import Scenario
from tests.executors.trees import PRELUDE, WELL

CODE = """
for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH"):
    folder = os.environ[name]
    assert not os.path.exists(folder)
    os.makedirs(folder)
    open(os.path.join(folder, "kernel.so"), "w").write("compiled")
emit("ready", cache=os.environ["TORCHINDUCTOR_CACHE_DIR"])
emit("compile", compile_id="0/0", compile_s=2.0)
emit("compile", compile_id="0/1", compile_s=1.0)
emit("warning", code="emulated-precision", message="it is emulated")
emit("warning", code="no-such-code", message="of a later version")
"""


def test_every_repeat_begins_cold_and_tells_what_it_compiled(tmp_path: Path) -> None:
    wanted = Scenario.model_validate(
        {"name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification"}
    )
    executor, caches = ChildExecutor((sys.executable, "-c", PRELUDE + CODE + WELL)), []
    for index in range(2):
        folder = tmp_path / str(index)
        folder.mkdir()
        request = Request(scenario=wanted, index=index, order=index, folder=folder, timeout_s=30.0)
        repeat = executor.run(request, lambda _what: None)
        assert repeat.outcome is Outcome.OK, repeat.failure
        caches.append(Path(str(repeat.facts["cache"])))
        assert not caches[-1].parent.exists()
        assert repeat.figures is not None
        assert repeat.figures.compile_s == 3.0
        found = {w.code: w.message for w in repeat.warnings}
        assert found["emulated-precision"] == "it is emulated"
        assert "started once more" in found["recompiled"]
        assert "no-such-code" not in found
    assert caches[0] != caches[1]
