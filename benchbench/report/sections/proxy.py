"""How well the proxy under which setups were compared stands for the scenario itself."""

from __future__ import annotations

from benchbench.record.study import Proxy
from benchbench.report.content import Block, Column, Paragraph, Quantity, Row, Section, Table
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import settings

TITLE = "The proxy beside the scenario"
_COMPARED = {"time_to_target_s": "time to target", "step_s": "step time"}


def render(subject: StudySubject) -> Section | None:
    """The rank agreement in words, and every setup that was measured under both; None without a proxy."""
    proxy = subject.study.proxy
    if proxy is None:
        return None
    columns = (
        Column(title="setup", wide=True),
        Column(title=f"{_COMPARED[proxy.compared]} under the proxy", numeric=True),
        Column(title="in the scenario itself", numeric=True),
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
    blocks: list[Block] = [Paragraph(text=_words(proxy))]
    if rows:
        blocks.append(Table(columns=columns, rows=rows))
    return Section(title=TITLE, blocks=tuple(blocks))


def _words(proxy: Proxy) -> str:
    told = f"Setups were compared under {settings(proxy.overrides)}."
    if proxy.kendall_tau is None:
        return f"{told} Too few were measured in the scenario itself to say whether both put them in the same order."
    count = len(proxy.points)
    agreement = f"the {_COMPARED[proxy.compared]} of {count} setups under both: Kendall's tau {proxy.kendall_tau:.2f}"
    return f"{told} Whether both put them in the same order (1: they do, -1: the opposite), by {agreement}."


PLUGIN = Plugin(title=TITLE, order=26, takes=(StudySubject,), render=render, brief=True)
