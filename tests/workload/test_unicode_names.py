"""The embedded data is what it was: a frozen database, so these numbers never change."""

from benchbench.workload.sources.unicode_names import rows


def test_the_rows_are_those_of_unicode_3_2() -> None:
    found = rows()
    assert len(found.texts) == len(set(found.texts)) == 11_889
    assert found.label_names == ("Lo", "So", "Ll", "Lu", "Sm", "Mn", "Nd", "No")
    assert [found.labels.count(label) for label in range(8)] == [5073, 2381, 1350, 1185, 899, 518, 248, 235]
    assert (found.texts[0], found.texts[-1]) == ("plus sign", "mathematical monospace digit nine")
    assert found.fingerprint == "2f78138eaefadcea7dbb04eb24068ad797609708172d0ac2187747614bc679fd"


def test_no_name_is_a_number_or_a_spelling() -> None:
    assert not any(text.startswith(("cjk ", "hangul syllable ")) for text in rows().texts)
    assert all(text == text.lower() for text in rows().texts)
    by_text = dict(zip(rows().texts, rows().labels, strict=True))
    names = rows().label_names
    assert names[by_text["greek small letter alpha"]] == "Ll"
    assert names[by_text["digit seven"]] == "Nd"
    assert names[by_text["n-ary summation"]] == "Sm"
