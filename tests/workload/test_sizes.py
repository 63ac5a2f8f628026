"""Every named size has the parameters that its authors' weights have."""

import pytest
import torch

from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.sizes import SIZES

# The elements of the weights that the class beside each size takes from the repository that is named: without buffers,
# a shared matrix once; beside them what the authors themselves say.
PUBLISHED = {
    # google/bert_uncased_L-*_H-*_A-* and google-bert/bert-{base,large}-uncased; github.com/google-research/bert says
    # 4.4, 11.3, 29.1, 41.7 and 110.1 million, Devlin et al. 2019 say 110 and 340 million.
    ("bert", "tiny", "AutoModel"): 4_385_920,
    ("bert", "mini", "AutoModel"): 11_170_560,
    ("bert", "small", "AutoModel"): 28_763_648,
    ("bert", "medium", "AutoModel"): 41_373_184,
    ("bert", "base", "AutoModel"): 109_482_240,
    ("bert", "large", "AutoModel"): 335_141_888,
    # FacebookAI/roberta-{base,large}; Liu et al. 2019, and fairseq's table, say 125 and 355 million.
    ("roberta", "base", "AutoModel"): 124_645_632,
    ("roberta", "large", "AutoModel"): 355_359_744,
    # distilbert/distilbert-base-uncased; Sanh et al. 2019, table 3, say 66 million.
    ("distilbert", "base", "AutoModel"): 66_362_880,
    # openai-community/gpt2*; github.com/openai/gpt-2 says 124, 355, 774 and 1,558 million.
    ("gpt2", "small", "AutoModelForCausalLM"): 124_439_808,
    ("gpt2", "medium", "AutoModelForCausalLM"): 354_823_168,
    ("gpt2", "large", "AutoModelForCausalLM"): 774_030_080,
    ("gpt2", "xl", "AutoModelForCausalLM"): 1_557_611_200,
    # karpathy/tinyllamas: 15 million; stories15M.bin is 60.8 MB: these in float32, a header and tables of rotations.
    ("llama", "15m", "AutoModelForCausalLM"): 15_191_712,
    # meta-llama/Llama-3.2-1B and -3B, whose cards say 1.23 and 3.21 billion; Llama-3.1-8B: 8.03 billion.
    ("llama", "1b", "AutoModelForCausalLM"): 1_235_814_400,
    ("llama", "3b", "AutoModelForCausalLM"): 3_212_749_824,
    ("llama", "8b", "AutoModelForCausalLM"): 8_030_261_248,
    # meta-llama/Llama-2-7b-hf: 6.74 billion.
    ("llama", "7b", "AutoModelForCausalLM"): 6_738_415_616,
    # Qwen/Qwen2-*; the cards of the same architectures (Qwen2.5) say 0.49, 1.54 and 7.61 billion.
    ("qwen2", "0.5b", "AutoModelForCausalLM"): 494_032_768,
    ("qwen2", "1.5b", "AutoModelForCausalLM"): 1_543_714_304,
    ("qwen2", "7b", "AutoModelForCausalLM"): 7_615_616_512,
    # google-t5/t5-*; Raffel et al. 2020 say 60, 220 and 770 million.
    ("t5", "small", "AutoModelForSeq2SeqLM"): 60_506_624,
    ("t5", "base", "AutoModelForSeq2SeqLM"): 222_903_552,
    ("t5", "large", "AutoModelForSeq2SeqLM"): 737_668_096,
}


def built(family: str, size: str, head: str) -> torch.nn.Module:
    with torch.device("meta"):
        return models.build(models.configuration(Model(family=family, size=size), None, 2), head, "auto")


def test_every_size_is_counted() -> None:
    assert {(family, size) for family, size, _ in PUBLISHED} == {(f, s) for f, sizes in SIZES.items() for s in sizes}


@pytest.mark.parametrize(("family", "size", "head"), PUBLISHED)
def test_a_named_size_has_the_published_number_of_parameters(family: str, size: str, head: str) -> None:
    model = built(family, size, head)
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED[family, size, head]


def test_what_the_count_does_not_tell_is_as_published() -> None:
    llama = models.configuration(Model(family="llama", size="8b"), None, 2)
    assert (llama.num_key_value_heads, llama.head_dim, llama.vocab_size) == (8, 128, 128_256)
    assert (llama.rope_parameters["rope_theta"], llama.rope_parameters["rope_type"]) == (500_000.0, "llama3")
    assert (llama.rms_norm_eps, llama.max_position_embeddings, llama.tie_word_embeddings) == (1e-5, 131_072, False)
    qwen = models.configuration(Model(family="qwen2", size="0.5b"), None, 2)
    assert (qwen.num_attention_heads, qwen.num_key_value_heads, qwen.tie_word_embeddings) == (14, 2, True)
    assert qwen.rope_parameters["rope_theta"] == 1_000_000.0
    roberta = models.configuration(Model(family="roberta", size="base"), None, 2)
    assert (roberta.max_position_embeddings, roberta.type_vocab_size, roberta.layer_norm_eps) == (514, 1, 1e-5)


def test_the_dimensions_are_the_scenarios_own_names() -> None:
    for sizes in SIZES.values():
        for size in sizes.values():
            assert set(size.dimensions) <= set(Model.model_fields)
            assert size.hidden % size.heads == 0
