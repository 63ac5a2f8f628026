"""Parquet files, their wanted columns alone."""

import http.server
import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pyarrow
import pytest
from pyarrow import parquet

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.sources.parquet import PLUGIN


def write(file: Path, **columns: object) -> Path:
    parquet.write_table(pyarrow.table(columns), file)
    return file


def read(path: Path | str, roles: Sequence[str] = ("text", "label"), **fields: object) -> dict[str, object]:
    data = Data.model_validate({"source": "parquet", "path": str(path), **fields})
    ((_, rows),) = PLUGIN.shards(data, roles, Costs())
    return dict(rows.columns)


def test_columns_of_every_kind(tmp_path: Path) -> None:
    labels = pyarrow.array(["x", "y"]).dictionary_encode()
    file = write(tmp_path / "a.parquet", text=[["a", "b"], ["c"]], label=labels, number=[1, 2], pair=[{"en": "e"}] * 2)
    assert read(file) == {"text": (["a", "b"], ["c"]), "label": ("x", "y")}
    assert read(file, text_column="pair.en", label_column="number") == {"text": ("e", "e"), "label": ("1", "2")}


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", text=["a", None], label=["x", "y"])
    with pytest.raises(ScenarioError, match="row 2: the text is empty"):
        read(file)
    for missing in (math.nan, None):
        write(file, text=["a", "b", "c"], label=pyarrow.array([1.0, 2.0, missing], from_pandas=False))
        with pytest.raises(ScenarioError, match=r"a\.parquet, row 3: the label is empty, .* NaN"):
            read(file)
    with pytest.raises(ScenarioError, match="there is no column 'kind'") as caught:
        read(file, label_column="kind")
    assert caught.value.key == "data.label_column"
    (tmp_path / "b.parquet").write_text("text,label\n")
    with pytest.raises(ScenarioError, match=r"b\.parquet: it cannot be read") as caught:
        read(tmp_path / "b.parquet")
    assert caught.value.key == "data.path"
    with pytest.raises(ScenarioError, match="the file holds no rows"):
        read(write(tmp_path / "c.parquet", text=pyarrow.array([], pyarrow.string()), label=pyarrow.array([], "string")))


def test_a_file_in_another_storage(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/a.parquet", write(tmp_path / "a", text=["t"], label=["l"]).read_bytes())
    assert read("memory://a.parquet") == {"text": ("t",), "label": ("l",)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server that gives files as a whole only, as many do."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_a_web_server_that_cannot_seek(tmp_path: Path, server: str) -> None:
    write(tmp_path / "a.parquet", text=["t"] * 50_000, label=["l"] * 50_000)
    data = Data(source="parquet", path=f"{server}/a.parquet")
    costs = Costs()
    assert sum(len(rows) for _, rows in PLUGIN.shards(data, ("text", "label"), costs)) == 50_000
    assert costs.seconds["storage"] > 0
    with pytest.raises(ScenarioError, match="there is no such file, or who keeps it does not answer"):
        read(f"{server}/b.parquet")
