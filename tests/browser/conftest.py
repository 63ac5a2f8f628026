"""A real browser for the tests of pages: Debian's chromium, driven by Playwright, with every request refused."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from tests.browser import kinds

ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MISSING = "no chromium found, and pages are tested in a real browser: apt-get install chromium"


def chromium() -> str:
    """The browser's program."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, MISSING
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=[*ARGUMENTS, *sandbox])
        yield started
        started.close()


@pytest.fixture(scope="session", params=kinds.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a kind, made when first asked for."""
    made: dict[str, Path] = {}

    def of(name: str) -> Path:
        if name not in made:
            made[name] = kinds.KINDS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return of


@dataclass
class Opened:
    """A page in the browser, and what must stay empty: what it said on the console, and what it asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        assert self.said == []
        assert self.asked == []
        return True


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Opens a file; the context's options (`color_scheme`, `viewport`, ...) are Playwright's."""
    contexts = []

    def open_page(path: Path, **options: object) -> Opened:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        opened = Opened(page=context.new_page())
        address = path.as_uri()

        def answer(route: Route) -> None:
            if route.request.url.partition("#")[0] == address or route.request.url.startswith(("blob:", "data:")):
                route.continue_()
            else:
                opened.asked.append(route.request.url)
                route.abort()

        def listen(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                opened.said.append(message.text)

        opened.page.on("console", listen)
        opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
        opened.page.route("**/*", answer)
        opened.page.goto(address)
        return opened

    yield open_page
    for context in contexts:
        context.close()
