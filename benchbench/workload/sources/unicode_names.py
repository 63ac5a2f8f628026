"""The character names of Unicode 3.2, which every Python carries: a small classification task of real text.

The text is the lower-cased name, the label the general category, kept for the eight commonest ones. CJK
ideographs with their radicals and Hangul syllables are left out: their names are numbers and spellings by rule.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.rows import Rows
from benchbench.workload.source import RowSource

_CATEGORIES = 8
_BY_RULE = ("CJK ", "HANGUL SYLLABLE ")


@cache
def rows() -> Rows:
    """Every row, in the order of the code points."""
    frozen = unicodedata.ucd_3_2_0
    named = []
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        name = frozen.name(character, "")
        if name and not name.startswith(_BY_RULE):
            named.append((name.lower(), frozen.category(character)))
    common = {category for category, _ in Counter(c for _, c in named).most_common(_CATEGORIES)}
    kept = [(name, category) for name, category in named if category in common]
    return Rows.of({"text": tuple(name for name, _ in kept), "label": tuple(category for _, category in kept)})


class UnicodeNames(RowSource):
    """See `RowSource`."""

    licence = "Unicode-3.0 (Unicode Character Database 3.2.0)"

    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """See `RowSource.shards`: all names in one shard, whatever is asked for."""
        del data, roles, costs
        yield None, rows()


PLUGIN = UnicodeNames()
