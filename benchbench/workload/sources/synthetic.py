"""Random tokens, each row ended by `[SEP]`: for throughput alone.

Every row is exactly `sequence_length` long, unless `data.lengths` states how lengths are distributed.
"""

from __future__ import annotations

import math

import numpy as np

from benchbench.scenario.types import Data
from benchbench.workload.examples import Longs, Ragged
from benchbench.workload.source import TokenSource
from benchbench.workload.vocabulary import SEP_ID, SPECIAL

_SHORTEST = 2
_SIGMA = 0.6


class Synthetic(TokenSource):
    """See `TokenSource`."""

    settings = frozenset({"lengths"})

    def draw(self, data: Data, vocabulary: int, rows: int, seed: int) -> Ragged:
        """See `TokenSource.draw`; the same for the same lengths and vocabulary, whatever the training's seed."""
        generator = np.random.default_rng([seed, data.sequence_length, vocabulary])
        offsets = np.concatenate(([0], np.cumsum(_lengths(data, rows, generator)))).astype(np.int64)
        ids_n = generator.integers(len(SPECIAL), vocabulary, size=int(offsets[-1]), dtype=np.int32)
        ids_n[offsets[1:] - 1] = SEP_ID
        return Ragged(values=ids_n, offsets=offsets)


def _lengths(data: Data, rows: int, generator: np.random.Generator) -> Longs:
    """Tokens of each row, between 2 and `sequence_length`. Shape (rows,)."""
    wanted = data.lengths
    if wanted is None:
        return np.full(rows, data.sequence_length, dtype=np.int64)
    if wanted.name == "uniform":
        assert wanted.low is not None
        assert wanted.high is not None
        drawn = generator.integers(wanted.low, wanted.high, size=rows, endpoint=True).astype(np.float64)
    else:
        assert wanted.median is not None
        drawn = np.rint(generator.lognormal(math.log(wanted.median), wanted.sigma or _SIGMA, size=rows))
    return np.clip(drawn, _SHORTEST, data.sequence_length).astype(np.int64)


PLUGIN = Synthetic()
