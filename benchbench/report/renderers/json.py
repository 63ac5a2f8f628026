"""`json`: every section's content as data, and each record's own document (`run --json`, `tune --json`, ...)."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from benchbench.record import document as record
from benchbench.report.content import Block, Section, Series
from benchbench.report.html_page import Article
from benchbench.report.rendering import Document
from benchbench.report.subject import AnySubject, ComparisonSubject, HistorySubject, RunSubject
from benchbench.report.thinning import kept
from benchbench.report.wording import clean
from benchbench.stats.estimate import Estimate

SCHEMA = 1
POINTS_A_SERIES = 2000


class Json:
    """A series of more than `POINTS_A_SERIES` points is thinned, its peaks kept, and says of how many it was."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    def text(self, document: Document) -> str:
        """See `Renderer`."""
        told = {article.id: article for article in document.articles}
        whole = {
            "schema": SCHEMA,
            "kind": "report",
            "title": clean(document.title),
            "overview": None if document.overview is None else _section(document.overview),
            "results": [_result(subject, told.get(subject.id)) for subject in document.subjects],
        }
        return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _result(subject: AnySubject, article: Article | None) -> dict[str, Any]:
    """One subject; `sections` is null where it stands in the overview alone."""
    return {
        "id": subject.id,
        "name": subject.scenario.name,
        "question": subject.scenario.question,
        "record": _record(subject),
        "sections": None if article is None else [_section(section) for section in article.sections],
    }


def _record(subject: AnySubject) -> dict[str, Any]:
    """The document that the subject's own command prints."""
    if isinstance(subject, ComparisonSubject):
        return {"kind": "comparison", **subject.comparison.answer(None)}
    if isinstance(subject, HistorySubject):
        return {"kind": "history", "schema": 1, **subject.series.document()}
    folder = None if subject.folder is None else str(subject.folder)
    if isinstance(subject, RunSubject):
        return {"kind": "run", "schema": 1, **record.entry(subject.run, folder)}
    return {"kind": "study", **subject.study.answer(folder, None)}


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "folded": section.folded,
        "blocks": [{"kind": type(block).__name__.lower(), **_block(block)} for block in section.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    return {name: _plain(value) for name, value in _fields(block)}


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))


def _plain(value: Any) -> Any:
    """Content as JSON has it; a number that is no number is null."""
    if isinstance(value, Series):
        return _series(value)
    if isinstance(value, Estimate):
        return value.document()
    if dataclasses.is_dataclass(value):
        return {name: _plain(part) for name, part in _fields(value)}
    if isinstance(value, tuple | np.ndarray):
        return [_plain(part) for part in (value.tolist() if isinstance(value, np.ndarray) else value)]
    return _scalar(value)


def _scalar(value: str | float | None) -> str | float | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return clean(value) if isinstance(value, str) else value


def _series(series: Series) -> dict[str, Any]:
    whole = dict(_fields(series)) | {"points": len(series.y)}
    if series.kind != "bars":
        at = kept(series.y, POINTS_A_SERIES)
        thinned = ((name, whole[name]) for name in ("x", "y", "low", "high"))
        whole |= {name: None if values is None else values[at] for name, values in thinned}
        whole["labels"] = [series.labels[i] for i in at] if series.labels else []
    return {name: _plain(value) for name, value in whole.items()}


PLUGIN = Json()
