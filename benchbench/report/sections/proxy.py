"""How well the proxy under which setups were compared stands for the scenario itself."""

from __future__ import annotations

from benchbench.record.study import Proxy
from benchbench.report.content import Block, Column, Paragraph, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import sentences, settings

TITLE = tr("The proxy beside the scenario")
_COMPARED = {"time_to_target_s": tr("time to target"), "step_s": tr("step time")}


def render(subject: StudySubject) -> Section | None:
    """The rank agreement in words, and every setup that was measured under both; None without a proxy."""
    proxy = subject.study.proxy
    if proxy is None:
        return None
    columns = (
        Column(title=tr("setup"), wide=True),
        Column(title=tr("{what} under the proxy", what=_COMPARED[proxy.compared]), numeric=True),
        Column(title=tr("in the scenario itself"), numeric=True),
    )
    rows = tuple(
        Row(
            cells=(
                settings(point.overrides),
                Quantity(value=point.under_proxy, unit="s"),
                Quantity(value=point.real, unit="s"),
            )
        )
        for point in proxy.points
    )
    blocks: list[Block] = [Paragraph(text=_words(proxy)), *([Table(columns=columns, rows=rows)] if rows else [])]
    return Section(title=TITLE, blocks=tuple(blocks))


def _words(proxy: Proxy) -> str:
    told = tr("Setups were compared under {proxy}.", proxy=settings(proxy.overrides))
    if proxy.kendall_tau is None:
        return sentences(
            (
                told,
                tr("Too few were measured in the scenario itself to say whether both put them in the same order."),
            )
        )
    agreement = tr(
        "Whether both put them in the same order (1: they do, -1: the opposite), by the {what} of {count} setups under "
        "both: Kendall's tau {tau}.",
        what=_COMPARED[proxy.compared],
        count=len(proxy.points),
        tau=f"{proxy.kendall_tau:.2f}",
    )
    return sentences((told, agreement))


PLUGIN = Plugin(title=TITLE, order=26, takes=(StudySubject,), render=render, brief=True)
