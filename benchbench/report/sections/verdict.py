"""The verdict of a comparison in one sentence a pair, and the figures that it rests on."""

from __future__ import annotations

from benchbench.record.comparing import Pair, Side
from benchbench.record.speed import Metric
from benchbench.report.content import (
    Answer,
    Block,
    Callout,
    Cell,
    Column,
    Paragraph,
    Quantity,
    Row,
    Section,
    Table,
    Tone,
)
from benchbench.report.plugins import Plugin
from benchbench.report.subject import ComparisonSubject
from benchbench.report.wording import counted
from benchbench.stats.comparison import POWER
from benchbench.stats.estimate import Estimate
from benchbench.units import human

TITLE = "Verdict"
METRICS: dict[Metric, str] = {
    "time_to_target_s": "time to target",
    "samples_per_s": "throughput",
    "step_s": "step time",
}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TONES: dict[str, Tone] = {"faster": "good", "equivalent": "good", "slower": "bad", "inconclusive": "warning"}


def render(subject: ComparisonSubject) -> Section | None:
    """One answer a pair, a table of all runs, and what else must be known."""
    pairs = subject.comparison.pairs
    blocks: list[Block] = [
        Answer(text=_sentence(pair, letter(index), _place(subject, index)), tone=_tone(pair))
        for index, pair in _numbered(pairs)
    ]
    blocks.append(_table(pairs))
    blocks.append(Paragraph(text=_basis(subject), tone="muted"))
    notes = dict.fromkeys(note for pair in pairs for note in pair.notes)
    blocks += [Callout(tone="warning", title=_begin(note)) for note in notes]
    return Section(title=TITLE, blocks=tuple(blocks))


def letter(index: int) -> str:
    """What the run of a number is called: A, B, ..."""
    return _LETTERS[index] if index < len(_LETTERS) else f"run {index + 1}"


def _numbered(pairs: tuple[Pair, ...]) -> list[tuple[int, Pair]]:
    return list(enumerate(pairs, start=1))


def _tone(pair: Pair) -> Tone:
    return "bad" if pair.target_lost else _TONES[pair.verdict]


def _place(subject: ComparisonSubject, index: int) -> str:
    """The hardware of the first run and of another one, as a user would name it."""
    first, other = (
        ", ".join(dict.fromkeys(d.name for d in run.machine.devices)) or run.machine.cpu
        for run in (subject.runs[0], subject.runs[index])
    )
    return first if first == other else f"{other}, and {letter(0)} on {first}"


def _sentence(pair: Pair, b: str, place: str) -> str:
    a, what, threshold = letter(0), METRICS[pair.metric], f"{100 * pair.threshold:g} %"
    told = f"{change(pair.ratio.value)} ({_interval(pair)})"
    if pair.verdict in ("faster", "slower"):
        text = f"{b} is {pair.verdict} than {a}: its {what} is {told}, beyond the threshold of {threshold}, on {place}."
    elif pair.verdict == "equivalent":
        text = (
            f"{b} and {a} are equivalent: the {what} of {b} is {told}, all of that within the threshold of "
            f"{threshold}, on {place}."
        )
    else:
        text = (
            f"Inconclusive: the {what} of {b} is {told}, on {place}, which is not enough to tell whether it differs by "
            f"more than the threshold of {threshold}; {_open(pair)}."
        )
    return text + (f" But {b} does not reach the target that {a} reaches." if pair.target_lost else "")


def change(ratio: float) -> str:
    """`3.1 % higher`, for a metric of B over that of A."""
    if ratio == 1:
        return "the same"
    return f"{human(abs(ratio - 1), '%', 2)} {'higher' if ratio > 1 else 'lower'}"


def _interval(pair: Pair) -> str:
    ratio, counts = pair.ratio, dict.fromkeys(len(side.values) for side in (pair.b, pair.a))
    each = " each" if len(counts) == 1 else ""
    repeats = f"{' and '.join(str(count) for count in counts)} repeat{'' if each and ratio.n == 1 else 's'}{each}"
    times = f"{ratio.value:.3f} times that of {letter(0)}"
    if ratio.low is None and ratio.high is None:
        return f"{times}, with no interval, {repeats}"
    low, high = ("open" if b is None else f"{b:.3f}" for b in (ratio.low, ratio.high))
    return f"{times}, {100 * ratio.confidence:.4g} % interval {low} to {high}, {repeats}"


def signed(percent: float) -> str:
    """`+3.1 %`."""
    return f"{percent:+.0f} %" if abs(percent) >= 10 else f"{percent:+.2g} %"


def _open(pair: Pair) -> str:
    """What would decide a verdict that is still open."""
    if pair.more_repeats is None:
        return "no affordable number of repeats would decide it: too much noise, or too near the threshold"
    more = counted(pair.more_repeats, "more repeat")
    if pair.ratio.n < 2:
        return f"the spread between processes is unknown, so measure {more} of each"
    return f"about {more} of each would decide it, {human(POWER, '%', 2)} of the time"


def _table(pairs: tuple[Pair, ...]) -> Table:
    targeted = any(side.reach_rate is not None for pair in pairs for side in (pair.a, pair.b))
    columns = (
        Column(title=""), Column(title="run"), Column(title="repeats", numeric=True),
        Column(title="metric", minor=True), Column(title="value", numeric=True),
        *([Column(title="reached", numeric=True)] if targeted else []),
        Column(title="ratio over A", numeric=True), Column(title="verdict"),
    )  # fmt: skip
    first = pairs[0]
    rows = [Row(cells=_cells(first.a, letter(0), METRICS[first.metric], targeted, None, None))]
    rows += [
        Row(
            cells=_cells(pair.b, letter(index), METRICS[pair.metric], targeted, pair.ratio, pair.verdict),
            tone=_tone(pair),
        )
        for index, pair in _numbered(pairs)
    ]
    return Table(columns=columns, rows=tuple(rows))


def _cells(
    side: Side, name: str, metric: str, targeted: bool, ratio: Estimate | None, verdict: str | None
) -> tuple[Cell, ...]:
    rate = None if side.reach_rate is None else Quantity(value=side.reach_rate, unit="fraction")
    told: Cell = verdict if verdict is not None else "the reference"
    return (name, side.id, len(side.values), metric, side.value, *([rate] if targeted else []), ratio, told)


def _basis(subject: ComparisonSubject) -> str:
    comparison = subject.comparison
    text = "A ratio is of the means over the repeats (geometric means; the interval is Welch's, on the logarithm)."
    if any(None in side.values for pair in comparison.pairs for side in (pair.a, pair.b)):
        text += " Where a repeat missed the target it is of the medians, and has no bound on that side."
    if len(comparison.pairs) > 1:
        each, whole = 100 * comparison.pairs[0].ratio.confidence, 100 * comparison.confidence
        text += f" Each interval has {each:.4g} %, so that {whole:.4g} % holds for all verdicts together (Bonferroni)."
    return text


def _begin(note: str) -> str:
    return note[0].upper() + note[1:] if note.split(None, 1)[0].isalpha() else note


PLUGIN = Plugin(title=TITLE, order=10, takes=(ComparisonSubject,), render=render, brief=True)
