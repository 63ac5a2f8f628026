"""Hypotheses by the hundred: drawn from a belief, then moved to where they explain what was measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchbench.tuning.model.encoding import Floats, Whole

_EVEN = 0.5  # of the hypotheses, at least, must still count when a stage takes more of the likelihood in
_MOVES = 2  # of every hypothesis a stage
_STRIDES = (0.6, 0.3, 0.15)
_FINEST = 1e-3


def settled(score: Callable[[Floats], Floats], size: int, count: int, random: np.random.Generator) -> Floats:
    """Draws from a belief given measurements, by sequential Monte Carlo (Del Moral, Doucet and Jasra 2006).

    Stages take in more and more of the likelihood; between them a preconditioned Crank-Nicolson walk (Cotter et al.
    2013) moves the hypotheses, which keeps standard normal priors as they are.

    Args:
        score: log-likelihoods of hypotheses, shape (count,), for draws of shape (count, size).
        size: draws of a hypothesis.
        count: hypotheses.
        random: of every choice.

    Returns:
        Draws of shape (count, size), equally likely.
    """
    draws = random.standard_normal((count, size))
    scores = score(draws)
    taken = 0.0
    while taken < 1.0:
        part = _next_part(scores, 1.0 - taken)
        taken = min(1.0, taken + part)
        chosen = _resampled(part * scores, random)
        draws, scores = draws[chosen], scores[chosen]
        for move in range(_MOVES):
            stride = _STRIDES[(move + int(taken >= 1.0)) % len(_STRIDES)]
            draws, scores = _walked(draws, scores, score, taken, stride, random)
    return draws


def _next_part(scores: Floats, left: float) -> float:
    """The largest part of the likelihood that leaves enough hypotheses that count, by bisection."""
    if _evenness(left * scores) >= _EVEN:
        return left
    low, high = 0.0, left
    while high - low > _FINEST * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _evenness(middle * scores) >= _EVEN else (low, middle)
    return max(low, _FINEST)


def _evenness(scores: Floats) -> float:
    """The effective share of hypotheses (Kish)."""
    weights = np.exp(scores - scores.max())
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))


def _resampled(scores: Floats, random: np.random.Generator) -> Whole:
    """Indexes of hypotheses by their weights, systematically."""
    weights = np.exp(scores - scores.max())
    steps = (random.random() + np.arange(len(weights))) / len(weights)
    found = np.searchsorted(np.cumsum(weights) / weights.sum(), steps)
    return np.minimum(found, len(weights) - 1).astype(np.int64)


def _walked(
    draws: Floats,
    scores: Floats,
    score: Callable[[Floats], Floats],
    taken: float,
    stride: float,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:
    moved = np.sqrt(1 - stride**2) * draws + stride * random.standard_normal(draws.shape)
    after = score(moved)
    accepted = np.log(random.random(len(draws))) < taken * (after - scores)
    return np.where(accepted[:, None], moved, draws), np.where(accepted, after, scores)
