"""FLOPs of a transformer's training step in closed form: matrix products and attention, nothing else.

A product of (m, k) and (k, n) is 2 m k n FLOPs, a multiplication and an addition for each term. The backward pass
takes two products for each one of the forward pass, one for the gradient of either operand, so that a step of a model
whose weights are all trained is three forward passes (Kaplan et al. 2020, "Scaling laws for neural language models",
section 2.1). Attention is counted over all pairs of tokens, masked ones too: what most kernels compute.
Norms, activations, softmax and the optimizer are left out: their FLOPs are few, and what they cost is memory traffic.

Shape letters: B rows, S tokens of a row, H hidden, L layers.
"""

from __future__ import annotations

from typing import NamedTuple

PASSES = 3  # forward, and backward twice that


class Layer(NamedTuple):
    """The matrices of one transformer layer.

    Attributes:
        hidden: width of the residual stream.
        attention: width of all query heads together; `hidden` in most families.
        keys: width of all key heads together, and of all value heads; less than `attention` where heads share them.
        ffn: width inside the feed-forward part.
        gated: whether that has a third matrix, as in LLaMA.
    """

    hidden: int
    attention: int
    keys: int
    ffn: int
    gated: bool = False


def self_attention_flops(layer: Layer, rows: int, tokens: int) -> int:
    """FLOPs of one layer's self-attention, forward: four projections, the scores, and their sum over the values.

    Args:
        layer: its matrices.
        rows: B.
        tokens: S, padding included.
    """
    weights = 2 * layer.hidden * layer.attention + 2 * layer.hidden * layer.keys
    return 2 * rows * tokens * weights + pair_flops(layer, rows, tokens, tokens)


def cross_attention_flops(layer: Layer, rows: int, tokens: int, seen: int) -> int:
    """FLOPs of one layer's attention to another sequence, forward.

    Args:
        layer: its matrices.
        rows: B.
        tokens: of the sequence that looks.
        seen: of the one that is looked at, whose keys and values are made in this layer.
    """
    own = 2 * rows * tokens * 2 * layer.hidden * layer.attention
    others = 2 * rows * seen * 2 * layer.hidden * layer.keys
    return own + others + pair_flops(layer, rows, tokens, seen)


def pair_flops(layer: Layer, rows: int, tokens: int, seen: int) -> int:
    """FLOPs of scores and weighted sum over all pairs of tokens, forward: 4 B S S H."""
    return 4 * rows * tokens * seen * layer.attention


def feed_forward_flops(layer: Layer, rows: int, tokens: int) -> int:
    """FLOPs of one layer's feed-forward part, forward."""
    return 2 * rows * tokens * (3 if layer.gated else 2) * layer.hidden * layer.ffn


def layers_flops(layer: Layer, layers: int, rows: int, tokens: int) -> int:
    """FLOPs of L equal layers, forward, of an encoder or of a decoder alone."""
    return layers * (self_attention_flops(layer, rows, tokens) + feed_forward_flops(layer, rows, tokens))


def decoder_flops(layer: Layer, layers: int, rows: int, tokens: int, seen: int) -> int:
    """FLOPs of L equal layers, forward, of a decoder that looks at an encoder's `seen` tokens too."""
    return layers_flops(layer, layers, rows, tokens) + layers * cross_attention_flops(layer, rows, tokens, seen)


def dense_flops(inputs: int, outputs: int, vectors: int) -> int:
    """FLOPs of one matrix, forward: a head's over every token, or a pooler's over every row.

    Args:
        inputs: features in.
        outputs: features out.
        vectors: how many are multiplied.
    """
    return 2 * vectors * inputs * outputs


def per_token(parameters: int, layers: int, attention: int, tokens: int) -> int:
    """FLOPs of training per token, by the rule 6 N + 12 L H S (Chowdhery et al. 2022, "PaLM", appendix B).

    Args:
        parameters: N, those of matrices that every token is multiplied with; a table of embeddings is none.
        layers: L.
        attention: H, the width of all query heads together.
        tokens: S, of a row.
    """
    return 6 * parameters + 12 * layers * attention * tokens
