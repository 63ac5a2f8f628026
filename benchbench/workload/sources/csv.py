"""Tables of text: a row a line, the columns' names in the first, quotes as in RFC 4180.

The delimiter is the one of comma, semicolon, tab and bar that finds the wanted columns in the first line, else that
finds the most; in a `.tsv` file it is the tab.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from benchbench.workload import columns as mapped
from benchbench.workload.file_source import FileSource, lines
from benchbench.workload.files import Place
from benchbench.workload.rows import Value

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_FIELD = 1 << 24


class Csv(FileSource):
    """See `FileSource`."""

    def rows(self, file: BinaryIO, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
        """See `FileSource.rows`."""
        text = lines(file, place)
        first = next(text, "")
        csv.field_size_limit(_LONGEST_FIELD)
        delimiter = _delimiter(first, place, set(columns.values()))
        reader = csv.reader(_chained(first, text), delimiter=delimiter, strict=True)
        names = next(_records(reader, place), [])
        mapped.check(columns, names, place)
        numbers = [names.index(column) for column in columns.values()]
        for record in _records(reader, place):
            line = reader.line_num
            if len(record) != len(names):
                what = f"the row has {len(record)} fields, and the first line names {len(names)} columns"
                raise place.problem(what, line)
            yield [mapped.value(record[n], r, place, line) for n, r in zip(numbers, columns, strict=True)]


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _records(reader: Iterator[list[str]], place: Place) -> Iterator[list[str]]:
    """The rows that are not blank."""
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = getattr(reader, "line_num", None)
            raise place.problem(f"this is no CSV: {error}; is a quote left open, or stray?", line) from error
        if record:
            yield record


def _delimiter(first: str, place: Place, wanted: set[str]) -> str:
    if place.url.lower().endswith((".tsv", ".tab", ".tsv.gz")):
        return "\t"
    found = {}
    for delimiter in _DELIMITERS:
        names = next(csv.reader([first], delimiter=delimiter), [])
        found[delimiter] = (len(wanted.intersection(names)), len(names))
    return max(found, key=lambda delimiter: found[delimiter])


PLUGIN = Csv()
