"""Terms have one explanation each, and only those on a page are listed there."""

from pathlib import Path

from benchbench.report import glossary
from benchbench.report.pages import write_run
from tests.report.reading import Page
from tests.report.records import TARGET, run_folder, scenario


def test_a_term_is_explained_and_another_word_is_not() -> None:
    assert "stalls included" in glossary.definition("step time")
    assert glossary.anchor("step time") == "term-step-time"
    assert glossary.definition("precision") == glossary.anchor("precision") == ""
    anchors = [glossary.anchor(term) for term in glossary.TERMS]
    assert len(anchors) == len(set(anchors))


def test_the_terms_of_a_page_are_listed_once() -> None:
    assert glossary.used(["throughput", "precision", "step time", "throughput"]) == ["step time", "throughput"]


def test_every_term_on_a_page_refers_to_its_explanation(tmp_path: Path) -> None:
    page = Page.of(write_run([run_folder(tmp_path, of=scenario(**TARGET))], tmp_path / "page.html"))
    ids = {a["id"] for _, a in page.tags if "id" in a}
    referred = [a["aria-describedby"] for _, a in page.tags if "aria-describedby" in a]
    assert {"term-step-time", "term-time-to-target", "term-repeat"} <= set(referred)
    assert set(referred) <= ids
    assert "stalls included" in page.text
