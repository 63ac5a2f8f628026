"""Random tokens, every row exactly `sequence_length` long and ended by `[SEP]`: for throughput alone."""

from __future__ import annotations

import numpy as np

from benchbench.scenario.types import Data
from benchbench.workload.examples import Ragged
from benchbench.workload.source import TokenSource
from benchbench.workload.vocabulary import SEP_ID, SPECIAL


class Synthetic(TokenSource):
    """See `TokenSource`."""

    def draw(self, data: Data, vocabulary: int, rows: int, seed: int) -> Ragged:
        """See `TokenSource.draw`; the same for the same length and vocabulary, whatever the training's seed."""
        generator = np.random.default_rng([seed, data.sequence_length, vocabulary])
        ids_rs = generator.integers(len(SPECIAL), vocabulary, size=(rows, data.sequence_length), dtype=np.int32)
        ids_rs[:, -1] = SEP_ID
        offsets = np.arange(0, ids_rs.size + 1, data.sequence_length, dtype=np.int64)
        return Ragged(values=ids_rs.reshape(-1), offsets=offsets)


PLUGIN = Synthetic()
