"""Datasets of local folders, as `datasets` reads them; a hub that cannot be reached, a package that is missing."""

import sys
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest

from benchbench.errors import InputError, ScenarioError, UnsupportedError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.sources.huggingface import PLUGIN

FEATURES = datasets.Features({
    "text": datasets.Value("string"),
    "label": datasets.ClassLabel(names=["neg", "pos"]),
    "tags": datasets.List(datasets.ClassLabel(names=["O", "B-X"])),
    "translation": datasets.Translation(["en", "de"]),
})  # fmt: skip


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def part(texts: Sequence[str], labels: Sequence[int]) -> datasets.Dataset:
    count = len(texts)
    rows = {"text": texts, "label": labels, "tags": [[0, 1]] * count, "translation": [{"en": "x", "de": "y"}] * count}
    return datasets.Dataset.from_dict(rows, features=FEATURES)


@pytest.fixture
def saved(tmp_path: Path) -> str:
    parts = {"train": part(["a", "b"], [0, 1]), "test": part(["c"], [1]), "hidden": part(["d"], [-1])}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    return str(tmp_path / "saved")


Shards = list[tuple[str | None, dict[str, list[object]]]]


def read(path: str | None, roles: Sequence[str] = ("text", "label"), **fields: object) -> Shards:
    data = Data.model_validate({"source": "huggingface", "path": path, **fields})
    found = PLUGIN.shards(data, roles, Costs())
    return [(split, {role: list(values) for role, values in rows.columns.items()}) for split, rows in found]


def refused(path: str | None, **fields: object) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, **fields)  # type: ignore[arg-type]
    return caught.value


def test_its_own_parts_are_the_splits_and_classes_have_their_names(saved: str) -> None:
    assert read(saved) == [
        ("train", {"text": ["a", "b"], "label": ["neg", "pos"]}),
        ("test", {"text": ["c"], "label": ["pos"]}),
    ]


def test_other_parts_are_named(saved: str) -> None:
    found = read(saved, split={"train": "test", "validation": "train"})
    assert [(split, rows["text"]) for split, rows in found] == [("train", ["c"]), ("validation", ["a", "b"])]
    error = refused(saved, split={"train": "tset", "validation": "train"})
    assert (error.key, "did you mean 'test'?" in error.message) == ("data.split.train", True)
    error = refused(saved, split={"train": "train", "validation": "train"})
    assert error.key == "data.split.validation"
    assert f"data.split.train names the part 'train' of {saved} too" in error.message
    data = Data.model_validate({"source": "huggingface", "path": saved, "split": {"train": "test", "validation": "x"}})
    assert PLUGIN.origin(data, "train") == f"{saved} (test)"


def test_columns_of_lists_and_objects(saved: str) -> None:
    (_, rows), *_ = read(saved, label_column="tags")
    assert rows["label"] == [["O", "B-X"]] * 2
    (_, rows), *_ = read(saved, ("source", "target"), source_column="translation.en", target_column="translation.de")
    assert rows == {"source": ["x", "x"], "target": ["y", "y"]}


def test_a_part_without_labels_is_refused_by_row(saved: str) -> None:
    error = refused(saved, split={"train": "train", "validation": "hidden"})
    assert "(hidden), row 1: the label -1 has no name" in error.message


def test_a_missing_column_is_named(saved: str) -> None:
    error = refused(saved, text_column="sentence")
    assert isinstance(error, ScenarioError)
    assert error.key == "data.text_column"
    assert "no column 'sentence'" in error.message


def test_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.csv").write_text("text,label\na,x\nb,y\n")
    assert read(str(tmp_path / "own")) == [("train", {"text": ["a", "b"], "label": ["x", "y"]})]


def test_a_script_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert refused(str(tmp_path / "own")).key == "data.path"
    assert not (tmp_path / "ran").exists()


def test_a_hub_that_cannot_be_reached_is_said() -> None:
    error = refused("nobody/nothing", revision="abc", subset="x")
    assert isinstance(error, UnsupportedError)
    assert "the hub cannot be reached" in error.message
    assert error.key == "data.path"


def test_revision_and_subset_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def load(*arguments: object, **named: object) -> datasets.Dataset:
        asked.extend([*arguments, named])
        return part(["a"], [0])

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert read("some/set", subset="small", revision="v1") == [("train", {"text": ["a"], "label": ["neg"]})]
    assert asked == ["some/set", "small", {"revision": "v1"}]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    error = refused("some/set")
    assert isinstance(error, UnsupportedError)
    assert "pip install 'benchbench[huggingface]'" in error.message


def test_a_name_is_needed() -> None:
    assert refused(None).key == "data.path"
