"""The character names of Unicode 3.2, which every Python carries: a small classification task of real text.

The text is the lower-cased name, the label the general category, kept for the eight commonest ones. CJK
ideographs with their radicals and Hangul syllables are left out: their names are numbers and spellings by rule.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter

from benchbench.scenario.types import Data
from benchbench.workload.encoding import TextRows, prepare_texts
from benchbench.workload.source import Prepared

_CATEGORIES = 8
_BY_RULE = ("CJK ", "HANGUL SYLLABLE ")


def rows() -> TextRows:
    """Every row, in the order of the code points."""
    frozen = unicodedata.ucd_3_2_0
    named = []
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        name = frozen.name(character, "")
        if name and not name.startswith(_BY_RULE):
            named.append((name.lower(), frozen.category(character)))
    common = [category for category, _ in Counter(c for _, c in named).most_common(_CATEGORIES)]
    kept = [(name, common.index(category)) for name, category in named if category in common]
    return TextRows(
        texts=tuple(name for name, _ in kept),
        labels=tuple(label for _, label in kept),
        label_names=tuple(common),
        licence="Unicode-3.0 (Unicode Character Database 3.2.0)",
    )


class UnicodeNames:
    """See `Source`."""

    def prepare(self, data: Data, model_vocabulary: int) -> Prepared:
        """Splits and encodes the names."""
        return prepare_texts(rows(), data, model_vocabulary)


PLUGIN = UnicodeNames()
