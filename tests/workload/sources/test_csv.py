"""Tables of text: what is read, and what is refused with its file, line and column."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.columns import SHARD_ROWS
from benchbench.workload.costs import Costs
from benchbench.workload.rows import Rows
from benchbench.workload.sources.csv import PLUGIN

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: bytes | str, name: str = "rows.csv") -> Path:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return to_file


def shards(path: Path | str | None, roles: tuple[str, ...] = ("text", "label"), **fields: object) -> list[Rows]:
    data = Data.model_validate({"source": "csv", "path": path if path is None else str(path), **fields})
    return [rows for _, rows in PLUGIN.shards(data, roles, Costs())]


def columns(path: Path | str, **fields: object) -> dict[str, list[object]]:
    return {role: list(values) for role, values in shards(path, **fields)[0].columns.items()}  # type: ignore[arg-type]


def refused(path: Path | str, key: str = "data.path", **fields: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        shards(path, **fields)  # type: ignore[arg-type]
    assert caught.value.key == key
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write: Write, delimiter: str) -> None:
    first = f'x{delimiter}"one{delimiter} ""two"""'
    file = write(f"label{delimiter}text\n{first}\ny{delimiter}three\n")
    assert columns(file) == {"text": [f'one{delimiter} "two"', "three"], "label": ["x", "y"]}


def test_the_delimiter_that_finds_the_wanted_columns_is_taken(write: Write) -> None:
    file = write("a,b,c;text;label\n1,2,3;t;l\n")
    assert columns(file) == {"text": ["t"], "label": ["l"]}


def test_a_tsv_file_has_tabs(tmp_path: Path) -> None:
    file = tmp_path / "rows.tsv"
    file.write_text("text,a\tlabel\nt\tl\n")
    assert columns(file, text_column="text,a") == {"text": ["t"], "label": ["l"]}


def test_columns_are_mapped(write: Write) -> None:
    file = write("sentence,kind\na,b\n")
    assert columns(file, text_column="sentence", label_column="kind") == {"text": ["a"], "label": ["b"]}


def test_every_role_has_a_column_of_its_own(write: Write) -> None:
    roles = ("text", "label", "source", "target", "question", "context", "answer", "answer_start")
    file = write(",".join(f"my_{role}" for role in roles) + "\n" + ",".join(roles) + "\n")
    (rows,) = shards(file, roles, **{f"{role}_column": f"my_{role}" for role in roles})
    assert {role: list(values) for role, values in rows.columns.items()} == {role: [role] for role in roles}


def test_a_byte_order_mark_windows_ends_and_breaks_inside_of_quotes(write: Write) -> None:
    file = write(b'\xef\xbb\xbftext,label\r\n"one\r\ntwo",x\r\n\r\nthree,y\r\n')
    assert columns(file) == {"text": ["one\r\ntwo", "three"], "label": ["x", "y"]}


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"text,label\na,b\n"))
    assert columns(file) == {"text": ["a"], "label": ["b"]}


def test_many_rows_come_in_shards_with_their_numbers(write: Write) -> None:
    count = SHARD_ROWS + 5
    found = shards(write("text,label\n" + "".join(f"t{n},l\n" for n in range(count))))
    assert [len(rows) for rows in found] == [SHARD_ROWS, 5]
    assert found[1].columns["text"][0] == f"t{SHARD_ROWS}"
    assert found[1].numbers.tolist() == list(range(SHARD_ROWS, count))


def test_an_answer_may_be_empty(write: Write) -> None:
    file = write("question,context,answer\nq,c,\n")
    assert shards(file, ("question", "context", "answer"))[0].columns["answer"] == ("",)


def test_a_missing_column_is_named_with_those_that_are_there(write: Write) -> None:
    said = refused(write("txt,label\na,b\n"), key="data.text_column")
    assert "no column 'text' for the text; it has 'txt', 'label'; did you mean 'txt'?" in said
    said = refused(write("text,label\na,b\n"), key="data.label_column", label_column="class")
    assert "no column 'class' for the label" in said


def test_a_column_that_is_there_twice_is_refused(write: Write) -> None:
    assert "two columns are called 'text'" in refused(write("text,text,label\na,b,c\n"), key="data.text_column")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"text,label\n", "the file holds no rows"),
        (b"text,label\na,b\nc\n", "line 3: the row has 1 fields, and the first line names 2 columns"),
        (b"text,label\na,b,c\n", "line 2: the row has 3 fields"),
        (b"text,label\na,b\n,c\n", "line 3: the text is empty"),
        (b"text,label\na, \n", "line 2: the label is empty"),
        (b"text,label\na,b\ncaf\xe9,b\n", "line 3: the byte 0xe9 is not UTF-8"),
        ("text,label\na,b\n".encode("utf-16"), "line 1: this is UTF-16"),
        (b'text,label\n"a,b\nc,d\n', "is a quote left open"),
        (b'text,label\n"a"b,c\n', "line 2: this is no CSV"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(write: Write, content: bytes, says: str) -> None:
    assert says in refused(write(content))


def test_a_quote_that_is_left_open_does_not_fill_the_memory(write: Write) -> None:
    file = write(b'text,label\n"' + (b"x" * 1000 + b"\n") * 20_000)
    assert "field larger than field limit" in refused(file)


def test_a_missing_file_is_named_with_a_near_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    assert "there is no such file; did you mean 'rows.csv'?" in refused(tmp_path / "row.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "this is a folder" in refused(tmp_path)


def test_a_damaged_packed_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"text,label\n" + b"a,b\n" * 1000)[:40])
    assert "it cannot be read" in refused(file)


def test_a_source_of_files_wants_one() -> None:
    with pytest.raises(ScenarioError, match="name one with path") as caught:
        next(PLUGIN.shards(Data(source="csv"), ("text", "label"), Costs()))
    assert caught.value.key == "data.path"


def test_a_file_for_each_split(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text(f"text,label\n{name},l\n")
    names = {split: str(tmp_path / name) for split, name in zip(("train", "validation", "test"), "abc", strict=True)}
    data = Data.model_validate({"source": "csv", "split": names})
    found = [(split, rows.columns["text"]) for split, rows in PLUGIN.shards(data, ("text", "label"), Costs())]
    assert found == [("train", ("a",)), ("validation", ("b",)), ("test", ("c",))]
    (tmp_path / "b").unlink()
    with pytest.raises(ScenarioError) as caught:
        list(PLUGIN.shards(data, ("text", "label"), Costs()))
    assert caught.value.key == "data.split.validation"


@pytest.mark.parametrize(
    "again", ["train.csv", "./train.csv", "folder/../train.csv", "link.csv", "hard.csv", "file://"]
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_file_is_that_of_one_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: str, split: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train.csv", "other.csv"):
        (tmp_path / name).write_text("text,label\na,x\nb,y\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to("train.csv")
    (tmp_path / "hard.csv").hardlink_to("train.csv")
    again = f"file://{tmp_path}/train.csv" if again == "file://" else again
    with pytest.raises(ScenarioError, match=r"data\.split\.train names this file too \(train\.csv\)") as caught:
        shards(None, split={"train": "train.csv", "validation": "other.csv", split: again})
    assert caught.value.key == f"data.split.{split}"
    assert caught.value.message.startswith(f"{again}: ")


def test_what_confirms_is_not_what_was_looked_at() -> None:
    urls = {"train": "memory://a", "validation": "memory://b/c", "test": "memory:///b//c"}
    with pytest.raises(ScenarioError, match=r"data\.split\.validation names this file too") as caught:
        shards(None, split=urls)
    assert caught.value.key == "data.split.test"
