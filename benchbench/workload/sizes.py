"""Named sizes of the model families: every architecture fact in which they differ from the family's own default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Setting = int | float | bool | str | Mapping[str, float | str]


@dataclass(frozen=True, kw_only=True)
class Size:
    """One named size.

    Attributes:
        layers, hidden, heads, ffn: see `scenario.types.Model`; of an encoder-decoder, of each half.
        kv_heads: None where every head has a key and a value of its own.
        vocab: rows of the embedding.
        settings: what else it has otherwise than its family's default, as the family's configuration names it.
    """

    layers: int
    hidden: int
    heads: int
    ffn: int
    vocab: int
    kv_heads: int | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def dimensions(self) -> Mapping[str, int]:
        """Those that a scenario can set too, by the scenario's names."""
        named = {"layers": self.layers, "hidden": self.hidden, "heads": self.heads, "ffn": self.ffn}
        return named | {"vocab": self.vocab} | ({} if self.kv_heads is None else {"kv_heads": self.kv_heads})


def _bert(layers: int, hidden: int, heads: int) -> Size:
    return Size(layers=layers, hidden=hidden, heads=heads, ffn=4 * hidden, vocab=30_522)


def _roberta(layers: int, hidden: int, heads: int) -> Size:
    settings = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    return Size(layers=layers, hidden=hidden, heads=heads, ffn=4 * hidden, vocab=50_265, settings=settings)


def _gpt2(layers: int, hidden: int, heads: int) -> Size:
    return Size(layers=layers, hidden=hidden, heads=heads, ffn=4 * hidden, vocab=50_257)


def _t5(layers: int, hidden: int, heads: int) -> Size:
    return Size(layers=layers, hidden=hidden, heads=heads, ffn=4 * hidden, vocab=32_128)


def _llama3(layers: int, hidden: int, heads: int, ffn: int, *, tied: bool, rope_factor: float) -> Size:
    rope: Mapping[str, float | str] = {
        "rope_type": "llama3", "rope_theta": 500_000.0, "factor": rope_factor, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
    }  # fmt: skip
    settings: dict[str, Setting] = {
        "max_position_embeddings": 131_072, "rms_norm_eps": 1e-5, "tie_word_embeddings": tied, "rope_parameters": rope,
    }  # fmt: skip
    return Size(layers=layers, hidden=hidden, heads=heads, kv_heads=8, ffn=ffn, vocab=128_256, settings=settings)


def _qwen2(layers: int, hidden: int, heads: int, kv_heads: int, ffn: int, *, vocab: int, tied: bool) -> Size:
    settings: dict[str, Setting] = {
        "max_position_embeddings": 131_072, "tie_word_embeddings": tied,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    }  # fmt: skip
    return Size(layers=layers, hidden=hidden, heads=heads, kv_heads=kv_heads, ffn=ffn, vocab=vocab, settings=settings)


SIZES: Mapping[str, Mapping[str, Size]] = {
    # Devlin et al. 2019 (base, large); Turc et al., "Well-Read Students Learn Better", 2019 (tiny to medium).
    "bert": {
        "tiny": _bert(2, 128, 2),
        "mini": _bert(4, 256, 4),
        "small": _bert(4, 512, 8),
        "medium": _bert(8, 512, 8),
        "base": _bert(12, 768, 12),
        "large": _bert(24, 1024, 16),
    },
    # Liu et al. 2019, table 9; vocabulary and positions: the configurations of FacebookAI/roberta-base and -large.
    "roberta": {"base": _roberta(12, 768, 12), "large": _roberta(24, 1024, 16)},
    # Sanh et al. 2019; distilbert/distilbert-base-uncased.
    "distilbert": {"base": Size(layers=6, hidden=768, heads=12, ffn=3072, vocab=30_522)},
    # Radford et al. 2019, table 2; heads: the hparams.json of openai/gpt-2's models.
    "gpt2": {
        "small": _gpt2(12, 768, 12),
        "medium": _gpt2(24, 1024, 16),
        "large": _gpt2(36, 1280, 20),
        "xl": _gpt2(48, 1600, 25),
    },
    "llama": {
        # For CPUs: stories15M of karpathy/llama2.c, which shares the embedding with the output.
        "15m": Size(
            layers=6, hidden=288, heads=6, ffn=768, vocab=32_000,
            settings={"max_position_embeddings": 256, "rms_norm_eps": 1e-5, "tie_word_embeddings": True},
        ),
        # Dubey et al., "The Llama 3 Herd of Models", 2024, table 3 (8b), and meta-llama/Llama-3.1-8B; the model cards
        # and configurations of meta-llama/Llama-3.2-1B and -3B.
        "1b": _llama3(16, 2048, 32, 8192, tied=True, rope_factor=32.0),
        "3b": _llama3(28, 3072, 24, 8192, tied=True, rope_factor=32.0),
        "8b": _llama3(32, 4096, 32, 14_336, tied=False, rope_factor=8.0),
        # Touvron et al., "Llama 2", 2023; meta-llama/Llama-2-7b-hf.
        "7b": Size(
            layers=32, hidden=4096, heads=32, ffn=11_008, vocab=32_000,
            settings={"max_position_embeddings": 4096, "rms_norm_eps": 1e-5},
        ),
    },
    # Yang et al., "Qwen2 Technical Report", 2024, table 1; vocabulary: the configurations of Qwen/Qwen2-*.
    "qwen2": {
        "0.5b": _qwen2(24, 896, 14, 2, 4864, vocab=151_936, tied=True),
        "1.5b": _qwen2(28, 1536, 12, 2, 8960, vocab=151_936, tied=True),
        "7b": _qwen2(28, 3584, 28, 4, 18_944, vocab=152_064, tied=False),
    },
    # Raffel et al. 2020, section 3.7 (small, base, large); 32,000 pieces and 128 rows more: google-t5/t5-*.
    "t5": {"small": _t5(6, 512, 8), "base": _t5(12, 768, 12), "large": _t5(24, 1024, 16)},
}  # fmt: skip
