"""Files by URL: local, in memory, and storages that are not here; what reading waits for is counted as storage."""

import io
import time
from pathlib import Path

import fsspec
import pytest

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.files import Place, opened
from benchbench.workload.sources.csv import PLUGIN as CSV


def content(url: str) -> bytes:
    with opened(Place(url, "data.path"), Costs()) as file:
        return file.read()


def test_local_and_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"local")
    fsspec.filesystem("memory").pipe("/folder/a", b"memory")
    assert content(str(tmp_path / "a")) == b"local"
    assert content(f"file://{tmp_path}/a") == b"local"
    assert content("memory://folder/a") == b"memory"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert content("~/a") == b"local"
    monkeypatch.chdir(tmp_path)
    assert content("a") == b"local"


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("memory://nothing", ScenarioError, "there is no such file"),
        ("nope://x", ScenarioError, "Protocol not known: nope"),
        ("s3://bucket/x.csv", UnsupportedError, "s3fs"),
        ("gs://bucket/x.csv", UnsupportedError, "gcsfs"),
        ("http://127.0.0.1:9/x", ScenarioError, "or who keeps it does not answer"),
    ],
)
def test_what_is_not_here_is_said(url: str, kind: type[Exception], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("s3fs", "gcsfs"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(kind, match=says) as caught:
        content(url)
    assert url in str(caught.value)
    assert caught.value.key == "data.path"  # type: ignore[attr-defined]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x")

    def forbidden(*_arguments: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fsspec.open", forbidden)
    with pytest.raises(ScenarioError, match="it may not be read"):
        content(str(tmp_path / "a"))


class Slow(io.BytesIO):
    """Bytes whose reads take time, and may break off."""

    def __init__(self, data: bytes, wait_s: float, breaks_at: int = 1 << 60) -> None:
        super().__init__(data)
        self._wait_s, self._breaks_at = wait_s, breaks_at

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._breaks_at:
            raise OSError(5, "Input/output error")
        time.sleep(self._wait_s)
        return super().read(size)

    def open(self) -> "Slow":
        return self


def test_waiting_for_bytes_is_storage_and_parsing_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = b"text,label\n" + b"some text,x\n" * 150_000
    monkeypatch.setattr("fsspec.open", lambda *_a, **_n: Slow(rows, 0.1))
    costs = Costs()
    data = Data(source="csv", path="memory://x")
    began_s = time.perf_counter()
    count = sum(len(rows) for _, rows in costs.each("decode", CSV.shards(data, ("text", "label"), costs)))
    whole_s = time.perf_counter() - began_s
    assert count == 150_000
    assert 0.3 <= costs.seconds["storage"] < whole_s  # two reads of a MiB and the end
    assert costs.seconds["storage"] + costs.seconds["decode"] == pytest.approx(whole_s, abs=0.1)


def test_a_storage_that_breaks_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = b"text,label\n" + b"some text,x\n" * 150_000
    monkeypatch.setattr("fsspec.open", lambda *_a, **_n: Slow(rows, 0.0, breaks_at=1 << 20))
    with pytest.raises(ScenarioError, match=r"memory://x: it cannot be read: .*Input/output error"):
        list(CSV.shards(Data(source="csv", path="memory://x"), ("text", "label"), Costs()))
