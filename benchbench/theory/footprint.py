"""How much memory a training takes, on the safe side: enough to say that something plainly fits, no prediction.

Activations follow Korthikanti et al. 2022 ("Reducing activation recomputation in large transformer models", equation
1): a layer keeps s b h (34 + 5 a s / h) bytes in 16 bits. The first term is, within 6 %, the inputs and outputs of its
linear layers, which is how it is counted here, so that it holds for gated and grouped layers too; the second is
attention's scores, which fused kernels do not keep. All of it is counted in 32 bits, as autocast keeps part of it so.
"""

from __future__ import annotations

from benchbench.values import Value

_NUMBER_BYTES = 4
# Numbers of the optimizer's state for each trained parameter; one that is not named has two, as Adam has.
_STATE_NUMBERS = {"sgd": 0, "momentum": 1, "lion": 1, "adafactor": 1}
_COPIES = 2  # of the weights: what autocast casts and clipping and averaging hold for a while
_SCORES_BYTES = 10  # twice the 5 bytes of equation 1
_LOGIT_NUMBERS = 4  # logits, their logarithmic softmax, its gradient, and what autocast casts
_CAUTION = 1.5  # norms, residuals, masks, and what an allocator leaves unused


class ModelShape(Value):
    """What decides how much memory a model and its rows take.

    Attributes:
        parameters: all of them.
        trainable_parameters: those that have gradients and an optimizer's state.
        linear_features: inputs and outputs of all linear layers of a token's way through the model, added up.
        score_heads: attention heads of all layers, cross-attention's too.
        logits_per_token: outputs of a language model's head; 0 for a head that answers once a row.
        row_tokens: of the longest training row.
        process_bytes: resident memory of the trainer's process with its libraries and the data, the model left out.
    """

    parameters: int
    trainable_parameters: int
    linear_features: int
    score_heads: int
    logits_per_token: int
    row_tokens: int
    process_bytes: int


def training_bytes(shape: ModelShape, optimizer: str, rows: int) -> int:
    """Memory of weights, gradients, optimizer state and activations, an upper bound for ordinary models.

    Args:
        shape: the model and its rows.
        optimizer: its name.
        rows: sequences a forward, each as long as the longest.
    """
    kept = shape.parameters * (1 + _COPIES) + shape.trainable_parameters * (1 + _STATE_NUMBERS.get(optimizer, 2))
    tokens = rows * shape.row_tokens
    activations = _NUMBER_BYTES * tokens * (shape.linear_features + _LOGIT_NUMBERS * shape.logits_per_token)
    scores = _SCORES_BYTES * tokens * shape.row_tokens * shape.score_heads
    return _NUMBER_BYTES * kept + round(_CAUTION * (activations + scores))
