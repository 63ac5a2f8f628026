"""Every kind of page opens in a real browser: quietly, quickly, whole, legible, and usable by everyone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Opened

LIMIT_BYTES = 6_000_000
USABLE_S = 2.0
IN_SIGHT = """
[...document.querySelectorAll(".plot")].every((plot) =>
  plot.getBoundingClientRect().top > innerHeight || plot.querySelector("svg"))
"""
Pages = Callable[[str], Path]
Visit = Callable[..., Opened]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


def read_whole(page: Page) -> None:
    """Scrolls through, so that every chart is drawn."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for _ in range(40):
        page.mouse.wheel(0, 2000)
        page.wait_for_timeout(10)
        if page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
            break
    page.wait_for_function("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))")


def test_it_says_and_asks_nothing_and_draws_every_chart(kind: str, pages: Pages, visit: Visit) -> None:
    opened = visit(pages(kind))
    read_whole(opened.page)
    for plot in opened.page.query_selector_all(".plot"):
        assert plot.query_selector(".trace, .bars path, .point") is not None
    assert opened.page.locator(".plot").count()
    assert opened.quiet


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(kind: str, pages: Pages, visit: Visit, scheme: str) -> None:
    opened = visit(pages(kind), color_scheme=scheme)
    read_whole(opened.page)
    found = Axe().run(opened.page, options=RULES).response["violations"]
    told = [(v["id"], [(n["html"][:200], n["failureSummary"]) for n in v["nodes"][:3]]) for v in found]
    assert told == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off_at_the_side(kind: str, pages: Pages, visit: Visit, width: int) -> None:
    opened = visit(pages(kind), viewport={"width": width, "height": 844})
    read_whole(opened.page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = opened.page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].filter((e) => e.childNodes.length && !e.closest('svg'))"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11
    answer = opened.page.locator(".answer, .head").first
    assert answer.bounding_box()["y"] < 844  # type: ignore[index]


def test_it_is_small_and_soon_usable(kind: str, pages: Pages, visit: Visit) -> None:
    path = pages(kind)
    assert path.stat().st_size < LIMIT_BYTES
    assert _usable_s(visit(path)) < USABLE_S


def _usable_s(opened: Opened) -> float:
    """The work of the page's thread, in CPU seconds, until a control has obeyed and the charts in sight are drawn."""
    session = opened.page.context.new_cdp_session(opened.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    opened.page.reload()
    opened.page.locator("#theme").click()
    opened.page.wait_for_function(IN_SIGHT)
    assert opened.quiet
    metrics = session.send("Performance.getMetrics")["metrics"]
    worked_s = next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")
    assert worked_s > 0.01
    return worked_s


def test_it_prints(kind: str, pages: Pages, visit: Visit, tmp_path: Path) -> None:
    opened = visit(pages(kind), color_scheme="dark")
    printed = opened.page.pdf(path=tmp_path / "page.pdf", format="A4", print_background=True)
    assert printed.startswith(b"%PDF")
    opened.page.emulate_media(media="print")
    assert opened.page.locator(".controls").is_hidden()
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.quiet
