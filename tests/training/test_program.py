"""What a scenario asks for is what is built: kernel, dropout, decay, device, facts."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.training_types import Optimizer, Schedule
from benchbench.training import assembly, optimizers, precision, program
from benchbench.training.schedules import factor
from benchbench.workload.batches import held_out
from tests.training.small import CPU, ENCODING, Recorder, loop_of, losses, prepared, scenario, take


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the calls into torch's fused attention."""
    calls: list[str] = []
    real = torch.nn.functional.scaled_dot_product_attention

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append("sdpa")
        return real(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    return calls


@pytest.mark.parametrize(("attention", "fused"), [("eager", False), ("sdpa", True), ("auto", True)])
def test_the_attention_kernel_is_the_one_that_was_asked_for(
    kernel_calls: list[str], attention: str, fused: bool
) -> None:
    losses(scenario(training={"attention": attention}), steps=1)
    assert bool(kernel_calls) is fused


def test_both_kernels_learn_the_same() -> None:
    eager, sdpa = (losses(scenario(training={"attention": a})) for a in ("eager", "sdpa"))
    assert eager == pytest.approx(sdpa, rel=1e-3)


def test_dropout_reaches_every_dropout_of_the_model() -> None:
    model = loop_of(scenario(training={"dropout": 0.37}))[0].parts.model
    found = {name: m.p for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert len(found) >= 7
    assert set(found.values()) == {0.37}
    own = loop_of(scenario(training={"dropout": None}))[0].parts.model
    assert {m.p for m in own.modules() if isinstance(m, torch.nn.Dropout)} == {0.1}


def test_dropout_changes_the_losses() -> None:
    with_it, without = (losses(scenario(training={"dropout": d}), steps=3) for d in (0.5, 0.0))
    assert with_it != without


def test_matrices_decay_and_vectors_do_not() -> None:
    model = loop_of(scenario())[0].parts.model
    optimizer = optimizers.build(Optimizer(name="adamw", learning_rate=0.1, weight_decay=0.5), model, CPU)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        wanted = before[name] * (1 - 0.1 * 0.5) if p.ndim >= 2 else before[name]
        torch.testing.assert_close(p.detach(), wanted, msg=name)
    assert any(p.ndim < 2 and before[name].abs().sum() > 0 for name, p in model.named_parameters())


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_the_optimizer_is_one_fused_kernel_where_the_device_has_it(name: str) -> None:
    model = loop_of(scenario())[0].parts.model
    optimizer = optimizers.build(Optimizer(name=name), model, CPU)  # type: ignore[arg-type]
    assert all(group["fused"] for group in optimizer.param_groups)
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(model.parameters()))


def test_frozen_weights_are_left_out() -> None:
    model = loop_of(scenario())[0].parts.model
    for p in model.parameters():
        p.requires_grad_(p.ndim >= 2)
    groups = optimizers.build(Optimizer(), model, CPU).param_groups
    assert len(groups) == 1
    assert groups[0]["weight_decay"] == 0.01


@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_every_schedule_rises_to_one_and_stays_within(name: str) -> None:
    schedule = Schedule(name=name, warmup_fraction=0.25)  # type: ignore[arg-type]
    factors = [factor(schedule, step, 40) for step in range(1, 101)]
    assert factors[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert factors[10] == 1.0
    assert all(0.0 <= f <= 1.0 for f in factors)
    assert sorted(factors[10:], reverse=True) == factors[10:]
    assert factors[39] > 0, "the last step still learns"
    assert factors[40:] == [1.0 if name == "constant" else pytest.approx(0.0)] * 60


def test_no_warm_up_begins_at_the_base_rate() -> None:
    assert factor(Schedule(name="linear", warmup_fraction=0.0), 1, 1) == 1.0


def test_tf32_is_refused_where_there_is_none() -> None:
    with pytest.raises(UnsupportedError, match="tf32"):
        precision.arithmetic("tf32", CPU)


@pytest.fixture
def gpu_backends() -> Iterator[tuple[Any, Any]]:
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.fp32_precision for backend in backends]
    yield backends
    for backend, value in zip(backends, before, strict=True):
        backend.fp32_precision = value


@pytest.mark.parametrize(("wanted", "arithmetic"), [("tf32", "tf32"), ("fp32", "ieee"), ("bf16", "ieee")])
def test_the_arithmetic_of_matrix_products_is_set_for_a_gpu(
    gpu_backends: tuple[Any, Any], wanted: str, arithmetic: str
) -> None:
    precision.arithmetic(wanted, torch.device("cuda"))
    assert [backend.fp32_precision for backend in gpu_backends] == [arithmetic] * 2


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnsupportedError, match="cuda is not to be had"):
        assembly.choose_device("cuda")
    assert assembly.choose_device("cpu") == CPU
    with pytest.raises(UnsupportedError, match="cuda is not to be had"):
        program.run(scenario(hardware={"device": "cuda"}), Recorder(), program.Limits(timeout_s=1.0, deadline_s=1.0))


def test_rows_longer_than_the_model_are_refused_by_name() -> None:
    rows = prepared()
    wanted = scenario(model={"family": "roberta"})
    wide = assembly.assemble(wanted, rows, CPU, Recorder()).parts.model
    assert wide.config.max_position_embeddings == 512
    long = scenario(data={"source": "synthetic", "sequence_length": 600})
    with pytest.raises(ScenarioError, match="600 tokens, but the model has 512 positions") as caught:
        assembly.assemble(long, assembly.load_data(long), CPU, Recorder())
    assert caught.value.key == "data.sequence_length"


@pytest.mark.parametrize("procedure", ["throughput", "time-to-target"])
def test_a_run_reports_its_phases_facts_and_last_loss(procedure: str) -> None:
    wanted = scenario(
        data={"source": "synthetic" if procedure == "throughput" else "unicode-names", "sequence_length": 12},
        training={"max_steps": 6, "micro_batch": 2},
        measure={"procedure": procedure, "warmup": 1, "steps": 5},
        target={"metric": "accuracy", "at_least": 1.0, "eval_every": 6},
        model={"vocab": 120},
    )
    events = Recorder()
    program.run(wanted, events, program.Limits(timeout_s=600.0, deadline_s=float("inf")))
    (ready,), (done,) = events.of("ready"), events.of("done")
    assert [e["name"] for e in events.of("phase")][:2] == ["data", "model"]
    assert ready["device"] == "cpu"
    assert ready["attention"] == "sdpa"
    assert (ready["micro_batch"], ready["accumulation"]) == (2, 4)
    assert ready["parameters"] == ready["trainable_parameters"] > 0
    assert ready["vocabulary"] <= 120
    assert done["final_metrics"]["train_loss"] == events.losses[-1]
    (held_out,) = [{}] if procedure == "throughput" else [e["metrics"] for e in events.of("eval")]
    assert set(done["final_metrics"]) == {"train_loss", *held_out}
    assert ("accuracy" in held_out) is (procedure == "time-to-target")


def test_a_run_has_the_threads_that_were_asked_for() -> None:
    before, events = torch.get_num_threads(), Recorder()
    wanted = scenario(
        data={"source": "synthetic", "sequence_length": 12},
        hardware={"device": "cpu", "threads": before + 1},
        measure={"warmup": 1, "steps": 1},
        model={"vocab": 120},
    )
    try:
        program.run(wanted, events, program.Limits(timeout_s=600.0, deadline_s=float("inf")))
    finally:
        torch.set_num_threads(before)
    assert events.of("ready")[0]["threads"] == before + 1


@pytest.mark.parametrize(("examine_s", "looks"), [(60.0, 1), (0.0, 0)])
def test_a_measured_training_is_looked_into_where_there_is_time(
    monkeypatch: pytest.MonkeyPatch, examine_s: float, looks: int
) -> None:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())
    wanted, events = scenario(measure={"warmup": 1, "steps": 3}), Recorder()
    program.run(wanted, events, program.Limits(timeout_s=600.0, deadline_s=float("inf"), examine_s=examine_s))
    (done,) = events.of("done")
    assert done["model_flops_per_step"] > 0
    assert done["peak_resident_bytes"] > 2**20
    assert len(events.of("step")) == 4
    assert [len(events.of(name)) for name in ("profile", "work", "memory-phases")] == [looks] * 3
    assert events.lines[-1] is done


def test_trying_for_memory_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())
    wanted, events = scenario(measure={"warmup": 1, "steps": 3}), Recorder()
    limits = program.Limits(timeout_s=600.0, deadline_s=float("inf"), examine_s=60.0, longest_rows=True)
    program.run(wanted, events, limits)
    assert "flops_per_step" not in events.of("done")[0]
    assert not events.of("profile")


def test_the_hard_deadline_leaves_no_time_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())
    wanted, events = scenario(measure={"warmup": 1, "steps": 3}), Recorder()
    program.run(wanted, events, program.Limits(timeout_s=9.0, deadline_s=float("inf"), examine_s=60.0))
    assert not events.of("profile")


@pytest.mark.parametrize("asked", [False, True])
def test_the_test_split_is_looked_at_once_and_only_where_a_claim_is_confirmed(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())
    wanted = scenario(
        training={"max_steps": 6},
        measure={"procedure": "time-to-target"},
        target={"metric": "accuracy", "at_least": 1.0, "eval_every": 3},
    )
    events = Recorder()
    program.run(wanted, events, program.Limits(timeout_s=600.0, deadline_s=float("inf"), test_split=asked))
    (done,) = events.of("done")
    looks = [e for e in events.of("eval") if e.get("split") == "test"]
    assert len(looks) == asked
    assert {name for name in done["final_metrics"] if name.startswith("test_")} == (
        {f"test_{name}" for name in looks[0]["metrics"]} if asked else set()
    )
    if asked:
        loop, _ = loop_of(wanted)
        loop.start()
        take(loop, 6)
        loop.stop()
        model = loop.parts.model.eval()
        with torch.inference_mode():
            by_hand = loop.parts.task.score(model, held_out(prepared().test, ENCODING, CPU))
        assert done["final_metrics"]["test_accuracy"] == pytest.approx(by_hand["accuracy"])
        assert done["final_metrics"]["test_loss"] == pytest.approx(by_hand["loss"], rel=1e-5)
        assert looks[0]["step"] == 6
