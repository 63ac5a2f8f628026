"""Pages where others put them: the index of their folder, and the frame of a notebook."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from benchbench.report.index_page import write_index
from benchbench.report.loaded import LoadedRun
from benchbench.report.pages import write_run
from benchbench.report.subject import run_subject
from tests.browser import kinds
from tests.browser.conftest import Opened
from tests.browser.test_opening import RULES
from tests.report.records import run_folder

Visit = Callable[..., Opened]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a folder with two pages."""
    folder = tmp_path_factory.mktemp("reports")
    write_run([run_folder(folder / "single")], folder / "a run.html")
    kinds.of_study(folder)
    return write_index(folder)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_index_says_nothing_and_is_legible(index: Path, visit: Visit, scheme: str) -> None:
    opened = visit(index, color_scheme=scheme)
    assert opened.page.locator("tbody tr").count() == 2
    found = Axe().run(opened.page, options=RULES).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found] == []
    assert opened.quiet


def test_the_index_fits_a_narrow_window(index: Path, visit: Visit) -> None:
    opened = visit(index, viewport={"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.quiet


def test_every_link_of_the_index_leads_to_a_page_beside_it(index: Path, visit: Visit) -> None:
    links = visit(index).page.locator("tbody a")
    names = links.evaluate_all("(links) => links.map((link) => decodeURIComponent(link.pathname.split('/').pop()))")
    assert sorted(names) == ["a run.html", "study.html"]
    assert all((index.parent / name).is_file() for name in names)


def test_the_index_switches_its_language_sorts_and_goes_dark(index: Path, visit: Visit) -> None:
    opened = visit(index)
    page = opened.page
    page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") == "zh"
    assert "报告" in page.locator("h1").inner_text()
    assert "速度为基线的" in page.locator("tbody").inner_text()
    page.locator("#theme").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    names = page.locator("tbody tr td:first-child")
    page.locator("th button").nth(2).click()
    first = names.all_inner_texts()
    page.locator("th button").nth(2).click()
    assert names.all_inner_texts() == first[::-1]
    assert opened.quiet


def test_a_frame_of_a_notebook_draws_its_charts_and_its_switches_work(tmp_path: Path, visit: Visit) -> None:
    notebook = tmp_path / "notebook.html"
    shown = LoadedRun(run_subject(run_folder(tmp_path / "results")))._repr_html_()
    notebook.write_text(f"<!doctype html><meta charset='utf-8'><title>notebook</title>{shown}", encoding="utf-8")
    opened = visit(notebook)
    frame = opened.page.frame_locator("iframe")
    frame.locator(".plot").first.scroll_into_view_if_needed()
    frame.locator(".plot .main-svg").first.wait_for()
    frame.locator("#language").click()
    assert frame.locator("html").get_attribute("lang") == "zh"
    assert opened.quiet
