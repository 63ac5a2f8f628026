"""Gradual magnitude pruning: how much is held at zero after each step, and that it stays there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchbench.training.layers import matrices
from benchbench.training.loop import Loop
from benchbench.training.pruning import Pruner, smallest
from tests.training.small import loop_of, losses, scenario, take

STEPS, BEGIN, END = 20, 2, 12  # 10 % and 60 % of the steps


def pruned(fraction: float, **training: Any) -> Loop:
    loop, _ = loop_of(scenario(training={"compression": {"prune": fraction}, **training}))
    loop.start()
    return loop


def zeros(model: torch.nn.Module) -> dict[str, int]:
    return {name: int((weight == 0).sum()) for name, weight in matrices(model).items()}


def test_the_smallest_are_chosen_and_exactly_as_many_as_asked() -> None:
    weight = torch.tensor([[0.5, -0.1, 0.3], [-2.0, 0.2, -0.2]])
    assert smallest(weight, 0.5).tolist() == [[False, True, False], [False, True, True]]
    assert int(smallest(weight, 0.34).sum()) == 2, "of two that are equal one is taken"
    assert not smallest(weight, 0.0).any()
    assert int(smallest(torch.zeros(4, 5), 0.35).sum()) == 7


@pytest.mark.parametrize("optimizer", ["adamw", "momentum", "muon", "lamb"])
def test_the_fraction_follows_the_cubic_schedule_and_holds(optimizer: str) -> None:
    loop = pruned(0.6, optimizer={"name": optimizer, "learning_rate": 1e-2})
    held: dict[str, torch.Tensor] = {}
    for step in range(1, STEPS + 6):
        loop.step()
        done = min(1.0, max(0.0, (step - BEGIN) / (END - BEGIN)))
        share = 0.6 * (1 - (1 - done) ** 3)
        for name, weight in matrices(loop.parts.model).items():
            assert int((weight == 0).sum()) == round(share * weight.numel()), (step, name)
            if name in held:
                assert (weight[held[name]] == 0).all(), "what was pruned came back"
            held[name] = weight == 0


def test_only_the_matrices_of_the_body_are_pruned() -> None:
    loop = pruned(0.9)
    take(loop, STEPS)
    hit = {name for name, p in loop.parts.model.named_parameters() if (p == 0).float().mean() > 0.5}
    assert hit == {f"{name}.weight" for name in matrices(loop.parts.model)}
    assert len(hit) == 2 * 6 + 1
    assert not any("embed" in name or "LayerNorm" in name or "classifier" in name for name in hit)


def test_pruning_changes_the_losses_once_it_begins() -> None:
    plain, found = losses(scenario()), losses(scenario(training={"compression": {"prune": 0.8}}))
    assert found[: BEGIN + 1] == plain[: BEGIN + 1]
    assert found[BEGIN + 1] != plain[BEGIN + 1]


def test_a_long_training_renews_its_masks_some_fifty_times() -> None:
    model = torch.nn.Linear(40, 25)
    pruner = Pruner(matrices(model), 0.5, 1000)
    counts, masks = [], []
    for step in range(1, 1001):
        with torch.no_grad():
            model.weight.add_(0.01 * torch.randn_like(model.weight))
        pruner.update(step)
        counts.append(int((model.weight == 0).sum()))
        masks += pruner.state_dict().values()
    assert len({id(mask) for mask in masks}) == 50
    assert counts[99] == 0
    assert counts[599:] == [500] * 401


def test_a_training_of_one_step_reaches_the_fraction() -> None:
    model = torch.nn.Linear(4, 5)
    Pruner(matrices(model), 0.5, 1).update(1)
    assert int((model.weight == 0).sum()) == 10


def test_saved_masks_go_on_holding() -> None:
    loop = pruned(0.5)
    take(loop, END)
    saved = loop.parts.states["pruner"].state_dict()
    before = zeros(loop.parts.model)
    resumed = Pruner(matrices(loop.parts.model), 0.5, STEPS)
    resumed.load_state_dict(saved)
    with torch.no_grad():
        for weight in matrices(loop.parts.model).values():
            weight.add_(1.0)
    resumed.update(END + 1)
    assert zeros(loop.parts.model) == before


def test_gpt2_is_pruned_though_its_weights_stand_on_their_sides() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=40, bos_token_id=1, eos_token_id=2))
    assert set(matrices(model)) == {
        f"transformer.h.0.{name}" for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }


def test_a_head_that_is_tied_to_the_embedding_or_stands_alone_is_left_out() -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    settings: dict[str, Any] = {"d_model": 16, "d_ff": 24, "num_layers": 1, "num_heads": 2, "d_kv": 8, "vocab_size": 40}
    for tied in (True, False):
        found = matrices(T5ForConditionalGeneration(T5Config(tie_word_embeddings=tied, **settings)))
        assert "lm_head" not in found
        assert len(found) == 6 + 10
