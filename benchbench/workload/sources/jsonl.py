"""A JSON object a line. A column's name may reach into an object: `translation.en`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from benchbench.workload import columns as mapped
from benchbench.workload.file_source import FileSource, lines
from benchbench.workload.files import Place
from benchbench.workload.rows import Value


class Jsonl(FileSource):
    """See `FileSource`."""

    def rows(self, file: BinaryIO, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
        """See `FileSource.rows`; blank lines are left out."""
        for number, line in enumerate(lines(file, place), start=1):
            if line.isspace():
                continue
            row = _object(line, place, number)
            mapped.check(columns, list(row), place, number)
            yield [mapped.value(mapped.picked(row, c), r, place, number) for r, c in columns.items()]


def _object(line: str, place: Place, number: int) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise place.problem(f"this is no JSON: {error}; a row is one object in one line", number) from error
    if not isinstance(row, dict):
        raise place.problem(f"this is a {type(row).__name__}; a row is one object, such as {{...}}", number)
    return row


PLUGIN = Jsonl()
