"""Low-rank adapters and frozen layers: what they compute, what they leave alone, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.training_types import Lora
from benchbench.scenario.types import Model
from benchbench.training import adapters, assembly, checking, program
from benchbench.workload import models
from tests.training.small import CPU, Recorder, loop_of, losses, prepared, scenario, take

CLASSES, CAUSAL, MASKED, SEQ2SEQ = (
    f"AutoModelFor{name}" for name in ("SequenceClassification", "CausalLM", "MaskedLM", "Seq2SeqLM")
)
SMALL = {"layers": 2, "hidden": 32, "heads": 2, "ffn": 48, "vocab": 60}
KINDS = [
    ("bert", CLASSES), ("bert", MASKED), ("roberta", CLASSES), ("distilbert", CLASSES), ("gpt2", CAUSAL),
    ("gpt2", CLASSES), ("llama", CAUSAL), ("qwen2", CLASSES), ("t5", SEQ2SEQ), ("albert", CLASSES),
    ("modernbert", CLASSES),
]  # fmt: skip
IDS = torch.randint(5, 60, (3, 9), generator=torch.Generator().manual_seed(1))


def built(family: str, head: str, **changes: Any) -> Any:
    torch.manual_seed(0)
    model = models.build(models.configuration(Model(family=family, **{**SMALL, **changes}), 0.0, 3), head, "auto")
    return model.eval()


def logits(model: Any) -> torch.Tensor:
    more = {"decoder_input_ids": IDS} if model.config.is_encoder_decoder else {}
    return model(input_ids=IDS, attention_mask=torch.ones_like(IDS), **more).logits


def lora(**fields: Any) -> dict[str, Any]:
    return {"adapter": {"name": "lora", **fields}}


def problem(wanted: Scenario, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(assembly, "load_data", lambda *_: prepared())
    return checking.problems([wanted])[0]


@pytest.mark.parametrize(("family", "head"), KINDS)
def test_at_first_an_adapter_changes_nothing(family: str, head: str) -> None:
    model = built(family, head)
    before = logits(model).detach()
    adapters.add(model, Lora(name="lora"))
    torch.testing.assert_close(logits(model), before, rtol=1e-5, atol=1e-6)
    assert type(model) is type(built(family, head))


@pytest.mark.parametrize(("family", "head"), KINDS)
def test_a_layer_is_its_weight_and_alpha_over_rank_times_b_a(family: str, head: str) -> None:
    """Against the same model whose weights were moved by hand (Hu et al. 2021)."""
    model, plain = built(family, head), built(family, head)
    adapters.add(model, Lora(name="lora", rank=3, alpha=7.5))
    generator = torch.Generator().manual_seed(2)
    layers = {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}
    assert len(layers) >= 6
    with torch.no_grad():
        for name, layer in layers.items():
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            assert a.shape[0] == b.shape[1] == 3
            b.normal_(std=0.1, generator=generator)
            moved = plain.get_submodule(name)
            change = 7.5 / 3 * b @ a
            moved.weight += change.T if isinstance(moved, Conv1D) else change
    found = logits(model)
    torch.testing.assert_close(found, logits(plain), rtol=1e-4, atol=1e-5)
    assert (found - logits(built(family, head))).abs().max() > 1e-4


def test_the_adapters_gradients_are_those_of_the_product() -> None:
    """Against the chain rule: with W' = W + s B A, dL/dB = s G A^T and dL/dA = s B^T G, where G = dL/dW'."""
    model, plain = built("bert", CLASSES), built("bert", CLASSES)
    adapters.add(model, Lora(name="lora", rank=4, alpha=2.0))
    layers = {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}
    with torch.no_grad():
        for name, layer in layers.items():
            layer.lora_B["default"].weight.normal_(std=0.1)
            plain.get_submodule(name).weight += 0.5 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    for one in (model, plain):
        torch.nn.functional.cross_entropy(logits(one), torch.tensor([0, 1, 2])).backward()
    for name, layer in layers.items():
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        whole = plain.get_submodule(name).weight.grad
        torch.testing.assert_close(b.grad, 0.5 * whole @ a.T, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(a.grad, 0.5 * b.T @ whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("family", "head", "trained"),
    [
        (
            "bert",
            CLASSES,
            {"classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"},
        ),
        ("distilbert", CLASSES, {f"{n}.{w}" for n in ("classifier", "pre_classifier") for w in ("weight", "bias")}),
        ("gpt2", CAUSAL, set()),
        ("llama", CAUSAL, set()),
        ("llama", CLASSES, {"score.weight"}),
        ("t5", SEQ2SEQ, set()),
    ],
)
def test_only_the_adapters_and_the_head_are_trained(family: str, head: str, trained: set[str]) -> None:
    model = built(family, head)
    adapters.add(model, Lora(name="lora", rank=5))
    found = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name in found if "lora_" not in name} == trained
    sizes = [m.base_layer.weight.shape for m in model.modules() if hasattr(m, "lora_A")]
    assert sum(p.numel() for name, p in found.items() if "lora_" in name) == sum(5 * sum(size) for size in sizes)
    inside = [m for m in model.base_model.modules() if hasattr(m, "lora_A")]
    assert len(inside) == len(sizes)


def test_a_training_moves_the_adapters_and_the_head_alone() -> None:
    wanted = scenario(training=lora(rank=4))
    loop, events = loop_of(wanted)
    model = loop.parts.model
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    held = {id(p) for group in loop.parts.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}
    loop.start()
    take(loop, 20)
    loop.stop()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, p in model.named_parameters() if p.requires_grad}
    assert sum(events.losses[-5:]) < sum(events.losses[:5])
    facts = program._facts(wanted, prepared(), loop.parts)
    assert facts["trainable_parameters"] == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert facts["trainable_parameters"] < 0.5 * facts["parameters"]  # type: ignore[operator]
    assert facts["model_revision"] is None


def test_rank_and_alpha_change_what_is_learned() -> None:
    curves = [
        losses(scenario(training=training), steps=5)
        for training in ({}, lora(rank=8), lora(rank=2), lora(rank=8, alpha=1.0))
    ]
    assert len({tuple(curve) for curve in curves}) == 4
    assert len({curve[0] for curve in curves}) == 1  # the same weights under every one


def test_without_an_adapter_all_is_trained() -> None:
    assert all(p.requires_grad for p in loop_of(scenario())[0].parts.model.parameters())


BERT_FROZEN = ("bert.embeddings.", "bert.encoder.layer.0.")
LAST_BART = "model.encoder.layernorm_embedding."
T5_FROZEN = ("shared.", "encoder.embed_tokens.", "encoder.block.0.", "encoder.block.1.")


@pytest.mark.parametrize(
    ("family", "head", "layers", "frozen"),
    [
        ("bert", CLASSES, 1, BERT_FROZEN),
        ("bert", CLASSES, 2, (*BERT_FROZEN, "bert.encoder.layer.1.")),
        ("roberta", MASKED, 1, ("roberta.embeddings.", "roberta.encoder.layer.0.")),
        ("distilbert", CLASSES, 1, ("distilbert.embeddings.", "distilbert.transformer.layer.0.")),
        ("gpt2", CAUSAL, 1, ("transformer.wte.", "transformer.wpe.", "transformer.h.0.")),
        ("llama", CAUSAL, 1, ("model.embed_tokens.", "model.layers.0.")),
        ("t5", SEQ2SEQ, 2, T5_FROZEN),
        ("bart", SEQ2SEQ, 1, ("model.shared.", "model.encoder.embed", "model.encoder.layers.0.", LAST_BART)),
        ("modernbert", CLASSES, 1, ("model.embeddings.", "model.layers.0.")),
    ],
)
def test_the_lowest_layers_and_the_embeddings_have_no_gradient(
    family: str, head: str, layers: int, frozen: tuple[str, ...]
) -> None:
    model = built(family, head)
    adapters.freeze(model, layers)
    logits(model).square().sum().backward()
    for name, parameter in model.named_parameters():
        still = name.startswith(frozen)
        assert parameter.requires_grad is not still, name
        assert (parameter.grad is None) is still, name


def test_a_family_whose_blocks_lie_in_several_lists_is_frozen_in_each() -> None:
    model = built("xlm", CLASSES, ffn=None)
    adapters.freeze(model, 1)
    found = {name for name, p in model.transformer.named_parameters() if not p.requires_grad}
    assert {name.partition(".")[0] for name in found} == {
        "position_embeddings", "embeddings", "attentions", "layer_norm1", "ffns", "layer_norm2",
    }  # fmt: skip
    assert not any(name.split(".")[1] == "1" for name in found)


def test_frozen_layers_stay_as_they_are_while_the_others_move() -> None:
    loop, events = loop_of(scenario(training={"frozen_layers": 1}))
    model = loop.parts.model
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    loop.start()
    take(loop, 10)
    loop.stop()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) is name.startswith(BERT_FROZEN), name
    assert events.losses[0] == losses(scenario(), steps=1)[0]
    assert events.losses != losses(scenario(), steps=10)


def test_adapters_of_frozen_layers_are_frozen_too() -> None:
    model = loop_of(scenario(training={"frozen_layers": 1, **lora()}))[0].parts.model
    trained = {name for name, p in model.named_parameters() if p.requires_grad and "lora_" in name}
    assert trained
    assert all(name.startswith("bert.encoder.layer.1.") for name in trained)


def test_what_cannot_be_frozen_or_adapted_says_why() -> None:
    with pytest.raises(ScenarioError, match="has 2 layers, of which 3") as caught:
        adapters.freeze(built("bert", CLASSES), 3)
    assert caught.value.key == "training.frozen_layers"
    with pytest.raises(UnsupportedError, match="layers of this albert share") as caught:
        adapters.freeze(built("albert", CLASSES), 1)
    assert caught.value.key == "training.frozen_layers"
    model = built("llama", CAUSAL)
    adapters.add(model, Lora(name="lora"))
    with pytest.raises(ScenarioError, match="nothing is left to train"):
        adapters.freeze(model, 2)
    bare = built("bert", CLASSES)
    bare.bert.encoder.layer = torch.nn.ModuleList()
    with pytest.raises(UnsupportedError, match="peft cannot adapt this bert") as caught:
        adapters.add(bare, Lora(name="lora"))
    assert caught.value.key == "training.adapter"


def test_the_check_before_a_run_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem(scenario(training=lora()), monkeypatch) is None
    assert problem(scenario(training={"frozen_layers": 2}), monkeypatch) is None
    assert problem(scenario(training={"frozen_layers": 3}), monkeypatch)["key"] == "training.frozen_layers"
    both = problem(scenario(training={**lora(), "compression": {"prune": 0.5}}), monkeypatch)
    assert both["key"] == "training.adapter"
    assert "one or the other" in both["message"]


def test_nothing_is_said_on_the_way(capfd: pytest.CaptureFixture[str]) -> None:
    assembly.assemble(scenario(training=lora()), prepared(), CPU, Recorder())
    assert capfd.readouterr() == ("", "")
