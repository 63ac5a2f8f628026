"""What preparing the data costs, part by part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Costs:
    """Seconds by part.

    The parts are `storage` (waiting for bytes), `decode` (bytes to rows), `clean` and `tokenize` (with the making of
    a vocabulary).
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def spent(self, part: str) -> Iterator[None]:
        """Adds the time of a block to a part."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(part, time.perf_counter() - began_s)

    def add(self, part: str, seconds: float) -> None:
        """Adds to a part; a negative share corrects what was counted twice."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
