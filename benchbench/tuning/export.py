"""A recommendation for another tool. A format is one file in `exports/`; its `PLUGIN` satisfies `Format`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from benchbench.record.study import Study
from benchbench.record.types import Run
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of
from benchbench.scenario.training_types import Lora
from benchbench.tuning.recommended import recommended_of

# Told in every case; all other settings where they are not at their defaults.
RECIPE = (
    "training.global_batch", "training.micro_batch", "training.optimizer.name", "training.optimizer.learning_rate",
    "training.optimizer.weight_decay", "training.schedule.name", "training.schedule.warmup_fraction",
    "training.max_steps", "training.gradient_clip", "training.seed", "precision",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A recommendation with everything settled that a tool asks for.

    Attributes:
        scenario: what is recommended.
        micro_batch: sequences per device per forward.
        device: `cpu`, `cuda` or `mps`.
        origin: which study it comes from, and what that says of it.
        notes: what else a reader must know.
    """

    scenario: Scenario
    micro_batch: int
    device: str
    origin: str
    notes: tuple[str, ...] = ()

    @property
    def processes(self) -> int:
        """One a device, over all nodes."""
        return self.scenario.hardware.devices * self.scenario.hardware.nodes

    @property
    def accumulation(self) -> int:
        """Forward passes a device and optimizer step."""
        return -(-self.scenario.training.global_batch // (self.scenario.plan.data * self.micro_batch))

    @property
    def warmup_steps(self) -> int:
        """Steps over which the learning rate climbs."""
        training = self.scenario.training
        return round(training.schedule.warmup_fraction * training.max_steps)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a format made of a recommendation.

    Attributes:
        text: the file.
        says: the keys of the settings that it holds.
        hints: where a setting belongs that it cannot hold, by its key.
        notes: what a user of the file must know.
    """

    text: str
    says: frozenset[str]
    hints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Format(Protocol):
    """One tool's way to be told how to train.

    Attributes:
        comment: what begins a line of comment; None where the format knows no comments.
    """

    comment: ClassVar[str | None]

    def write(self, chosen: Chosen) -> Written:
        """The recommendation as this tool reads it; a setting that has no equal there is left out, never replaced."""
        ...


def chosen_of(study: Study, runs: Sequence[Run]) -> Chosen:
    """The recommendation of a study.

    Args:
        study: the study.
        runs: the recommended setup's that are still there, oldest first; they tell what `auto` came to.
    """
    scenario = recommended_of(study)
    facts = {name: value for run in runs for repeat in run.repeats for name, value in repeat.facts.items()}
    share = scenario.training.global_batch // scenario.plan.data
    asked, seen = scenario.training.micro_batch, facts.get("micro_batch")
    notes: tuple[str, ...] = ()
    if asked != "auto":
        micro_batch = asked
    elif isinstance(seen, int):
        micro_batch = seen
    else:
        micro_batch = share
        notes = (f"no stored run tells which micro-batch fitted; the whole share of {share} may be too large",)
    advice = study.recommendation
    told = advice.verdict if advice.speedup is None else f"{advice.verdict}, {advice.speedup.value:.3g}x the baseline"
    where = ", ".join(device.name for device in study.machine.devices) or study.machine.cpu
    return Chosen(
        scenario=scenario,
        micro_batch=micro_batch,
        device=_device(scenario, facts.get("device"), bool(study.machine.devices)),
        origin=f"{scenario.name}: recommended by study {study.study} ({told}), measured on {where}",
        notes=notes,
    )


def _device(scenario: Scenario, seen: object, has_gpu: bool) -> str:
    if scenario.hardware.device != "auto":
        return scenario.hardware.device
    if isinstance(seen, str):
        return seen.partition(":")[0]
    return "cuda" if has_gpu else "cpu"


def remarks(chosen: Chosen, written: Written) -> Iterator[str]:
    """What goes with a file: where it comes from, what to know, and every setting that it does not hold."""
    yield chosen.origin
    yield from (*chosen.notes, *written.notes)
    left_out = [(key, value) for key, value in _told(chosen.scenario) if key not in written.says]
    if left_out:
        yield "not in this file, beside the model, the task, the data and the target:"
    for key, value in left_out:
        hint = written.hints.get(key)
        yield f"  {key} = {value}" + (f": {hint}" if hint else "")


def commented(text: str, lines: Iterator[str], comment: str) -> str:
    """A file with remarks at its top, below the line that names its interpreter."""
    first, newline, rest = text.partition("\n")
    head, body = (first + newline, rest) if first.startswith("#!") else ("", text)
    return head + "".join(f"{comment} {line}\n" for line in lines) + body


def every_key() -> frozenset[str]:
    """The keys of all settings that `remarks` may tell of."""
    return frozenset({*RECIPE, *(knob.key for knob in knobs_of(Scenario))})


def _told(scenario: Scenario) -> Iterator[tuple[str, object]]:
    """The settings that decide a training, with their values."""
    defaults = {key: field.default for key, field in fields_of(Scenario)}
    for key in dict.fromkeys([*(knob.key for knob in knobs_of(Scenario)), "training.seed"]):
        value = value_at(scenario, key)
        inside_adapter = key.startswith("training.adapter.")
        if (value is None and key != "training.gradient_clip") or inside_adapter:
            continue
        if key in RECIPE or value != defaults[key]:
            yield key, _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, Lora):
        return f"{value.name} (rank {value.rank}, alpha {value.alpha:g})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else value
