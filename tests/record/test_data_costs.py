"""When a run is called storage-bound."""

import pytest

from benchbench.record.data_costs import data_costs, data_warnings

FACTS: dict[str, object] = {
    "data_storage_s": 5.0, "data_decode_s": 2.0, "data_clean_s": 1.0, "data_tokenize_s": 4.0, "parameters": 7,
}  # fmt: skip


def test_the_costs_are_read_from_the_facts() -> None:
    assert data_costs(FACTS) == {"storage": 5.0, "decode": 2.0, "clean": 1.0, "tokenize": 4.0}
    assert data_costs({"data_decode_s": 2, "data_storage_s": None}) == {"decode": 2.0}


def test_storage_that_takes_longest_is_warned_of_with_what_to_do() -> None:
    (warning,) = data_warnings(FACTS, {"data": 12.0, "measure": 3.0, "train": 1.5})
    assert warning.code == "storage-bound"
    assert "5.0 s" in warning.message
    assert "4.5 s" in warning.message
    assert "copy the file to a local disk" in warning.message


@pytest.mark.parametrize(
    ("facts", "phases_s"),
    [
        (FACTS, {"measure": 5.0}),
        (FACTS, {"train": 3.0, "measure": 3.0}),
        ({**FACTS, "data_tokenize_s": 5.5}, {"measure": 1.0}),
        ({**FACTS, "data_decode_s": 5.5}, {"measure": 1.0}),
        ({"data_storage_s": 0.9}, {"measure": 0.1}),
        ({}, {}),
    ],
)
def test_else_not(facts: dict[str, object], phases_s: dict[str, float]) -> None:
    assert data_warnings(facts, phases_s) == ()
