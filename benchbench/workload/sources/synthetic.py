"""Random tokens, every row exactly `sequence_length` long and ended by `[SEP]`, two labels: for throughput alone."""

from __future__ import annotations

import hashlib

import numpy as np

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.source import PAD_ID, SEP_ID, SPECIAL, Encoded, Prepared

_ROWS = {"train": 4096, "validation": 512, "test": 512}
_SEED = 20_260_101


class Synthetic:
    """See `Source`."""

    def prepare(self, data: Data, model_vocabulary: int) -> Prepared:
        """Draws the rows; the same for the same length and vocabulary, whatever the training's seed."""
        if model_vocabulary <= len(SPECIAL):
            raise ScenarioError(
                f"a vocabulary has the {len(SPECIAL)} special tokens and more, not {model_vocabulary} entries",
                key="model.vocab",
            )
        generator = np.random.default_rng([_SEED, data.sequence_length, model_vocabulary])
        splits = {
            name: self._split(generator, rows, data.sequence_length, model_vocabulary) for name, rows in _ROWS.items()
        }
        return Prepared(
            **splits,
            labels=("0", "1"),
            vocabulary=model_vocabulary,
            pad_id=PAD_ID,
            fingerprint=hashlib.sha256(splits["train"].ids.tobytes()).hexdigest(),
            licence="none needed: random numbers",
        )

    @staticmethod
    def _split(generator: np.random.Generator, rows: int, length: int, vocabulary: int) -> Encoded:
        ids_rs = generator.integers(len(SPECIAL), vocabulary, size=(rows, length), dtype=np.int32)
        ids_rs[:, -1] = SEP_ID
        return Encoded(
            ids=ids_rs.reshape(-1),
            offsets=np.arange(0, rows * length + 1, length, dtype=np.int64),
            labels=generator.integers(0, 2, size=rows, dtype=np.int64),
        )


PLUGIN = Synthetic()
