"""Keeps the last and the best checkpoint of a training."""

from __future__ import annotations

import time
from pathlib import Path

from benchbench.record.checkpoint_files import BEST, LAST
from benchbench.record.reaching import goal, looks
from benchbench.scenario.scenario import Scenario
from benchbench.training import checkpoints, resuming
from benchbench.training.journal import Journal
from benchbench.training.loop import Loop
from benchbench.workload.preparing import Prepared


class Keeper:
    """Writes a checkpoint every so many steps, at the end, and where the target's metric is better than ever.

    Args of the constructor:
        folder: where; see `checkpoints`.
        loop: what is kept.
        scenario: with a target and `training.checkpoint_every`.
        prepared: its data.
    """

    def __init__(self, folder: Path, loop: Loop, scenario: Scenario, prepared: Prepared) -> None:
        assert scenario.target is not None
        assert scenario.training.checkpoint_every is not None
        self._folder, self._loop, self._scenario, self._prepared = folder, loop, scenario, prepared
        self._every, self._metric = scenario.training.checkpoint_every, scenario.target.metric
        self._goal = goal(scenario.target)

    def due(self, step: int) -> bool:
        """Whether a checkpoint is due after a step."""
        return step % self._every == 0

    def keep(self, journal: Journal, *, over: bool) -> None:
        """Writes what is to be kept of the training as it stands between two stretches; an event tells of it.

        Args:
            journal: its course so far, an evaluation of this step included.
            over: whether the training ends here.

        Raises:
            StoreError: it cannot be written.
        """
        step = self._loop.steps_taken
        links = [LAST] if over or self.due(step) else []
        links += [BEST] if self._is_best(journal) else []
        if not links:
            return
        journal.emit("phase", name="checkpoint")
        begin_s = time.monotonic()
        found = resuming.captured(self._loop, self._scenario, self._prepared, journal.kept, finished=over)
        size_bytes = checkpoints.write(self._folder, found, links)
        checkpoint_s = time.monotonic() - begin_s
        journal.emit("checkpoint", step=step, kept_as=links, checkpoint_bytes=size_bytes, checkpoint_s=checkpoint_s)

    def _is_best(self, journal: Journal) -> bool:
        """Whether the newest evaluation is of this step and better than all before."""
        found = looks(journal.lines, self._metric)
        if not found or found[-1].step != self._loop.steps_taken:
            return False
        sign = 1 if self._goal.rises else -1
        return all(sign * found[-1].value > sign * look.value for look in found[:-1])
