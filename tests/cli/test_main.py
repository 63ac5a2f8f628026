"""The entry: one message, one exit code, never a traceback; light and quick."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.cli.app import COMMANDS
from benchbench.cli.main import run

_HEAVY = ("torch", "transformers", "optuna", "pandas", "plotly", "numpy", "pyarrow")


def benchbench(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "benchbench", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from benchbench.cli.main import run
assert run({arguments!r}) == 0
print([m for m in {_HEAVY!r} if m in sys.modules], file=sys.stderr)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[]"
    assert "Usage" in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "missing.yaml"],
        ["run", "missing.yaml", "--repeats", "0"],
        ["run", "missing.yaml", "--nonsense"],
        ["nonsense"],
        ["show", "nothing"],
        ["report", "nothing"],
        ["tune", "missing.yaml", "--budget", "1m"],
        ["tune", "missing.yaml", "--budget", "soon"],
    ],
)
def test_wrong_input_is_one_message_and_exit_code_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    assert told.out == ""
    assert list(tmp_path.iterdir()) == []


def test_with_json_an_error_is_a_document_too(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("name: s\nmodel: {family: bert}\ntask: sequence-classification\nprecison: fp32\n")
    answer = benchbench("run", "s.yaml", "--json", cwd=tmp_path)
    assert answer.returncode == 2
    document = json.loads(answer.stdout)
    assert document["schema"] == 1
    assert document["error"] == {
        "kind": "scenario", "message": "unknown key: did you mean 'precision'?", "file": "s.yaml", "line": 4,
        "key": "precison",
    }  # fmt: skip
    assert "did you mean 'precision'?" in answer.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["s.yaml"]


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -P -m benchbench schema | head -c 10"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in answer.stderr
    assert "Error" not in answer.stderr
