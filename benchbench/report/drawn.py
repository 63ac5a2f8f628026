"""What Plotly draws on a page, of each kind: its data and layout, its height, its legend."""

from __future__ import annotations

from benchbench.report import bars_drawing, figure, parallel_drawing
from benchbench.report.content import Bars, Drawable, Parallel
from benchbench.report.plotly_parts import Drawing


def drawing(block: Drawable, limit: int = figure.MOST_POINTS) -> Drawing:
    """What Plotly needs to draw a block.

    Args:
        block: what to draw.
        limit: the most points of a chart's trace.
    """
    if isinstance(block, Bars):
        return bars_drawing.drawing(block)
    return parallel_drawing.drawing(block) if isinstance(block, Parallel) else figure.drawing(block, limit)


def height_px(block: Drawable) -> int:
    """How high a block stands."""
    if isinstance(block, Bars):
        return bars_drawing.height_px(block)
    return parallel_drawing.height_px(block) if isinstance(block, Parallel) else figure.height_px(block)


def legend(block: Drawable) -> list[tuple[str, str, str]]:
    """Each name once, with its colour and the kinds of sign that stand for it; none where there is one name only."""
    if isinstance(block, Bars):
        return bars_drawing.legend(block)
    return parallel_drawing.legend(block) if isinstance(block, Parallel) else figure.legend(block)
