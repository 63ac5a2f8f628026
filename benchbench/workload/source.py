"""What a data source is. It is one file in `sources/`; its `PLUGIN` is a `RowSource` or a `TokenSource`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from benchbench.scenario.types import Data

if TYPE_CHECKING:
    from benchbench.workload.costs import Costs
    from benchbench.workload.examples import Ragged
    from benchbench.workload.rows import Rows


COLUMNS = (
    "text_column", "label_column", "source_column", "target_column", "question_column", "context_column",
    "answer_column", "answer_start_column",
)  # fmt: skip
# Settings of `data` that mean something to some sources only.
OWN = ("path", "subset", "revision", "split", "lengths", *COLUMNS)


class RowSource(ABC):
    """Where texts come from.

    Attributes:
        licence: of the data.
        settings: those of `OWN` that it obeys; the others are refused.
    """

    licence: str = "the user's own data"
    settings: frozenset[str] = frozenset()

    def origin(self, data: Data, split: str | None) -> str:
        """Where rows lie, for messages.

        Args:
            data: the scenario's section.
            split: the one that the source itself puts them in.
        """
        del split
        return f"the source {data.source!r}"

    @abstractmethod
    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """Reads all rows, a shard of bounded size at a time, in an order that never changes.

        Args:
            data: the scenario's section.
            roles: what each row must have; a role `document` may be added where the source knows documents.
            costs: takes the seconds that storage costs; what else the reading takes is counted as decoding.

        Yields:
            The split that the source itself puts the rows in (`train`, `validation`, `test`; None where fractions of
            all rows decide) and the rows. `Rows.numbers` count within a split's own file.

        Raises:
            ScenarioError: a file, column or row that cannot be used, by name.
        """

    def word_shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """The rows of a task that labels words: as `shards`, or others where `text` and `label` are lists."""
        return self.shards(data, roles, costs)


class TokenSource(ABC):
    """Where random tokens come from, for throughput alone.

    Attributes:
        licence: of the data.
        settings: those of `OWN` that it obeys; the others are refused.
    """

    licence: str = "none needed: random numbers"
    settings: frozenset[str] = frozenset()

    @abstractmethod
    def draw(self, data: Data, vocabulary: int, rows: int, seed: int) -> Ragged:
        """Random rows of token ids.

        Args:
            data: the scenario's section.
            vocabulary: ids stay below this.
            rows: how many.
            seed: of the draw.
        """
