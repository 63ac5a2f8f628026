"""What every data source keeps to. A new plug-in is found and tested without an edit."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.source import Encoded, Prepared, Source

VOCABULARY = 500
LENGTH = 16


def prepare(name: str, vocabulary: int = VOCABULARY, **fields: object) -> Prepared:
    source = cast(Source, registry.load(registry.SOURCES, name))
    return source.prepare(Data.model_validate({"source": name, "sequence_length": LENGTH, **fields}), vocabulary)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "sources-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(params=registry.names(registry.SOURCES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def splits(prepared: Prepared) -> tuple[Encoded, Encoded, Encoded]:
    return prepared.train, prepared.validation, prepared.test


def test_every_split_is_well_formed(name: str) -> None:
    prepared = prepare(name)
    for split in splits(prepared):
        assert len(split) > 0
        assert (split.ids.dtype, split.offsets.dtype, split.labels.dtype) == (np.int32, np.int64, np.int64)
        assert split.offsets[0] == 0
        assert split.offsets[-1] == len(split.ids)
        assert len(split.offsets) == len(split) + 1
        lengths = np.diff(split.offsets)
        assert lengths.min() >= 1
        assert lengths.max() <= LENGTH
        assert split.ids.min() >= 0
        assert split.ids.max() < prepared.vocabulary <= VOCABULARY
        assert set(split.labels.tolist()) <= set(range(len(prepared.labels)))
        assert prepared.pad_id not in split.ids, "a row holds no padding of its own"
    assert set(prepared.train.labels.tolist()) == set(range(len(prepared.labels)))
    assert 0 <= prepared.pad_id < prepared.vocabulary
    assert len(prepared.fingerprint) == 64
    assert prepared.licence


def test_the_same_request_gives_the_same_rows(name: str) -> None:
    first, second = prepare(name), prepare(name)
    for a, b in zip(splits(first), splits(second), strict=True):
        assert np.array_equal(a.ids, b.ids)
        assert np.array_equal(a.offsets, b.offsets)
        assert np.array_equal(a.labels, b.labels)
    assert first.fingerprint == second.fingerprint


def test_a_small_vocabulary_is_kept_to(name: str) -> None:
    prepared = prepare(name, vocabulary=90)
    assert prepared.vocabulary <= 90
    assert max(int(split.ids.max()) for split in splits(prepared)) < 90


def test_a_model_without_room_for_a_vocabulary_is_refused(name: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        prepare(name, vocabulary=3)
    assert caught.value.key == "model.vocab"


def test_synthetic_rows_have_exactly_the_sequence_length() -> None:
    for length in (4, 37):
        prepared = prepare("synthetic", sequence_length=length)
        assert all((np.diff(split.offsets) == length).all() for split in splits(prepared))
        assert len(prepared.labels) == 2
    assert prepare("synthetic").fingerprint != prepare("synthetic", sequence_length=17).fingerprint


def test_the_embedded_names_never_change() -> None:
    prepared = prepare("unicode-names")
    assert sum(len(split) for split in splits(prepared)) == 11_889
    assert prepared.fingerprint.startswith("2f78138eaefa")
