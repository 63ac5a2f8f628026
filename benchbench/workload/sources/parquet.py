"""Parquet files; only the wanted columns are read. A column's name may reach into a struct: `translation.en`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from benchbench.workload import columns as mapped
from benchbench.workload.file_source import FileSource
from benchbench.workload.files import Place
from benchbench.workload.rows import Value


class Parquet(FileSource):
    """See `FileSource`."""

    seekable = True

    def rows(self, file: BinaryIO, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
        """See `FileSource.rows`."""
        from pyarrow import parquet

        place = place._replace(unit="row")
        table = parquet.ParquetFile(file)
        there = table.schema_arrow.names
        mapped.check(columns, there, place)
        wanted = [column if column in there else column.partition(".")[0] for column in columns.values()]
        number = 0
        for batch in table.iter_batches(batch_size=mapped.SHARD_ROWS, columns=list(dict.fromkeys(wanted))):
            for row in batch.to_pylist():
                number += 1
                yield [mapped.value(mapped.picked(row, c), r, place, number) for r, c in columns.items()]


PLUGIN = Parquet()
