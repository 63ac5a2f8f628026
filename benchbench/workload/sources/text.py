"""Plain text: a sentence a line; a blank line ends a document, and without one all is one document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from benchbench.scenario.types import Data
from benchbench.workload.file_source import FileSource, lines
from benchbench.workload.files import Place
from benchbench.workload.rows import Value


class Text(FileSource):
    """See `FileSource`."""

    settings = frozenset({"path", "split"})

    def columns(self, data: Data, roles: Sequence[str]) -> dict[str, str]:
        """A text and the number of its document, whatever is asked for."""
        del data, roles
        return {"text": "text", "document": "document"}

    def rows(self, file: BinaryIO, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
        """See `FileSource.rows`."""
        del columns
        document, ended = 0, False
        for line in lines(file, place):
            sentence = line.rstrip("\r\n")
            if not sentence or sentence.isspace():
                ended = True
                continue
            document += ended
            ended = False
            yield sentence, str(document)


PLUGIN = Text()
