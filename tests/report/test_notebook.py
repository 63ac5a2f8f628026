"""What `benchbench.load` gives shows itself in a notebook: a real kernel runs the cells and sends what it displays."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import benchbench
from tests.report.reading import Page
from tests.report.records import TARGET, run_folder, scenario, study_folder
from tests.report.searches import searched

SOURCE = Path(benchbench.__file__).parent.parent
CELLS = (
    "import benchbench",
    "benchbench.load('20260101-000000', out='results')",
    "benchbench.load('20260101-000001-bert-bbbb', out='results')",
    "benchbench.load('20260101-000000', '20260101-000002', out='results')",
    "benchbench.load('20260101-000000', out='results').summary",
    "benchbench.load('20260101-000001-bert-bbbb', out='results').trials.head(3)",
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each cell displays, by its MIME type; the kernel is this very interpreter."""
    folder = tmp_path_factory.mktemp("notebook")
    runs = {
        role: run_folder(folder / "results", f"20260101-00000{number}-bert-aaaa", of=scenario(**TARGET))
        for role, number in (("baseline", 0), ("recommendation", 2))
    }
    study_folder(folder / "results", searched(runs))
    kernels = folder / "share" / "kernels" / "here"
    kernels.mkdir(parents=True)
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": start, "display_name": "here", "language": "python", "env": {"PYTHONPATH": str(SOURCE)}}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", os.fspath(folder / "share"))
        patch.setenv("IPYTHONDIR", os.fspath(folder / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", os.fspath(folder / "runtime"))
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, kernel_name="here", timeout=120, resources=resources).execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.parametrize(("cell", "kind", "words"), [
    (1, "run", "reaches accuracy of at least 0.8"), (2, "study", "1.83"), (3, "comparison", "times that of A"),
])  # fmt: skip
def test_a_result_shows_its_page_in_a_closed_frame(shown: list[Any], cell: int, kind: str, words: str) -> None:
    (output,) = shown[cell]
    assert output.output_type == "execute_result"
    assert output.data["text/plain"].startswith(f"<benchbench {kind} ")
    ((tag, attributes),) = Page(output.data["text/html"]).tags
    assert (tag, attributes["sandbox"]) == ("iframe", "allow-scripts allow-downloads")
    inside = Page(attributes["srcdoc"])
    assert words in inside.text
    assert inside.drawings
    assert words in output.data["text/markdown"].replace("\\", "")


def test_frames_show_themselves_as_pandas_shows_them(shown: list[Any]) -> None:
    assert shown[0] == [], "importing says nothing"
    for cell, words in ((4, "step_s"), (5, "data.batching")):
        (output,) = shown[cell]
        assert words in output.data["text/html"]
        assert "<table" in output.data["text/html"]
