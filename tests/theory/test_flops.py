"""The closed forms, against torch's own count of every matrix product on tiny models of each family."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from benchbench.theory import flops
from benchbench.theory.flops import PASSES, Layer
from benchbench.training.counting import counter

B, S, H, L, F, V, HEADS = 3, 7, 16, 2, 24, 40, 4
LAYER = Layer(hidden=H, attention=H, keys=H, ffn=F)
IDS = torch.arange(B * S).reshape(B, S) % V
SIZES = {"hidden_size": H, "num_hidden_layers": L, "num_attention_heads": HEADS, "intermediate_size": F}


def counted(auto: str, config: Any, **inputs: torch.Tensor) -> int:
    """FLOPs of a forward and a backward pass, recomputation by attention kernels left out."""
    model = getattr(transformers, auto).from_config(config)
    with counter(recomputing=False) as found:
        model(input_ids=IDS, attention_mask=torch.ones_like(IDS), **inputs).loss.backward()
    return found.get_total_flops()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_bert_for_classes(attention: str) -> None:
    config = transformers.BertConfig(
        vocab_size=V, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation=attention, **SIZES,
    )  # fmt: skip
    head = flops.dense_flops(H, H, B) + flops.dense_flops(H, 3, B)
    expected = PASSES * (flops.layers_flops(LAYER, L, B, S) + head)
    assert counted("AutoModelForSequenceClassification", config, labels=torch.zeros(B, dtype=torch.long)) == expected


def test_roberta_for_masked_words() -> None:
    config = transformers.RobertaConfig(vocab_size=V, max_position_embeddings=32, **SIZES)
    head = flops.dense_flops(H, H, B * S) + flops.dense_flops(H, V, B * S)
    expected = PASSES * (flops.layers_flops(LAYER, L, B, S) + head)
    assert counted("AutoModelForMaskedLM", config, labels=IDS) == expected


def test_distilbert_for_classes() -> None:
    config = transformers.DistilBertConfig(vocab_size=V, dim=H, n_layers=L, n_heads=HEADS, hidden_dim=F)
    head = flops.dense_flops(H, H, B) + flops.dense_flops(H, 2, B)
    expected = PASSES * (flops.layers_flops(LAYER, L, B, S) + head)
    assert counted("AutoModelForSequenceClassification", config, labels=torch.zeros(B, dtype=torch.long)) == expected


def test_gpt2() -> None:
    config = transformers.GPT2Config(vocab_size=V, n_embd=H, n_layer=L, n_head=HEADS, n_inner=F)
    expected = PASSES * (flops.layers_flops(LAYER, L, B, S) + flops.dense_flops(H, V, B * S))
    assert counted("AutoModelForCausalLM", config, labels=IDS) == expected


@pytest.mark.parametrize(("family", "kv_heads"), [("llama", 4), ("llama", 2), ("qwen2", 2)])
def test_gated_layers_with_shared_keys(family: str, kv_heads: int) -> None:
    config = transformers.AutoConfig.for_model(family, vocab_size=V, num_key_value_heads=kv_heads, **SIZES)
    layer = Layer(hidden=H, attention=H, keys=H * kv_heads // HEADS, ffn=F, gated=True)
    expected = PASSES * (flops.layers_flops(layer, L, B, S) + flops.dense_flops(H, V, B * S))
    assert counted("AutoModelForCausalLM", config, labels=IDS) == expected


def test_t5() -> None:
    config = transformers.T5Config(vocab_size=V, d_model=H, num_layers=L, num_heads=HEADS, d_kv=H // HEADS, d_ff=F)
    config.decoder_start_token_id = 0
    short = IDS[:, :4].contiguous()
    encoder = flops.layers_flops(LAYER, L, B, S)
    decoder = flops.decoder_flops(LAYER, L, B, tokens=4, seen=S)
    expected = PASSES * (encoder + decoder + flops.dense_flops(H, V, B * 4))
    assert counted("AutoModelForSeq2SeqLM", config, labels=short) == expected


def test_the_rule_of_thumb_is_the_closed_form_of_a_decoder() -> None:
    matrices = L * (4 * H * H + 2 * H * F) + H * V
    exact = PASSES * (flops.layers_flops(LAYER, L, B, S) + flops.dense_flops(H, V, B * S))
    assert B * S * flops.per_token(matrices, L, H, S) == exact
