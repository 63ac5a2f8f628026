"""The gradient noise scale, from the norms of gradients over few and over many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Norms:
    """Squared gradient norms at one point of a training.

    Attributes:
        chunk_rows: rows of each chunk.
        chunk_square: of the gradients of the chunks' mean losses, the mean of their squared norms.
        rows: rows of all chunks together, more than `chunk_rows`.
        whole_square: the squared norm of the mean of those gradients.
    """

    chunk_rows: int
    chunk_square: float
    rows: int
    whole_square: float

    @property
    def signal(self) -> float:
        """An unbiased estimate of |G|^2, the squared norm of the true gradient; noise may take it below zero."""
        return (self.rows * self.whole_square - self.chunk_rows * self.chunk_square) / (self.rows - self.chunk_rows)

    @property
    def noise(self) -> float:
        """An unbiased estimate of tr(Sigma), the variance of one row's gradient, summed over its entries."""
        return (self.chunk_square - self.whole_square) / (1 / self.chunk_rows - 1 / self.rows)


def noise_scale(found: Sequence[Norms]) -> float | None:
    """The simple noise scale tr(Sigma) / |G|^2, in rows: the batch at which noise and signal are equal.

    Both estimates are averaged before they are divided, since their ratio is biased and theirs is not. Source:
    McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", equation 2.9 and appendix A.1.

    Args:
        found: the norms at some points of a training.

    Returns:
        None where the noise hides the signal (an average of |G|^2 that is not above zero), or of nothing.
    """
    signal, noise = sum(norms.signal for norms in found), sum(norms.noise for norms in found)
    return max(0.0, noise / signal) if found and signal > 0 else None
