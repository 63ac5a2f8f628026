"""The embedded data is what it was: a frozen database, so these numbers never change."""

import hashlib
from collections import Counter

from benchbench.workload.sources.unicode_names import rows


def test_the_rows_are_those_of_unicode_3_2() -> None:
    found = rows()
    texts, labels = found.texts("text"), found.texts("label")
    assert len(found) == len(texts) == len(set(texts)) == 11_889
    assert Counter(labels) == {
        "Lo": 5073, "So": 2381, "Ll": 1350, "Lu": 1185, "Sm": 899, "Mn": 518, "Nd": 248, "No": 235,
    }  # fmt: skip
    assert (texts[0], texts[-1]) == ("plus sign", "mathematical monospace digit nine")
    assert found.numbers.tolist() == list(range(11_889))
    digest = hashlib.sha256("\n".join(f"{t}\t{c}" for t, c in zip(texts, labels, strict=True)).encode())
    assert digest.hexdigest() == "e1255c71baabaf882c54714715f0dd1eac7cb82e59a8ee3e17dd35011cd56dfe"


def test_no_name_is_a_number_or_a_spelling() -> None:
    texts = rows().texts("text")
    assert not any(text.startswith(("cjk ", "hangul syllable ")) for text in texts)
    assert all(text == text.lower() for text in texts)
    category = dict(zip(texts, rows().texts("label"), strict=True))
    assert category["greek small letter alpha"] == "Ll"
    assert category["digit seven"] == "Nd"
    assert category["n-ary summation"] == "Sm"
