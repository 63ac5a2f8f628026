"""A source whose rows lie in files: one for all of them, or one for each split."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.columns import in_shards, mapping
from benchbench.workload.costs import Costs
from benchbench.workload.files import Place, check_apart, opened
from benchbench.workload.rows import SPLITS, Rows, Value
from benchbench.workload.source import COLUMNS, RowSource


class FileSource(RowSource):
    """See `RowSource`.

    Attributes:
        seekable: whether the files must go back and forth.
    """

    settings = frozenset({"path", "split", *COLUMNS})
    seekable = False

    def origin(self, data: Data, split: str | None) -> str:
        """See `RowSource.origin`."""
        return next(place.url for own, place in _places(data) if own == split)

    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """See `RowSource.shards`."""
        columns = self.columns(data, roles)
        for split, place in _places(data):
            rows = 0
            with opened(place, costs, seekable=self.seekable) as file:
                for shard in in_shards(self.rows(file, place, columns), tuple(columns)):
                    rows += len(shard)
                    yield split, shard
            if rows == 0:
                raise place.problem("the file holds no rows")

    def columns(self, data: Data, roles: Sequence[str]) -> dict[str, str]:
        """The column of each role, in the order in which `rows` gives them."""
        return mapping(data, roles)

    @abstractmethod
    def rows(self, file: BinaryIO, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
        """Reads the rows of a file, one at a time.

        Args:
            file: at its beginning.
            place: for messages.
            columns: of each role.

        Yields:
            A row's values, in the order of `columns`.

        Raises:
            ScenarioError: a column is missing, or a row cannot be used.
        """


def _places(data: Data) -> Iterator[tuple[str | None, Place]]:
    if data.path is not None:
        yield None, Place(data.path, "data.path")
        return
    if data.split is None:
        raise ScenarioError(
            f"{data.source} reads files: name one with path, or one for each part with split", key="data.path"
        )
    urls = {split: url for split in SPLITS if (url := getattr(data.split, split)) is not None}
    places = {split: Place(url, f"data.split.{split}") for split, url in urls.items()}
    check_apart(list(places.values()))
    yield from places.items()


def lines(file: BinaryIO, place: Place) -> Iterator[str]:
    """The lines of a text in UTF-8, each with its end; a byte order mark is left out.

    Raises:
        ScenarioError: names a line that is not UTF-8.
    """
    for number, raw in enumerate(file, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            wide = number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff")
            what = "this is UTF-16" if wide else f"the byte 0x{raw[error.start]:02x} is not UTF-8"
            raise place.problem(f"{what}; convert the whole file to UTF-8, with iconv for example", number) from error
