"""torch.compile: the same losses, its time told apart, every start counted, and a failure that says what failed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from benchbench.record.figures import RawLines, figures
from benchbench.record.trainer_warnings import trainer_warnings
from benchbench.scenario.types import Measure
from benchbench.training import attention, program
from benchbench.training.compiling import Compiler
from benchbench.training.failures import kind_of, sentence
from benchbench.training.stopping import ThroughputStop
from tests.training.small import Recorder, loop_of, losses, scenario, take

SYNTHETIC: dict[str, Any] = {"source": "synthetic", "sequence_length": 8}
_COMPILE = torch.compile


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing compiled before, nothing watched after: ends the account of compilers that had no program around them."""
    made: list[Compiler] = []
    begin = Compiler.compile

    def noted(self: Compiler, model: torch.nn.Module) -> None:
        made.append(self)
        begin(self, model)

    monkeypatch.setattr(Compiler, "compile", noted)
    torch.compiler.reset()
    yield
    for compiler in made:
        compiler.close()
    torch.compiler.reset()
    from torch._dynamo.callback import callback_handler

    assert callback_handler.start_callbacks == []


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Compiles without a compiler: the graph that is found runs as it is. Notes the modes that were asked for."""
    modes: list[str | None] = []

    def compile(function: Any, *, mode: str | None = None) -> Any:  # noqa: A001 - torch's own name
        modes.append(mode)
        return _COMPILE(function, backend="eager")

    monkeypatch.setattr(torch, "compile", compile)
    return modes


def run(procedure: str = "throughput", mode: str = "default", **data: Any) -> Recorder:
    events = Recorder()
    wanted = scenario(
        data=data or SYNTHETIC,
        model={"layers": 1, "vocab": 120},
        training={"compile": mode, "max_steps": 4},
        measure={"procedure": procedure, "warmup": 0, "steps": 4},
        target={"metric": "accuracy", "at_least": 1.0, "eval_every": 2},
    )
    program.run(wanted, events, program.Limits(timeout_s=280.0, deadline_s=float("inf")))
    return events


def raw(events: Recorder) -> RawLines:
    return RawLines(events=tuple(events.lines), telemetry=())


@pytest.mark.parametrize("mode", ["default", "reduce-overhead", "max-autotune"])
def test_the_mode_is_the_one_that_was_asked_for(traced: list[str | None], mode: str) -> None:
    run(mode=mode)
    assert traced == [mode]


def test_rows_of_one_width_compile_once_and_all_of_it_is_counted(traced: list[str | None]) -> None:
    events = run()
    (compiled,) = events.of("compile")
    assert 0 < compiled["compile_s"] < events.of("step")[0]["step_s"], "the first step holds it"
    assert "recompile_reason" not in events.of("done")[0]
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert found.compile_s == compiled["compile_s"]
    assert trainer_warnings(raw(events)) == ()


def test_nothing_is_counted_where_nothing_is_compiled() -> None:
    events = run(mode="none")
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert found.compile_s is None
    assert events.of("compile") == []


def test_other_widths_are_counted_and_warned_of_with_torchs_reason(traced: list[str | None]) -> None:
    events = run(source="unicode-names", sequence_length=32)
    starts = [line["compile_id"] for line in events.of("compile")]
    assert starts[0] == "0/0"
    assert set(starts[1:]) <= {"0/1", "0/2"}
    assert len(starts) > 1
    (warning,) = trainer_warnings(raw(events))
    assert warning.code == "recompiled"
    assert "size mismatch" in warning.message
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert found.compile_s == pytest.approx(sum(line["compile_s"] for line in events.of("compile")))


def test_evaluations_compile_nothing_and_make_nothing_compile_again(traced: list[str | None]) -> None:
    events = run("time-to-target", source="unicode-names", sequence_length=32)
    assert len(events.of("eval")) == 2
    training = [line["t_order"] for line in _ordered(events) if line["event"] == "compile"]
    evaluations = [line["t_order"] for line in _ordered(events) if line["event"] == "eval"]
    assert len(training) <= 2
    assert all(place < evaluations[0] for place in training), "what was compiled in the first steps serves to the end"


def _ordered(events: Recorder) -> list[dict[str, Any]]:
    return [{**line, "t_order": place} for place, line in enumerate(events.lines)]


def test_evaluation_sees_the_weights_that_were_trained(traced: list[str | None]) -> None:
    compiled, plain = (
        [line["metrics"] for line in run("time-to-target", mode, source="unicode-names", sequence_length=32).of("eval")]
        for mode in ("default", "none")
    )
    assert [m["loss"] for m in compiled] == pytest.approx([m["loss"] for m in plain], rel=1e-4)


def test_tracing_changes_no_loss_and_no_name(traced: list[str | None]) -> None:
    np.testing.assert_allclose(losses(scenario(training={"compile": "default"})), losses(scenario()), rtol=1e-5)
    compiled, plain = (loop_of(scenario(training={"compile": c}))[0].parts for c in ("default", "none"))
    assert list(compiled.model.state_dict()) == list(plain.model.state_dict())
    assert type(compiled.model) is type(plain.model)


class _BrokenError(Exception):
    """What a compiler says that is not there."""


def test_a_compiler_that_fails_is_named_with_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_graph: Any, _inputs: Any) -> Any:
        raise _BrokenError("No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')\nmore")

    monkeypatch.setattr(torch, "compile", lambda function, *, mode: _COMPILE(function, backend=broken))
    with pytest.raises(Exception, match="No working C") as caught:
        losses(scenario(training={"compile": "default"}), steps=1)
    assert kind_of(caught.value) == "crashed"
    told = sentence(caught.value)
    assert told.startswith("torch.compile failed (_BrokenError: No working C++ compiler found")
    assert told.endswith("training.compile: none does without it")
    assert "\n" not in told


def test_memory_that_runs_out_within_the_compiler_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_graph: Any, _inputs: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch, "compile", lambda function, *, mode: _COMPILE(function, backend=greedy))
    with pytest.raises(Exception, match="out of memory") as caught:
        losses(scenario(training={"compile": "default"}), steps=1)
    assert kind_of(caught.value) == "oom"


def test_the_time_of_compilation_leaves_the_time_for_measuring_whole() -> None:
    def steps(compile_s: float, first_s: float, timeout_s: float) -> int:
        stop = ThroughputStop(Measure(warmup=1, relative_halfwidth=1e-9), timeout_s)
        stop.compile_s = compile_s
        times = [first_s, *np.random.default_rng(0).uniform(0.9, 1.1, size=1000)]
        return next(n for n, step_s in enumerate(times, 1) if stop.add(step_s) is not None)

    plain = steps(0.0, 1.0, 600.0)
    assert plain > 40
    assert abs(steps(200.0, 201.0, 600.0) - plain) <= 2
    assert steps(0.0, 201.0, 600.0) < 10
    assert steps(500.0, 501.0, 600.0) < 10, "the timeout counts all of it"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")  # torch's compiler uses it
def test_compiled_in_earnest_it_learns_the_same() -> None:
    small = {"layers": 1, "hidden": 16, "ffn": 16}
    wanted = scenario(model=small, training={"compile": "default", "global_batch": 4})
    loop, events = loop_of(wanted)
    loop.start()
    take(loop, 6)
    loop.stop()
    np.testing.assert_allclose(
        events.losses, losses(scenario(model=small, training={"global_batch": 4}), steps=6), rtol=1e-4
    )
    assert loop.parts.compiler.spent_s > 0
    assert sum(line["step_s"] for line in events.of("step")) > loop.parts.compiler.spent_s
    assert attention.kernel(loop.parts, loop.parts.batches.recipe.batch(0)[0]) == "flash"
