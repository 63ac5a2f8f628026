"""What a reader does on a page: sorts, filters, zooms, looks up, takes data away, switches theme and language."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.conftest import Opened
from tests.report.reading import Page as Read
from tests.report.searches import trials

Pages = Callable[[str], Path]
Visit = Callable[..., Opened]


@pytest.fixture
def study(pages: Pages, visit: Visit) -> Opened:
    return visit(pages("study"))


@pytest.fixture
def run(pages: Pages, visit: Visit) -> Opened:
    return visit(pages("run"))


def drawn(page: Page, nth: int = 0) -> Locator:
    plot = page.locator(".plot").nth(nth)
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    return plot


def x_range(plot: Locator) -> list[float]:
    return [float(end) for end in plot.evaluate("(plot) => plot._fullLayout.xaxis.range.map(Number)")]


def test_a_table_is_sorted_by_value_and_the_unknown_stands_last(study: Opened) -> None:
    table = study.page.locator("figure.table", has=study.page.locator("th", has_text="outcome"))
    head = table.locator("th", has_text="time to target")
    nth = head.evaluate("(head) => head.cellIndex + 1")
    values = table.locator(f"tbody td:nth-child({nth})")
    before = values.all_inner_texts()
    for order, is_down in (("ascending", False), ("descending", True)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        found = values.evaluate_all("(cells) => cells.map((cell) => cell.dataset.v ? Number(cell.dataset.v) : null)")
        known = [value for value in found if value is not None]
        assert known == sorted(known, reverse=is_down)
        assert found[len(known) :] == [None] * (len(found) - len(known))
        assert len(known) < len(found)
    head.get_by_role("button").press("Enter")
    assert values.all_inner_texts() == before
    assert study.quiet


def test_rows_are_filtered_and_the_failed_ones_stay_in_sight(study: Opened) -> None:
    table = study.page.locator("figure.table", has=study.page.locator("th", has_text="outcome"))
    rows = table.locator("tbody tr:visible")
    every = rows.count()
    table.get_by_role("button", name="Failed only").click()
    assert rows.count() == 3
    assert "no memory" in rows.nth(0).inner_text()
    table.get_by_role("searchbox").fill("REFUSED")
    assert rows.count() == 1
    assert table.locator("[data-shown]").inner_text() == "1"
    table.get_by_role("searchbox").fill("")
    table.get_by_role("button", name="Failed only").click()
    assert rows.count() == every


def test_a_chart_zooms_by_mouse_and_by_keys_and_shows_all_again(run: Opened) -> None:
    plot = drawn(run.page)
    whole = x_range(plot)
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    run.page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    run.page.mouse.down()
    run.page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    run.page.mouse.up()
    low, high = x_range(plot)
    assert whole[0] < low < high < whole[1]
    run.page.get_by_role("button", name="Whole range").first.click()
    assert x_range(plot) == whole
    plot.focus()
    run.page.keyboard.press("+")
    low, high = x_range(plot)
    assert high - low == pytest.approx((whole[1] - whole[0]) / 2)
    run.page.keyboard.press("ArrowRight")
    assert x_range(plot)[0] > low
    run.page.keyboard.press("0")
    assert x_range(plot) == whole
    assert run.quiet


def test_every_panel_of_the_devices_follows_a_zoom_in_one(run: Opened) -> None:
    nth = next(i for i, d in enumerate(Read.of(_path(run)).drawings) if len(d["layout"]["meta"]["panels"]) > 4)
    plot = drawn(run.page, nth)
    plot.focus()
    run.page.keyboard.press("+")
    axes = plot.evaluate("(plot) => [...new Set(plot._fullData.map((trace) => trace.xaxis))]")
    assert axes == ["x"]
    assert "throughput (samples/s)" in Read.of(_path(run)).drawings[nth]["layout"]["meta"]["panels"]


def test_a_point_tells_its_value(run: Opened) -> None:
    plot = drawn(run.page)
    plot.locator(".nsewdrag").first.hover()
    plot.locator(".hoverlayer .hovertext").first.wait_for()
    assert "repeat" in plot.locator(".hoverlayer").first.inner_html()
    assert run.quiet


def test_the_data_of_a_chart_can_be_taken_away(run: Opened) -> None:
    drawing = Read.of(_path(run)).drawings[0]
    drawn(run.page)
    with run.page.expect_download() as waited:
        run.page.get_by_role("button", name="Data (CSV)").first.click()
    assert waited.value.suggested_filename.endswith(".csv")
    text = Path(waited.value.path()).read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["panel", "series", drawing["layout"]["meta"]["x"], "value", "low", "high", "label"]
    assert {row[0] for row in rows} == set(drawing["layout"]["meta"]["panels"])
    for trace in drawing["data"]:
        panel = drawing["layout"]["meta"]["panels"][int(trace["yaxis"][1:] or 1) - 1]
        mine = [row for row in rows if row[:2] == [panel, trace["name"]]]
        assert [float(row[2]) for row in mine] == trace["x"]
        assert [float(row[3]) for row in mine] == trace["y"]
    assert run.quiet


def test_the_bars_and_the_paths_of_a_study_are_drawn_told_and_hidden(study: Opened) -> None:
    for title, signs in (("From the baseline", ".bars .point"), ("Each line is a trial", ".trace")):
        figure = study.page.locator("figure.chart", has=study.page.locator("figcaption", has_text=title))
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for()
        figure.locator(signs).nth(3).wait_for(state="attached")
        shown = figure.locator(signs).count()
        figure.locator(".legend button").first.click()
        assert figure.locator(signs).count() < shown
        figure.locator(".legend button").first.click()
        assert figure.locator(signs).count() == shown
    assert study.quiet


def test_the_data_of_the_paths_are_the_trials_themselves(study: Opened) -> None:
    figure = study.page.locator("figure.chart", has=study.page.locator("figcaption", has_text="Each line is a trial"))
    with study.page.expect_download() as waited:
        figure.get_by_role("button", name="Data (CSV)").click()
    head, *rows = csv.reader(io.StringIO(Path(waited.value.path()).read_text(encoding="utf-8-sig")))
    assert head[:4] == ["trial", "role", "outcome", "precision"]
    assert head[-2:] == ["time to target (s)", "kind"]
    known = {row[0]: row for row in rows}
    for trial in trials():
        row = known[str(trial.number)]
        assert row[2:4] == [trial.outcome.value, trial.overrides["precision"]]
        if trial.objective is None:
            assert row[-2] == ""
        else:
            assert float(row[-2]) == pytest.approx(trial.objective, rel=1e-3)
    assert len(rows) == len(trials())


def test_a_chart_can_be_taken_away_as_a_picture(run: Opened) -> None:
    plot = drawn(run.page)
    plot.hover()
    with run.page.expect_download() as waited:
        plot.locator(".modebar-btn").last.click()
    assert Path(waited.value.path()).read_bytes().startswith(b"\x89PNG")
    assert run.quiet


def test_a_series_is_hidden_and_stays_so_in_the_other_theme(run: Opened) -> None:
    plot = drawn(run.page)
    panels = len(Read.of(_path(run)).drawings[0]["layout"]["meta"]["panels"])
    shown = plot.locator(".scatterlayer .trace").count()
    button = run.page.locator(".legend").first.get_by_role("button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert plot.locator(".scatterlayer .trace").count() == shown - panels
    run.page.locator("#theme").click()
    assert plot.locator(".scatterlayer .trace").count() == shown - panels


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_theme_begins_with_the_systems_and_is_remembered_nowhere(
    pages: Pages, visit: Visit, scheme: str, other: str
) -> None:
    opened = visit(pages("run"), color_scheme=scheme)
    plot = drawn(opened.page)

    def seen() -> tuple[str, str]:
        line = plot.locator(".xtick text").first.evaluate("(text) => getComputedStyle(text).fill")
        return opened.page.evaluate("getComputedStyle(document.body).backgroundColor"), line

    first = seen()
    opened.page.locator("#theme").click()
    second = seen()
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert opened.page.locator("html").get_attribute("data-theme") == other
    opened.page.reload()
    plot = drawn(opened.page)
    assert seen() == first
    assert opened.quiet


def test_the_language_is_switched_in_texts_labels_and_charts_and_back(run: Opened) -> None:
    page, plot = run.page, drawn(run.page)
    english = page.locator("main").inner_text()
    page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") == "zh"
    assert page.get_by_role("heading", name="每步时间").count()
    assert "bert" in page.locator(".answer").inner_text()
    assert "达到" in page.locator(".answer").inner_text()
    assert "训练时间" in plot.locator(".xtitle").text_content()  # type: ignore[operator]
    assert page.locator(".plot").first.get_attribute("aria-label") == "学习曲线"
    page.locator("#language").click()
    assert page.locator("main").inner_text() == english
    assert run.quiet


def test_a_page_can_open_in_chinese(pages: Pages, visit: Visit, tmp_path: Path) -> None:
    from benchbench.report.html_page import page
    from benchbench.report.several import articles_of
    from benchbench.report.subject import run_subject
    from tests.report.records import run_folder

    articles = articles_of([run_subject(run_folder(tmp_path / "results"))], 1)
    (tmp_path / "zh.html").write_text(page(articles, None, "bert", language="zh"), encoding="utf-8")
    opened = visit(tmp_path / "zh.html")
    assert opened.page.locator("html").get_attribute("lang") == "zh"
    assert opened.page.get_by_role("heading", name="每步时间").count()
    drawn(opened.page)
    opened.page.locator("#language").click()
    assert opened.page.get_by_role("heading", name="Step times").count()
    assert opened.quiet


def test_a_term_is_explained_to_the_mouse_and_to_the_keyboard(run: Opened) -> None:
    term, tip = run.page.locator("dt .term").first, run.page.locator("#tip")
    term.hover()
    tip.wait_for()
    assert tip.inner_text() == run.page.locator(f"#{term.get_attribute('aria-describedby')}").text_content()
    run.page.keyboard.press("Escape")
    assert tip.is_hidden()
    run.page.mouse.move(0, 0)
    term.focus()
    tip.wait_for()
    assert "aim" not in tip.inner_text()
    run.page.keyboard.press("Tab")
    run.page.wait_for_function("document.activeElement.closest('.term') || document.getElementById('tip').hidden")


def test_every_control_is_reached_by_the_tabulator(run: Opened) -> None:
    run.page.keyboard.press("Tab")
    seen = set()
    for _ in range(60):
        seen.add(run.page.evaluate("document.activeElement.id || document.activeElement.className.split(' ')[0]"))
        run.page.keyboard.press("Tab")
    assert {"theme", "language", "term"} <= seen


def _path(opened: Opened) -> Path:
    return Path(opened.page.url.removeprefix("file://"))
