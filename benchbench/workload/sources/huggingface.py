"""Datasets of the Hugging Face hub, or of a local folder, through `datasets` (the extra `huggingface`).

A dataset's own training, validation and test parts are used as they are; others are named with `data.split`. No code
of a dataset is ever run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.errors import ScenarioError, UnsupportedError, nearest
from benchbench.scenario.types import Data
from benchbench.workload import columns as mapped
from benchbench.workload.costs import Costs
from benchbench.workload.files import Place, told
from benchbench.workload.rows import SPLITS, Rows, Value
from benchbench.workload.source import COLUMNS, RowSource

if TYPE_CHECKING:
    import datasets

_OWN_NAMES = {"train": ("train",), "validation": ("validation", "valid", "dev"), "test": ("test",)}
_SAVED = ("dataset_dict.json", "state.json")


class Huggingface(RowSource):
    """See `RowSource`."""

    licence = "the dataset's own (see its page)"
    settings = frozenset({"path", "subset", "revision", "split", *COLUMNS})

    def origin(self, data: Data, split: str | None) -> str:
        """See `RowSource.origin`."""
        part = split if data.split is None or split is None else getattr(data.split, split)
        return f"{data.path}" if part is None else f"{data.path} ({part})"

    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """See `RowSource.shards`."""
        if data.path is None:
            raise ScenarioError("name a dataset of the hub, or a local folder, with path", key="data.path")
        place = Place(data.path, "data.path", unit="row")
        with costs.spent("storage"), told(place):
            parts = _loaded(data, place)
        columns = mapped.mapping(data, roles)
        for split, name in _chosen(data, list(parts)).items():
            here = place._replace(url=f"{place.url} ({name})")
            mapped.check(columns, list(parts[name].column_names), here)
            for shard in mapped.in_shards(_rows(parts[name], here, columns), tuple(columns)):
                yield split, shard


def _loaded(data: Data, place: Place) -> Mapping[str, datasets.Dataset]:
    try:
        import datasets
    except ImportError as error:
        raise UnsupportedError(
            "the source 'huggingface' needs the package datasets; pip install 'benchbench[huggingface]'",
            key="data.source",
        ) from error
    datasets.disable_progress_bars()
    if any((Path(place.url) / name).is_file() for name in _SAVED):
        found = datasets.load_from_disk(place.url)
    else:
        try:
            found = datasets.load_dataset(place.url, data.subset, revision=data.revision)
        except ConnectionError as error:
            raise UnsupportedError(
                f"{place.url} is not in the local cache, and the hub cannot be reached; connect this machine, or name "
                "a local folder with path",
                key=place.key,
            ) from error
    return found if isinstance(found, Mapping) else {"train": found}


def _chosen(data: Data, there: Sequence[str]) -> dict[str, str]:
    """The part of the dataset that is each split; a split that is not here is drawn from the training rows.

    Raises:
        ScenarioError: there is no such part, or none to train on.
    """
    if data.split is None:
        own = {split: next((n for n in names if n in there), None) for split, names in _OWN_NAMES.items()}
        chosen = {split: name for split, name in own.items() if name is not None}
        if "train" not in chosen:
            raise ScenarioError(
                f"{data.path} has no part called train; name those to use with split: it has {', '.join(there)}",
                key="data.split",
            )
        return chosen
    named = {split: name for split in SPLITS if (name := getattr(data.split, split)) is not None}
    for split, name in named.items():
        if name not in there:
            raise ScenarioError(f"{data.path} has no part {name!r}: {nearest(name, there)}", key=f"data.split.{split}")
    for (first, one), (second, other) in combinations(named.items(), 2):
        if one == other:
            what = f"data.split.{first} names the part {other!r} of {data.path} too; a split needs rows of its own"
            raise ScenarioError(what, key=f"data.split.{second}")
    return named


def _rows(part: datasets.Dataset, place: Place, columns: Mapping[str, str]) -> Iterator[Sequence[Value]]:
    names = {column: _names(part.features, column) for column in columns.values()}
    wanted = [c if c in part.column_names else c.partition(".")[0] for c in columns.values()]
    number = 0
    for batch in part.select_columns(list(dict.fromkeys(wanted))).iter(batch_size=mapped.SHARD_ROWS):
        for values in zip(*batch.values(), strict=True):
            number += 1
            row = dict(zip(batch, values, strict=True))
            yield [
                mapped.value(_named(mapped.picked(row, column), names[column], place, number), role, place, number)
                for role, column in columns.items()
            ]


def _names(features: Mapping[str, object], column: str) -> Sequence[str] | None:
    """The names of the classes whose numbers stand in a column, or in its lists."""
    feature = features.get(column)
    feature = getattr(feature, "feature", feature)
    names: Sequence[str] | None = getattr(feature, "names", None)
    return names


def _named(raw: object, names: Sequence[str] | None, place: Place, number: int) -> object:
    if names is None or isinstance(raw, str) or raw is None:
        return raw
    if isinstance(raw, Sequence):
        return [_named(entry, names, place, number) for entry in raw]
    if isinstance(raw, int) and 0 <= raw < len(names):
        return names[raw]
    raise place.problem(f"the label {raw} has no name: this part is not labelled; name another with split", number)


PLUGIN = Huggingface()
