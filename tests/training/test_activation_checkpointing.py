"""Activation checkpointing keeps less and changes nothing: the same losses and gradients, dropout included."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import CheckpointPolicy

from benchbench.errors import UnsupportedError
from benchbench.training import activation_checkpointing
from benchbench.training.checking import problems
from tests.training.small import loop_of, losses, scenario

MODES = ("none", "selective", "full")


def forward_and_back(mode: str, attention: str, dropout: float) -> tuple[float, int, torch.Tensor]:
    """The loss of a micro-batch, the bytes that its forward pass leaves allocated, the gradients."""
    loop, _ = loop_of(
        scenario(
            model={"layers": 4},
            training={"activation_checkpointing": mode, "attention": attention, "dropout": dropout},
        )
    )
    parts = loop.parts
    parts.model.train()
    batch = next(parts.batches)[0]
    torch.manual_seed(1)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        loss = parts.task.loss_sums(parts.model, batch, parts.objective)["label"]
    kept = sum(event.self_cpu_memory_usage for event in seen.events() or ())
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = torch.cat([p.grad.flatten() for p in parts.model.parameters() if p.grad is not None])
    return loss.item(), int(kept), gradients


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_less_is_kept_and_the_gradients_are_the_same(attention: str, dropout: float) -> None:
    none, selective, full = (forward_and_back(mode, attention, dropout) for mode in MODES)
    for found in (selective, full):
        assert found[0] == none[0]
        torch.testing.assert_close(found[2], none[2])
    assert none[1] > 1.1 * selective[1] > 1.1 * 1.1 * full[1]
    assert full[1] < 0.4 * none[1]


@pytest.mark.parametrize("family", ["gpt2", "llama", "distilbert", "roberta", "qwen2"])
def test_whole_trainings_are_the_same_in_other_families(family: str) -> None:
    found = [
        losses(
            scenario(
                model={"family": family, "layers": 1}, training={"activation_checkpointing": mode, "dropout": 0.1}
            ),
            steps=3,
        )
        for mode in MODES
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert found[2] == pytest.approx(found[0], rel=1e-6)


def test_a_family_without_checkpoints_is_refused_before_anything_runs() -> None:
    model = torch.nn.Linear(2, 2)
    with pytest.raises(UnsupportedError, match="cannot checkpoint its activations") as caught:
        activation_checkpointing.apply(model, "full")
    assert caught.value.key == "training.activation_checkpointing"
    activation_checkpointing.apply(model, "none")
    wanted = scenario(
        data={"source": "synthetic", "sequence_length": 8},
        model={"family": "ctrl", "layers": 1, "vocab": 60},
        training={"activation_checkpointing": "full", "dropout": None},
    )
    (problem,) = problems([wanted])
    assert problem is not None
    assert problem["key"] == "training.activation_checkpointing"
    assert "ctrl" in problem["message"]


def test_attention_that_draws_random_numbers_is_computed_again() -> None:
    def policy(dropout: float) -> CheckpointPolicy:
        flash = torch.ops.aten._scaled_dot_product_flash_attention.default
        tensor = torch.empty(0)
        return activation_checkpointing._policy(None, flash, tensor, tensor, tensor, dropout)

    assert policy(0.0) is CheckpointPolicy.MUST_SAVE
    assert policy(0.1) is CheckpointPolicy.PREFER_RECOMPUTE


def test_products_are_kept_and_the_rest_is_not() -> None:
    mm, gelu = torch.ops.aten.mm.default, torch.ops.aten.gelu.default
    assert activation_checkpointing._policy(None, mm) is CheckpointPolicy.MUST_SAVE
    assert activation_checkpointing._policy(None, gelu) is CheckpointPolicy.PREFER_RECOMPUTE
