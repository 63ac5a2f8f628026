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
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import ComparisonSubject
from benchbench.report.wording import VERDICTS, counted, sentences
from benchbench.stats.comparison import POWER
from benchbench.stats.estimate import Estimate
from benchbench.units import human

TITLE = tr("Verdict")
METRICS: dict[Metric, str] = {
    "time_to_target_s": tr("time to target"),
    "samples_per_s": tr("throughput"),
    "step_s": tr("step time"),
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
    return _LETTERS[index] if index < len(_LETTERS) else tr("run {number}", number=index + 1)


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
    return (
        first if first == other else tr("{other}, and {letter} on {first}", other=other, letter=letter(0), first=first)
    )


def _sentence(pair: Pair, b: str, place: str) -> str:
    a, what, threshold = letter(0), METRICS[pair.metric], f"{100 * pair.threshold:g} %"
    told = f"{change(pair.ratio.value)} ({_interval(pair)})"
    if pair.verdict in ("faster", "slower"):
        text = tr(
            "{b} is {verdict} than {a}: its {what} is {told}, beyond the threshold of {threshold}, on {place}.",
            b=b,
            verdict=VERDICTS[pair.verdict],
            a=a,
            what=what,
            told=told,
            threshold=threshold,
            place=place,
        )
    elif pair.verdict == "equivalent":
        text = tr(
            "{b} and {a} are equivalent: the {what} of {b} is {told}, all of that within the threshold of "
            "{threshold}, on {place}.",
            b=b,
            a=a,
            what=what,
            told=told,
            threshold=threshold,
            place=place,
        )
    else:
        text = tr(
            "Inconclusive: the {what} of {b} is {told}, on {place}, which is not enough to tell whether it "
            "differs by more than the threshold of {threshold}; {open}.",
            what=what,
            b=b,
            told=told,
            place=place,
            threshold=threshold,
            open=_open(pair),
        )
    lost = tr("But {b} does not reach the target that {a} reaches.", b=b, a=a) if pair.target_lost else ""
    return sentences([text, lost])


def change(ratio: float) -> str:
    """`3.1 % higher`, for a metric of B over that of A."""
    if ratio == 1:
        return tr("the same")
    by = human(abs(ratio - 1), "%", 2)
    return tr("{share} higher", share=by) if ratio > 1 else tr("{share} lower", share=by)


def _interval(pair: Pair) -> str:
    ratio, counts = pair.ratio, dict.fromkeys(len(side.values) for side in (pair.b, pair.a))
    each = " each" if len(counts) == 1 else ""
    repeats = f"{' and '.join(str(count) for count in counts)} repeat{'' if each and ratio.n == 1 else 's'}{each}"
    times = tr("{value} times that of {letter}", value=f"{ratio.value:.3f}", letter=letter(0))
    if ratio.low is None and ratio.high is None:
        return tr("{times}, with no interval, {repeats}", times=times, repeats=repeats)
    low, high = (tr("open") if b is None else f"{b:.3f}" for b in (ratio.low, ratio.high))
    return tr(
        "{times}, {confidence} % interval {low} to {high}, {repeats}",
        times=times,
        confidence=f"{100 * ratio.confidence:.4g}",
        low=low,
        high=high,
        repeats=repeats,
    )


def signed(percent: float) -> str:
    """`+3.1 %`."""
    return f"{percent:+.0f} %" if abs(percent) >= 10 else f"{percent:+.2g} %"


def _open(pair: Pair) -> str:
    """What would decide a verdict that is still open."""
    if pair.more_repeats is None:
        return tr("no affordable number of repeats would decide it: too much noise, or too near the threshold")
    more = counted(pair.more_repeats, "more repeat")
    if pair.ratio.n < 2:
        return tr("the spread between processes is unknown, so measure {more} of each", more=more)
    return tr("about {more} of each would decide it, {power} of the time", more=more, power=human(POWER, "%", 2))


def _table(pairs: tuple[Pair, ...]) -> Table:
    targeted = any(side.reach_rate is not None for pair in pairs for side in (pair.a, pair.b))
    columns = (
        Column(title=""), Column(title=tr("run")), Column(title=tr("repeats"), numeric=True),
        Column(title=tr("metric"), minor=True), Column(title=tr("value"), numeric=True),
        *([Column(title=tr("reached"), numeric=True)] if targeted else []),
        Column(title=tr("ratio over A"), numeric=True), Column(title=tr("verdict")),
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
    told: Cell = VERDICTS[verdict] if verdict is not None else tr("the reference")
    return (name, side.id, len(side.values), metric, side.value, *([rate] if targeted else []), ratio, told)


def _basis(subject: ComparisonSubject) -> str:
    comparison = subject.comparison
    text = tr("A ratio is of the means over the repeats (geometric means; the interval is Welch's, on the logarithm).")
    if any(None in side.values for pair in comparison.pairs for side in (pair.a, pair.b)):
        text = sentences(
            [text, tr("Where a repeat missed the target it is of the medians, and has no bound on that side.")]
        )
    if len(comparison.pairs) > 1:
        each, whole = 100 * comparison.pairs[0].ratio.confidence, 100 * comparison.confidence
        together = tr(
            "Each interval has {each} %, so that {whole} % holds for all verdicts together (Bonferroni).",
            each=f"{each:.4g}",
            whole=f"{whole:.4g}",
        )
        text = sentences([text, together])
    return text


def _begin(note: str) -> str:
    return note[0].upper() + note[1:] if note.split(None, 1)[0].isalpha() else note


PLUGIN = Plugin(title=TITLE, order=10, takes=(ComparisonSubject,), render=render, brief=True)
