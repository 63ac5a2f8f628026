"""Models by family, size and dimensions, and what of a scenario reaches them."""

from typing import Any

import pytest
import torch
from transformers.utils import logging

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.vocabulary import PAD_ID, SEP_ID

HEAD = "AutoModelForSequenceClassification"
logging.set_verbosity_error()


def model_of(dropout: float | None = None, attention: str = "auto", labels: int = 8, **fields: Any) -> torch.nn.Module:
    return models.build(models.configuration(Model(**fields), dropout, labels), HEAD, attention)


def test_bert_base_with_the_eight_classes_of_unicode_names() -> None:
    with torch.device("meta"):
        model = model_of(family="bert", size="base")
    assert sum(p.numel() for p in model.parameters()) == 109_488_392


def test_dimensions_override_the_size() -> None:
    config = models.configuration(Model(family="bert", size="base", layers=3, ffn=100, vocab=500), None, 5)
    assert (config.num_hidden_layers, config.intermediate_size, config.vocab_size) == (3, 100, 500)
    assert (config.hidden_size, config.num_attention_heads, config.num_labels) == (768, 12, 5)


def test_dimensions_override_a_size_and_what_follows_from_them_with_it() -> None:
    config = models.configuration(Model(family="llama", size="8b", layers=2, heads=64, kv_heads=16), None, 2)
    assert (config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads) == (2, 64, 16)
    assert (config.hidden_size, config.head_dim, config.intermediate_size) == (4096, 64, 14_336)


def test_without_a_size_a_family_has_its_own_default() -> None:
    config = models.configuration(Model(family="bert", layers=2), None, 2)
    assert (config.num_hidden_layers, config.hidden_size) == (2, 768)


SMALL = {"layers": 2, "hidden": 64, "heads": 4, "ffn": 96, "vocab": 300}
FAMILIES = {
    "bert": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "roberta": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "distilbert": ("n_layers", "dim", "n_heads", "hidden_dim"),
    "albert": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "electra": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "gpt2": ("n_layer", "n_embd", "n_head", "n_inner"),
    "opt": ("num_hidden_layers", "hidden_size", "num_attention_heads", "ffn_dim"),
    "llama": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "qwen2": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "mistral": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "t5": ("num_layers", "d_model", "num_heads", "d_ff"),
    "bart": ("encoder_layers", "d_model", "encoder_attention_heads", "encoder_ffn_dim"),
    "modernbert": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "mt5": ("num_layers", "d_model", "num_heads", "d_ff"),
    "xlm-roberta": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "camembert": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "deberta-v2": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "gpt_neox": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "gemma": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "phi": ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    "falcon": ("num_hidden_layers", "hidden_size", "num_attention_heads", "ffn_hidden_size"),
    "mbart": ("encoder_layers", "d_model", "encoder_attention_heads", "encoder_ffn_dim"),
}
# Families that have the weights of one block only.
SHARED = {"albert"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dimension_is_one_of_the_matrices_too(family: str) -> None:
    """Numbers that no configuration has of its own are found again in the shapes of the model."""
    with torch.device("meta"):
        model = model_of(family=family, layers=3, hidden=96, heads=6, ffn=104, vocab=311)
    shapes = {size for p in model.parameters() for size in p.shape}
    assert {96, 311} <= shapes
    assert {104, 208} & shapes  # gated layers may hold two matrices in one
    stacks = {len(m) for m in model.modules() if isinstance(m, torch.nn.ModuleList)}
    assert 3 in stacks or family in SHARED


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_takes_its_dimensions_and_learns_from_a_padded_batch(family: str) -> None:
    model = model_of(0.25, family=family, **SMALL)
    config = model.config
    assert [getattr(config, name) for name in FAMILIES[family]] == [2, 64, 4, 96]
    assert config.vocab_size == 300
    assert config.pad_token_id == PAD_ID
    ids = torch.randint(5, 300, (3, 12), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = SEP_ID
    ids[1, 7], ids[1, 8:] = SEP_ID, PAD_ID
    model.eval()
    padded = model(input_ids=ids, attention_mask=(ids != PAD_ID).long()).logits
    assert padded.shape == (3, 8)
    alone = model(input_ids=ids[1:2, :8], attention_mask=torch.ones(1, 8, dtype=torch.long)).logits
    torch.testing.assert_close(padded[1:2], alone, rtol=1e-3, atol=1e-4)
    padded.sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_reaches_every_dropout_of_a_family(family: str) -> None:
    model = model_of(0.25, family=family, **SMALL)
    assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} <= {0.25}
    words = ("dropout", "pdrop")
    numbers = {k: v for k, v in model.config.to_dict().items() if any(w in k for w in words) and v is not None}
    assert numbers
    assert set(numbers.values()) == {0.25}


def test_both_halves_of_an_encoder_decoder_have_the_dimensions() -> None:
    bart = models.configuration(Model(family="bart", **SMALL), None, 2)
    assert (bart.decoder_layers, bart.decoder_attention_heads, bart.decoder_ffn_dim) == (2, 4, 96)
    t5 = models.configuration(Model(family="t5", **SMALL), None, 2)
    assert (t5.num_decoder_layers, t5.d_kv) == (2, 16)


def test_heads_without_key_value_heads_are_plain_multi_head_attention() -> None:
    plain = models.configuration(Model(family="mistral", **SMALL), None, 2)
    assert (plain.num_key_value_heads, plain.head_dim) == (4, 16)
    grouped = models.configuration(Model(family="llama", kv_heads=2, **SMALL), None, 2)
    assert (grouped.num_key_value_heads, grouped.head_dim) == (2, 16)
    attention = models.build(grouped, HEAD, "auto").model.layers[0].self_attn
    assert attention.k_proj.weight.shape == (32, 64)


def test_a_model_that_only_trains_keeps_no_cache() -> None:
    assert models.configuration(Model(family="gpt2", **SMALL), None, 2).use_cache is False


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_attention_is_the_one_that_was_asked_for(attention: str) -> None:
    assert model_of(attention=attention, family="bert", **SMALL).config._attn_implementation == attention


@pytest.mark.parametrize(
    ("fields", "error", "key", "says"),
    [
        ({"family": "bret"}, ScenarioError, "model.family", "did you mean 'bert'?"),
        ({"family": "nosuch"}, ScenarioError, "model.family", "knows no family"),
        ({"family": "bert", "size": "bsae"}, ScenarioError, "model.size", "did you mean 'base'?"),
        ({"family": "gpt2", "size": "base"}, ScenarioError, "model.size", "known: large, medium, small, xl"),
        ({"family": "opt", "size": "base"}, ScenarioError, "model.size", "no named sizes"),
        ({"family": "bert", "kv_heads": 4}, ScenarioError, "model.kv_heads", "no such dimension"),
        ({"family": "falcon", "kv_heads": 1}, ScenarioError, "model.kv_heads", "no such dimension"),
        ({"family": "bloom", "ffn": 4}, ScenarioError, "model.ffn", "no such dimension"),
        ({"family": "funnel", "layers": 4}, ScenarioError, "model", "block_sizes"),
        ({"family": "gpt_neo", "layers": 4}, ScenarioError, "model", "attention_layers"),
        ({"family": "canine"}, ScenarioError, "model.family", "no vocabulary"),
        ({"family": "t5gemma", "layers": 4}, UnsupportedError, "model.layers", "several models"),
        ({"family": "gemma3", "vocab": 400}, UnsupportedError, "model.vocab", "several models"),
        ({"family": "bert", "hidden": 100, "layers": 1}, ScenarioError, "model.heads", "100 is not divisible by .* 12"),
        ({"family": "bert", "size": "base", "heads": 7}, ScenarioError, "model.heads", "768 is not divisible by .* 7"),
        ({"family": "llama", "size": "1b", "kv_heads": 3}, ScenarioError, "model.kv_heads", "32 is not divisible"),
        ({"family": "llama", "hidden": 12, "heads": 4}, ScenarioError, "model.heads", "rotate 3 numbers"),
        ({"family": "phi", "hidden": 24, "heads": 4}, ScenarioError, "model.heads", "rotate 3 numbers"),
        ({"family": "xlnet", **SMALL}, UnsupportedError, "model.family", "last token"),
        ({"family": "vit", "layers": 1}, ScenarioError, "model.family", "no vocabulary"),
    ],
)
def test_what_cannot_be_built_says_why(
    fields: dict[str, Any], error: type[ScenarioError], key: str | None, says: str
) -> None:
    with pytest.raises(error, match=says.replace("?", r"\?")) as caught:
        model_of(**fields)
    assert caught.value.key == key


def test_a_head_that_a_family_lacks_is_refused() -> None:
    config = models.configuration(Model(family="gpt2", **SMALL), None, 2)
    with pytest.raises(UnsupportedError, match=r"cannot build this gpt2: .*AutoModelForMaskedLM") as caught:
        models.build(config, "AutoModelForMaskedLM", "auto")
    assert caught.value.key == "model"


def test_memory_that_runs_out_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    config = models.configuration(Model(family="bert", **SMALL), None, 2)

    def full(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(models.auto_class(HEAD), "from_config", full)
    with pytest.raises(RuntimeError, match="allocate"):
        models.build(config, HEAD, "auto")


def test_an_attention_that_a_family_lacks_is_refused() -> None:
    with pytest.raises(UnsupportedError):
        model_of(attention="sdpa", family="bloom", layers=1, hidden=64, heads=4)


@pytest.mark.parametrize(
    ("family", "tokens"),
    [("bert", 512), ("roberta", 511), ("distilbert", 512), ("gpt2", 1024), ("t5", None)],
)
def test_the_longest_row_is_what_the_model_really_takes(family: str, tokens: int | None) -> None:
    model = model_of(family=family, **SMALL).eval()
    assert models.longest_row(model) == tokens
    if tokens is not None:
        ids = torch.full((1, tokens), 7)
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        with pytest.raises(Exception, match=r"index|size|range"):
            model(input_ids=torch.full((1, tokens + 1), 7), attention_mask=torch.ones(1, tokens + 1).long())


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "gpt2", "llama", "qwen2"])
def test_dropout_reaches_the_head_too(family: str) -> None:
    small = Model(family=family, layers=1, hidden=16, heads=2, ffn=32, vocab=60)
    with torch.device("meta"):
        model = models.build(models.configuration(small, 0.37, 3), "AutoModelForTokenClassification", None)
    assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {0.37}
