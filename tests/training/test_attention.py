"""The attention that is asked for is the one that computes, and what computes is what the record says."""

import re
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbench.errors import UnsupportedError
from benchbench.training import attention, program
from benchbench.training.checking import problems
from benchbench.training.precision import Arithmetic
from tests.training.small import CPU, Recorder, loop_of, losses, prepared, scenario

SYNTHETIC: dict[str, Any] = {"source": "synthetic", "sequence_length": 8}


def run(**training: Any) -> Recorder:
    """A throughput run of a few steps."""
    events = Recorder()
    wanted = scenario(data=SYNTHETIC, model={"vocab": 120}, training=training, measure={"warmup": 0, "steps": 2})
    program.run(wanted, events, program.Limits(timeout_s=60.0, deadline_s=float("inf")))
    return events


@pytest.mark.parametrize(
    ("training", "implementation", "kernel"),
    [
        ({"attention": "eager"}, "eager", "eager"),
        ({"attention": "sdpa"}, "sdpa", "flash"),
        ({"attention": "auto"}, "sdpa", "flash"),
        ({"attention": "flash"}, "sdpa", "flash"),
        ({"attention": "sdpa", "dropout": 0.1}, "sdpa", "math"),
    ],
)
def test_the_record_names_the_implementation_and_the_kernel(
    training: dict[str, Any], implementation: str, kernel: str
) -> None:
    events = run(**training)
    assert events.of("ready")[0]["attention"] == implementation
    assert events.of("done")[0]["attention_kernel"] == kernel


def test_looking_for_the_kernel_changes_nothing() -> None:
    loop, _ = loop_of(scenario(training={"dropout": 0.3}))
    batch = loop.parts.batches.recipe.batch(0)[0]
    before = torch.get_rng_state()
    assert attention.kernel(loop.parts, batch) == "math"
    assert torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None for p in loop.parts.model.parameters())
    assert loop.parts.batches.number == 0


def test_flash_learns_what_the_others_learn() -> None:
    flash, eager = (losses(scenario(training={"attention": a})) for a in ("flash", "eager"))
    assert flash == pytest.approx(eager, rel=1e-3)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch says of each kernel why not
def test_flash_allows_no_other_kernel() -> None:
    q = torch.randn(1, 2, 4, 8)
    free, held = (attention.restricted(Arithmetic(), name).autocast for name in ("sdpa", "flash"))
    with free():
        torch.nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    with held():
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
        with pytest.raises(RuntimeError, match="No available kernel"):
            torch.nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.5)


def test_flash_with_dropout_is_refused_on_the_cpu_before_anything_runs() -> None:
    wanted = scenario(data=SYNTHETIC, training={"attention": "flash", "dropout": None})
    (problem,) = problems([wanted])
    assert problem is not None
    assert problem["key"] == "training.attention"
    assert "attention_probs_dropout_prob = 0.1" in problem["message"]
    assert "training.dropout: 0.0" in problem["message"]
    assert problems([scenario(data=SYNTHETIC, training={"attention": "flash"})]) == [None]


@pytest.mark.parametrize(
    ("device", "precision", "capability", "says"),
    [
        ("mps", "fp32", (9, 0), "no flash attention for mps"),
        ("cuda", "fp32", (9, 0), "in bf16 or fp16, not fp32"),
        ("cuda", "tf32", (9, 0), "in bf16 or fp16, not tf32"),
        ("cuda", "bf16", (7, 5), "needs compute capability 8.0"),
        ("cuda", "bf16", (8, 0), None),
    ],
)
def test_what_a_device_lacks_for_flash_is_named(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: str, capability: tuple[int, int], says: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a GPU")
    wanted = scenario(precision=precision, training={"attention": "flash"})
    model = loop_of(scenario())[0].parts.model
    if says is None:
        attention.check(wanted, model, torch.device(device))
        return
    with pytest.raises(UnsupportedError, match=re.escape(says)) as caught:
        attention.check(wanted, model, torch.device(device))
    assert caught.value.key == "training.attention"


def test_a_kernel_that_cannot_compute_the_rows_is_told_before_the_first_step() -> None:
    loop, _ = loop_of(scenario(training={"attention": "flash"}))
    for module in loop.parts.model.modules():
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.5  # as a device would that has no kernel for what comes
        elif isinstance(getattr(module, "dropout", None), torch.nn.Dropout):
            module.dropout.p = 0.5
    with pytest.raises(UnsupportedError, match="flash attention cannot compute this model"):
        attention.attempt(loop.parts, loop.parts.batches.recipe.batch(0)[0])


def test_a_model_that_does_not_use_torchs_kernels_is_told() -> None:
    loop, _ = loop_of(scenario(training={"attention": "eager"}))
    with pytest.raises(UnsupportedError, match="does not pass through torch's kernels"):
        attention.attempt(loop.parts, loop.parts.batches.recipe.batch(0)[0])


def test_the_trial_of_flash_leaves_the_training_as_it_was() -> None:
    tried, untried = (losses(scenario(training={"attention": a}), steps=3) for a in ("flash", "sdpa"))
    assert tried == untried
    assert prepared().train.lengths.min() < prepared().train.lengths.max(), "rows with padding"


def test_several_kernels_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, _ = loop_of(scenario())
    task, real = loop.parts.task, type(loop.parts.task).loss_sums

    def twice(self: Any, model: torch.nn.Module, batch: Any, objective: Any) -> Any:
        with sdpa_kernel(SDPBackend.MATH):
            real(self, model, batch, objective)
        return real(self, model, batch, objective)

    monkeypatch.setattr(type(task), "loss_sums", twice)
    assert attention.kernel(loop.parts, loop.parts.batches.recipe.batch(0)[0]) == "flash+math"
    assert loop.parts.device == CPU
