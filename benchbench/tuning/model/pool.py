"""Setups that stand for a space, with everything that is worked out of each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.record.study import Overrides
from benchbench.tuning.model.encoding import Encoded, Encoding
from benchbench.tuning.space import identity


@dataclass(frozen=True)
class Pool:
    """Setups, each once.

    Attributes:
        setups: in order.
        names: their identities.
        signatures: equal for those whose steps take equally long.
        encoded: as numbers.
    """

    setups: Sequence[Overrides]
    names: Sequence[str]
    signatures: Sequence[str]
    encoded: Encoded

    @classmethod
    def of(cls, encoding: Encoding, setups: Iterable[Overrides]) -> Pool:
        """Of setups, of which some may be the same."""
        each = {identity(setup): setup for setup in setups}
        every = list(each.values())
        return cls(every, list(each), [encoding.step_signature(s) for s in every], encoding.encode(every))

    def after(self, first: Pool) -> Pool:
        """These behind others, but for those that are among them."""
        known = set(first.names)
        rows = [row for row, name in enumerate(self.names) if name not in known]
        return Pool(
            [*first.setups, *(self.setups[row] for row in rows)],
            [*first.names, *(self.names[row] for row in rows)],
            [*first.signatures, *(self.signatures[row] for row in rows)],
            first.encoded.joined(self.encoded.take(np.array(rows, dtype=np.int64))),
        )

    def __len__(self) -> int:
        """How many setups there are."""
        return len(self.setups)
