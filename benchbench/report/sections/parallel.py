"""Parallel coordinates over all trials: which values of the settings go together with short times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from benchbench.record.study import Trial
from benchbench.record.types import Outcome
from benchbench.report.axes import Scale
from benchbench.report.content import Axis, Cell, Column, Parallel, Path, Quantity, Row, Section, Shade, Table
from benchbench.report.language import tr
from benchbench.report.objective import objective_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import Setting, commas, counted, quantity, sentences, setting, settings

TITLE = tr("Every trial over its settings")
_SHADES: tuple[Shade, ...] = get_args(Shade)[:5]
_MOST_TRIALS, _MOST_AXES = 300, 12
_CATEGORIES = 8
_LOG_ABOVE = 10.0
_TICKS, _LETTERS = 3, 52
_VALUES_END, _NONE_AT = 0.74, 1.0
_JITTER, _GOLDEN = 0.35, 0.618034


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Where the values of a setting lie on its axis, and what its table calls them.

    Attributes:
        values: in their order; of a range its two ends.
        is_range: whether values in between have their own places.
        is_log: whether these are by ratio.
    """

    values: tuple[Setting, ...]
    is_range: bool
    is_log: bool = False

    def place(self, value: Setting, number: int) -> float:
        """A share of the axis; equal categories are spread a little by their trial, so that each path is seen."""
        if not self.is_range:
            slot = 1 / len(self.values)
            spread = ((number * _GOLDEN) % 1 - 0.5) * _JITTER * slot
            return (_index(self.values, value) + 0.5) * slot + spread
        low, high, at = (self._level(v) for v in (*self.values, value))
        return (at - low) / (high - low)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Each category, or some values of a range."""
        if not self.is_range:
            slot = 1 / len(self.values)
            room = max(3, _LETTERS // len(self.values))
            return tuple(((i + 0.5) * slot, _cut(setting(v), room)) for i, v in enumerate(self.values))
        low, high = (self._level(v) for v in self.values)
        shares = np.linspace(0, 1, _TICKS)
        levels = low + shares * (high - low)
        return tuple(
            (float(share), f"{np.exp(level) if self.is_log else level:.3g}")
            for share, level in zip(shares, levels, strict=True)
        )

    def _level(self, value: Setting) -> float:
        assert isinstance(value, int | float)
        return float(np.log(value)) if self.is_log else float(value)


def render(subject: StudySubject) -> Section | None:
    """A path a trial and a row a value; None where no setting was varied."""
    trials = sorted(subject.study.trials, key=lambda t: t.number)
    keys, same = _keys(trials)
    if len(trials) < 2 or not keys:
        return None
    drawn = trials if len(trials) <= _MOST_TRIALS else _foremost(trials)
    scales = {key: _scale([t.overrides[key] for t in trials if key in t.overrides]) for key in keys[:_MOST_AXES]}
    note = _missing(keys, same)
    blocks = (_chart(subject, drawn, scales, _notes(trials, drawn)), _table(subject, trials, scales, note))
    return Section(title=TITLE, blocks=blocks)


def _keys(trials: Sequence[Trial]) -> tuple[list[str], list[str]]:
    """The settings that differ from trial to trial, and those that do not."""
    every = list(dict.fromkeys(key for t in trials for key in t.overrides))
    seen = {key: {_exact(t.overrides[key]) for t in trials if key in t.overrides} for key in every}
    return [key for key in every if len(seen[key]) > 1], [key for key in every if len(seen[key]) == 1]


def _exact(value: Setting) -> tuple[str, Setting]:
    """A value that is told apart from its like in another type: 1 is not true."""
    return ("bool" if isinstance(value, bool) else "", value)


def _index(values: Sequence[Setting], value: Setting) -> int:
    return [_exact(one) for one in values].index(_exact(value))


def _foremost(trials: Sequence[Trial]) -> list[Trial]:
    """Of very many trials the best, and as many of those without a value."""
    valued = sorted((t for t in trials if _value(t) is not None), key=lambda t: _value(t) or 0.0)
    others = [t for t in trials if _value(t) is None]
    room = max(_MOST_TRIALS // 2, _MOST_TRIALS - len(others))
    kept = {id(t) for t in (*valued[:room], *others[: _MOST_TRIALS - min(room, len(valued))])}
    return [t for t in trials if id(t) in kept]


def _scale(values: Sequence[Setting]) -> _Scale:
    """Numbers of many values are a range; everything else is categories, numbers in their order."""
    distinct = list({_exact(v): v for v in values}.values())
    numbers = [v for v in distinct if isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v)]
    if len(numbers) == len(distinct):
        if len(distinct) > _CATEGORIES:
            low, high = min(numbers), max(numbers)
            return _Scale(values=(low, high), is_range=True, is_log=low > 0 and high > _LOG_ABOVE * low)
        return _Scale(values=tuple(sorted(numbers)), is_range=False)
    return _Scale(values=tuple(distinct), is_range=False)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _value(trial: Trial) -> float | None:
    return trial.objective if trial.objective is not None and np.isfinite(trial.objective) else None


def _chart(subject: StudySubject, drawn: Sequence[Trial], scales: Mapping[str, _Scale], caption: str) -> Parallel:
    label, unit = objective_of(subject.study)
    valued = [v for t in drawn if (v := _value(t)) is not None]
    times = _Scale(values=(min(valued), max(valued)), is_range=True) if len(set(valued)) > 1 else None
    bounds = _bounds(valued)
    paths = [_path(t, scales, times, bounds, unit) for t in drawn]
    names = [_between(bounds, i, unit) for i in range(len(bounds) - 1)]
    order = [*names, tr("no value"), tr("failed"), tr("refused")]
    return Parallel(
        title=tr("Each line is a trial, coloured by its {what}", what=label),
        axes=(
            *(Axis(label=key, ticks=scale.ticks()) for key, scale in scales.items()),
            _last(label, unit, times, drawn),
        ),
        paths=tuple(sorted(paths, key=lambda path: order.index(path.name))),
        columns=(tr("trial"), tr("role"), tr("outcome"), *scales, Scale(1.0, unit).title(label)),
        caption=caption,
    )


def _bounds(valued: Sequence[float]) -> list[float]:
    """The ends of as many classes of equal count as there are colours for."""
    if not valued:
        return []
    count = min(len(_SHADES), len(set(valued)))
    return [float(v) for v in np.quantile(valued, np.linspace(0, 1, count + 1))]


def _between(bounds: Sequence[float], index: int, unit: str) -> str:
    low, high = (quantity(v, unit) for v in bounds[index : index + 2])
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def _last(label: str, unit: str, times: _Scale | None, drawn: Sequence[Trial]) -> Axis:
    """The axis of what is minimised; those without a value meet it at its end."""
    lacking = any(_value(t) is None for t in drawn)
    none = [(_NONE_AT, tr("no value"))] if lacking else []
    if times is None:
        valued = [v for t in drawn if (v := _value(t)) is not None]
        return Axis(label=label, ticks=(*((0.0, quantity(v, unit)) for v in valued[:1]), *none))
    end = _VALUES_END if lacking else 1.0
    low, high = (float(str(v)) for v in times.values)
    levels = np.linspace(low, high, _TICKS)
    ticks = [(float(end * i / (_TICKS - 1)), quantity(float(v), unit)) for i, v in enumerate(levels)]
    return Axis(label=label, ticks=(*ticks, *none))


def _path(trial: Trial, scales: Mapping[str, _Scale], times: _Scale | None, bounds: Sequence[float], unit: str) -> Path:
    value = _value(trial)
    name, shade, dash = _kind(trial, bounds, unit)
    places = [
        scale.place(trial.overrides[key], trial.number) if key in trial.overrides else np.nan
        for key, scale in scales.items()
    ]
    end = _VALUES_END if times is not None and bounds else 1.0
    last = _NONE_AT if value is None else 0.0 if times is None else end * times.place(value, trial.number)
    told = quantity(value, unit) if value is not None else trial.outcome.value
    cells: tuple[Cell, ...] = (trial.number, trial.role, trial.outcome.value)
    return Path(
        at=np.asarray([*places, last], dtype=np.float64),
        name=name,
        shade=shade,
        dash=dash,
        label=tr("trial {number}: {setup}", number=trial.number, setup=commas([settings(trial.overrides), told])),
        cells=(*cells, *(trial.overrides.get(key) for key in scales), Quantity(value=value, unit=unit)),
    )


def _kind(trial: Trial, bounds: Sequence[float], unit: str) -> tuple[str, Shade, Literal["solid", "dash", "dot"]]:
    """Its class by time, or why it has none; the broken lines need no colours to be told apart."""
    value = _value(trial)
    if value is not None:
        index = min(int(np.searchsorted(bounds[1:-1], value, side="left")), len(bounds) - 2)
        first = next(i for i in range(len(bounds) - 1) if _between(bounds, i, unit) == _between(bounds, index, unit))
        return _between(bounds, index, unit), _SHADES[_spread(first, len(bounds) - 1)], "solid"
    if trial.outcome is Outcome.REFUSED:
        return tr("refused"), "faint", "dot"
    if trial.outcome is Outcome.OK:
        return tr("no value"), "faint", "solid"
    return tr("failed"), "bad", "dash"


def _spread(index: int, count: int) -> int:
    """Which of the five colours a class has, so that few classes have distant ones."""
    return 0 if count < 2 else round(index * (len(_SHADES) - 1) / (count - 1))


def _notes(trials: Sequence[Trial], drawn: Sequence[Trial]) -> str:
    return sentences([
        tr("Fastest: dark on light, light on dark. Broken lines are trials that failed or were refused."),
        tr("{count} of {trials} are drawn.", count=len(drawn), trials=counted(len(trials), "trial"))
        if len(drawn) < len(trials)
        else "",
    ])  # fmt: skip


def _missing(keys: Sequence[str], same: Sequence[str]) -> str:
    return sentences([
        tr("{keys} have no axis here; the table of trials has them.", keys=", ".join(keys[_MOST_AXES:]))
        if len(keys) > _MOST_AXES
        else "",
        tr("The same in every trial: {keys}.", keys=", ".join(same)) if same else "",
    ])  # fmt: skip


def _table(subject: StudySubject, trials: Sequence[Trial], scales: Mapping[str, _Scale], missing: str) -> Table:
    """Each value of each setting: how many trials had it, and the best of them."""
    label, unit = objective_of(subject.study)
    columns = (
        Column(title=tr("setting")), Column(title=tr("value")), Column(title=tr("trials"), numeric=True),
        Column(title=tr("without a value"), numeric=True),
        Column(title=tr("best {what}", what=label), unit=unit, numeric=True),
        Column(title=tr("median {what}", what=label), unit=unit, numeric=True),
    )  # fmt: skip
    rows = [
        _row(key, words, group, unit)
        for key, scale in scales.items()
        for words, group in _groups(key, scale, trials)
        if group
    ]
    note = tr("The other settings differ too, so a row says what went together, not what caused it.")
    return Table(columns=columns, rows=tuple(rows), note=sentences([note, missing]))


def _groups(key: str, scale: _Scale, trials: Sequence[Trial]) -> Iterable[tuple[str, list[Trial]]]:
    """The trials of each category, or of each third of a range."""
    having = [t for t in trials if key in t.overrides]
    if not scale.is_range:
        for value in scale.values:
            yield setting(value), [t for t in having if _exact(t.overrides[key]) == _exact(value)]
        return
    places = np.asarray([scale.place(t.overrides[key], 0) for t in having])
    edges, ticks = np.linspace(0, 1, _TICKS + 1), _edges(scale)
    for i in range(_TICKS):
        last = i == _TICKS - 1
        inside = (places >= edges[i]) & ((places <= edges[i + 1]) if last else (places < edges[i + 1]))
        group = [t for t, is_in in zip(having, inside, strict=True) if is_in]
        yield tr("{low} to {high}", low=ticks[i], high=ticks[i + 1]), group


def _edges(scale: _Scale) -> list[str]:
    low, high = (float(str(v)) for v in scale.values)
    found = np.geomspace(low, high, _TICKS + 1) if scale.is_log else np.linspace(low, high, _TICKS + 1)
    return [f"{v:.3g}" for v in found]


def _row(key: str, words: str, group: Sequence[Trial], unit: str) -> Row:
    valued = [v for t in group if (v := _value(t)) is not None]
    best, median = (float(min(valued)), float(np.median(valued))) if valued else (None, None)
    figures = (Quantity(value=best, unit=unit), Quantity(value=median, unit=unit))
    return Row(cells=(key, words, len(group), len(group) - len(valued), *figures))


PLUGIN = Plugin(title=TITLE, order=38, takes=(StudySubject,), render=render)
