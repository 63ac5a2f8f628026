"""What preparing the data costs, part by part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Costs:
    """Seconds by part.

    The parts are `storage` (waiting for bytes), `decode` (bytes to rows), `clean` and `tokenize` (with the making of
    a vocabulary).
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def spent(self, part: str) -> Iterator[None]:
        """Adds the time of a block to a part, without what the block itself adds to others."""
        began_s, elsewhere_s = time.perf_counter(), self._but(part)
        try:
            yield
        finally:
            self.add(part, time.perf_counter() - began_s - (self._but(part) - elsewhere_s))

    def each(self, part: str, items: Iterator[T]) -> Iterator[T]:
        """The same items; the time that each takes to come is added to a part, as `spent` does."""
        while True:
            with self.spent(part):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def add(self, part: str, seconds: float) -> None:
        """Adds to a part."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def _but(self, part: str) -> float:
        return sum(seconds for name, seconds in self.seconds.items() if name != part)
