"""`micro_batch: auto`: the largest that fits, and no size that did not run.

The whole share of the global batch where an estimate says that it plainly fits; else what was found before on this
machine; else what bisection finds, in fresh processes, over the divisors of the share.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchbench.executors import trainer_answers
from benchbench.executors.base import Executor, Request, Watch
from benchbench.executors.fit_memory import FitMemory
from benchbench.executors.memory_room import on_gpu, room_bytes
from benchbench.hardware.inventory import machine as this_machine
from benchbench.record.machine import Machine
from benchbench.record.types import Outcome, Repeat, RunWarning
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import ModelShape, expected_bytes
from benchbench.units import human

_MARGIN = 0.9  # of the memory: what a size may take that is chosen
_PLAINLY = 0.8  # of the memory: what an estimate may come to
_TRIAL_STEPS = 3  # the optimizer's state is there from the second on
_TRIAL_S = 600.0
_CAUTION = 1.5  # times what is expected, the largest error of the memory model and the processes beside the trainer
_COMPILER_BYTES = 4 * 2**30  # torch.compile's own processes


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A micro-batch and why it is the one."""

    micro_batch: int
    reason: str


class Fitting:
    """An executor that settles an open micro-batch before it has a repeat carried out by another.

    Args of the constructor:
        inner: carries out trials and repeats.
        shape_of: what a scenario's model and rows are like; None where that is not known.
        memory: what was found before.
        machine: where the inner executor runs; None finds it out when it is needed.
        available_bytes: memory of the host that nobody uses.
    """

    def __init__(
        self,
        inner: Executor,
        *,
        shape_of: Callable[[Scenario], ModelShape | None] = trainer_answers.shape_of,
        memory: FitMemory | None = None,
        machine: Machine | None = None,
        available_bytes: Callable[[], int] = lambda: psutil.virtual_memory().available,
    ) -> None:
        self.inner = inner
        self._shape_of = shape_of
        self._memory = memory or FitMemory()
        self._given = machine
        self._available_bytes = available_bytes

    def run(self, request: Request, watch: Watch) -> Repeat:
        """Carries out one repeat (see `Executor`).

        A size that was thought to fit and ran out of memory is tried for anew, among those below, and the repeat is
        measured again; its record says so.
        """
        scenario = request.scenario
        if scenario.model is None or scenario.training.micro_batch != "auto":
            return self.inner.run(request, watch)
        end_s = time.monotonic() + request.timeout_s
        fit = self._known(scenario) or self._tried(request, divisors(_share(scenario)), watch, end_s)
        if isinstance(fit, Repeat):
            return fit
        repeat = self._measured(request, fit, watch, end_s)
        below = [d for d in divisors(_share(scenario)) if d < fit.micro_batch]
        if repeat.outcome is not Outcome.OOM or not below:
            return repeat
        lower = self._tried(request, below, watch, end_s)
        if isinstance(lower, Repeat):
            return lower
        _empty(request.folder)
        return _cautioned(self._measured(request, lower, watch, end_s), fit, lower)

    def foreseen(self, scenario: Scenario) -> Fit | None:
        """The micro-batch that a repeat would have, as far as that is known without trying."""
        asked = scenario.training.micro_batch
        if asked != "auto":
            return Fit(micro_batch=asked, reason="as asked")
        return self._known(scenario) if scenario.model is not None else None

    def _known(self, scenario: Scenario) -> Fit | None:
        found = self._memory.find(scenario, self._machine, self._limit_bytes(scenario))
        if found is not None and _share(scenario) % found == 0:
            return Fit(micro_batch=found, reason="found by trying before, on this machine")
        return self._plain(scenario)

    def _plain(self, scenario: Scenario) -> Fit | None:
        """The whole share, where it plainly fits."""
        limit_bytes, shape = self._limit_bytes(scenario), self._shape_of(scenario)
        if limit_bytes is None or shape is None:
            return None
        expected = expected_bytes(scenario, shape, _share(scenario), on_gpu=self._on_gpu(scenario))
        beside_bytes = 0 if scenario.training.compile == "none" else _COMPILER_BYTES
        needed = round(_CAUTION * expected) + beside_bytes
        if needed > _PLAINLY * limit_bytes:
            return None
        told = f"at most {human(needed, 'bytes', 2)} of {human(limit_bytes, 'bytes', 2)}"
        return Fit(micro_batch=_share(scenario), reason=f"plainly fits: {told}")

    def _tried(self, request: Request, sizes: Sequence[int], watch: Watch, end_s: float) -> Fit | Repeat:
        """The largest of some sizes that fits, by bisection; a trial that ended otherwise than it should is returned.

        Args:
            request: the repeat that wants to know.
            sizes: rising; the first is 1.
            watch: is told what is tried.
            end_s: when the repeat must be over.
        """
        scenario, best, tight = request.scenario, None, None
        low, high = 0, len(sizes) - 1
        while low <= high:
            middle = (low + high) // 2
            trial = self._trial(request, sizes[middle], watch, end_s)
            if trial.outcome is Outcome.OK and self._has_room(trial, scenario):
                best, low = sizes[middle], middle + 1
            elif trial.outcome in (Outcome.OK, Outcome.OOM) and middle:
                high = middle - 1
            elif trial.outcome is Outcome.OK:
                tight, high = sizes[0], -1
            else:
                return trial
        chosen = best or tight
        assert chosen is not None
        self._memory.keep(scenario, self._machine, self._limit_bytes(scenario), chosen)
        return Fit(micro_batch=chosen, reason="found by trying" if best else "found by trying; it hardly fits")

    def _trial(self, request: Request, size: int, watch: Watch, end_s: float) -> Repeat:
        """A few steps in a process of its own, on the longest rows, in two micro-batches where there are two."""
        watch({"event": "phase", "name": f"try a micro-batch of {size}"})
        scenario = request.scenario
        training = scenario.training.model_copy(
            update={
                "micro_batch": size,
                "global_batch": min(scenario.training.global_batch, 2 * size * scenario.plan.data),
            }
        )
        measure = scenario.measure.model_copy(
            update={"procedure": "throughput", "warmup": 0, "steps": _TRIAL_STEPS, "timeout": "auto"}
        )
        folder = request.folder / f"try-{size}"
        folder.mkdir()
        trial = self.inner.run(
            request.model_copy(
                update={
                    "scenario": scenario.model_copy(
                        update={"training": training, "measure": measure, "hardware": self._limited(scenario)}
                    ),
                    "folder": folder,
                    "timeout_s": min(_TRIAL_S, end_s - time.monotonic()),
                    "deadline_s": None,
                    "too_slow_s": None,
                    "longest_rows": True,
                }
            ),
            lambda _what: None,
        )
        if trial.outcome not in (Outcome.OK, Outcome.OOM) or (trial.outcome is Outcome.OOM and size == 1):
            shutil.copytree(folder, request.folder, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        return trial

    def _limited(self, scenario: Scenario) -> object:
        """The hardware section of a trial: on the CPU with a limit, so that no trial takes the whole host's memory."""
        hardware = scenario.hardware
        if hardware.memory_limit is not None or self._on_gpu(scenario):
            return hardware
        return hardware.model_copy(update={"memory_limit": self._limit_bytes(scenario)})

    def _measured(self, request: Request, fit: Fit, watch: Watch, end_s: float) -> Repeat:
        scenario = request.scenario
        training = scenario.training.model_copy(update={"micro_batch": fit.micro_batch})
        settled = request.model_copy(
            update={
                "scenario": scenario.model_copy(update={"training": training}),
                "timeout_s": end_s - time.monotonic(),
            }
        )
        repeat = self.inner.run(settled, watch)
        facts = {"micro_batch": fit.micro_batch, **repeat.facts, "micro_batch_chosen": fit.reason}
        return repeat.model_copy(update={"facts": facts})

    def _has_room(self, trial: Repeat, scenario: Scenario) -> bool:
        limit_bytes = self._limit_bytes(scenario)
        peak_bytes = trial.figures.peak_memory_bytes if trial.figures else None
        return limit_bytes is None or peak_bytes is None or peak_bytes <= _MARGIN * limit_bytes

    def _limit_bytes(self, scenario: Scenario) -> int | None:
        """The memory that a size must fit in."""
        return room_bytes(scenario, self._machine, self._available_bytes())

    def _on_gpu(self, scenario: Scenario) -> bool:
        return on_gpu(scenario, self._machine)

    @property
    def _machine(self) -> Machine:
        if self._given is None:
            self._given = this_machine()
        return self._given


def divisors(share: int) -> list[int]:
    """Every divisor of a number, rising."""
    return [d for d in range(1, share + 1) if share % d == 0]


def _share(scenario: Scenario) -> int:
    return scenario.training.global_batch // scenario.plan.data


def _empty(folder: Path) -> None:
    """Forgets what a repeat left that is measured again."""
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()


def _cautioned(repeat: Repeat, thought: Fit, lower: Fit) -> Repeat:
    message = (
        f"a micro-batch of {thought.micro_batch} was thought to fit ({thought.reason}) and ran out of memory; measured "
        f"again with {lower.micro_batch}"
    )
    warning = RunWarning(code="micro-batch-lowered", message=message)
    return repeat.model_copy(update={"warnings": (*repeat.warnings, warning)})
