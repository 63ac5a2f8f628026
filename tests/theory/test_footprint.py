"""The estimate of memory grows with what takes memory, and stays above what is really taken."""

from benchbench.theory.footprint import ModelShape, training_bytes

BASE = ModelShape(
    parameters=1000, trainable_parameters=1000, linear_features=0, score_heads=0, logits_per_token=0, row_tokens=10,
    process_bytes=0,
)  # fmt: skip


def test_weights_gradients_and_state_are_counted_by_optimizer() -> None:
    # weights and two copies of them, gradients, then what the optimizer keeps; 4 bytes each
    assert training_bytes(BASE, "sgd", 1) == 4 * 1000 * 4
    assert training_bytes(BASE, "momentum", 1) == 4 * 1000 * 5
    assert training_bytes(BASE, "adamw", 1) == 4 * 1000 * 6
    frozen = BASE.model_copy(update={"trainable_parameters": 10})
    assert training_bytes(frozen, "adamw", 1) == 4 * (3000 + 30)


def test_activations_grow_with_rows_and_scores_with_the_square_of_their_length() -> None:
    wide = BASE.model_copy(update={"linear_features": 100})
    assert training_bytes(wide, "sgd", 8) - training_bytes(BASE, "sgd", 8) == 1.5 * 4 * 8 * 10 * 100
    scores = BASE.model_copy(update={"score_heads": 2})
    longer = scores.model_copy(update={"row_tokens": 20})
    first, second = (training_bytes(s, "sgd", 1) - training_bytes(BASE, "sgd", 1) for s in (scores, longer))
    assert (first, second) == (1.5 * 10 * 2 * 100, 1.5 * 10 * 2 * 400)
    logits = BASE.model_copy(update={"logits_per_token": 7})
    assert training_bytes(logits, "sgd", 1) - training_bytes(BASE, "sgd", 1) == 1.5 * 4 * 4 * 10 * 7


def test_a_standard_layer_is_what_korthikanti_et_al_count() -> None:
    hidden, tokens = 1024, 1
    linear = (3 * 2 + 2) * hidden + 2 * (hidden + 4 * hidden)  # q, k, v, o and the two of the feed-forward layer
    by_the_paper = 34 * hidden * 2  # equation 1 in bytes, without attention's scores, in 32 bits
    ours = 4 * linear * tokens
    assert 1.0 <= ours / by_the_paper < 1.07
