"""Random tokens, every row exactly `sequence_length` long, two labels: for throughput alone."""

from __future__ import annotations

import hashlib

import numpy as np

from benchbench.scenario.types import Data
from benchbench.workload.source import Encoded, Prepared

_ROWS = {"train": 4096, "validation": 512, "test": 512}
_FIRST_ID = 5  # below it stand the special tokens of a real vocabulary
_SEED = 20_260_101


class Synthetic:
    """See `Source`."""

    def prepare(self, data: Data, model_vocabulary: int) -> Prepared:
        """Draws the rows; the same for the same length and vocabulary, whatever the training's seed."""
        generator = np.random.default_rng([_SEED, data.sequence_length, model_vocabulary])
        splits = {
            name: self._split(generator, rows, data.sequence_length, model_vocabulary) for name, rows in _ROWS.items()
        }
        return Prepared(
            **splits,
            labels=("0", "1"),
            vocabulary=model_vocabulary,
            pad_id=0,
            fingerprint=hashlib.sha256(splits["train"].ids.tobytes()).hexdigest(),
            licence="none needed: random numbers",
        )

    @staticmethod
    def _split(generator: np.random.Generator, rows: int, length: int, vocabulary: int) -> Encoded:
        first = min(_FIRST_ID, vocabulary - 1)
        return Encoded(
            ids=generator.integers(first, vocabulary, size=rows * length, dtype=np.int32),
            offsets=np.arange(0, rows * length + 1, length, dtype=np.int64),
            labels=generator.integers(0, 2, size=rows, dtype=np.int64),
        )


PLUGIN = Synthetic()
