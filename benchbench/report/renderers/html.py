"""`html`: one self-contained page."""

from __future__ import annotations

from typing import ClassVar

from benchbench.report.rendering import Document

LIMIT_BYTES = 6_000_000


class Html:
    """As many articles as find room below `LIMIT_BYTES`, at least one; the rest stand in the overview."""

    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm")

    def text(self, document: Document) -> str:
        """See `Renderer`."""
        whole = _page(document, len(document.articles))
        if len(whole.encode()) <= LIMIT_BYTES:
            return whole
        fitting, too_many = _page(document, 1), len(document.articles)
        known = 1
        while too_many - known > 1:
            count = (known + too_many) // 2
            text = _page(document, count)
            if len(text.encode()) <= LIMIT_BYTES:
                fitting, known = text, count
            else:
                too_many = count
        return fitting


def _page(document: Document, count: int) -> str:
    from benchbench.report.html_page import page
    from benchbench.report.index_page import Label, labelled

    left_out = len(document.subjects) - count
    text = page(document.articles[:count], document.overview, document.title, left_out, language=document.language)
    return labelled(text, Label.of(document))


PLUGIN = Html()
