"""Everything that a study measured, and which run speaks for a setup."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from benchbench.record.study import Importance, Trial
from benchbench.record.types import Run
from benchbench.stats.intervals import Noise
from benchbench.tuning.confirm import Confirmation
from benchbench.tuning.explaining import Explanation
from benchbench.tuning.neighbours import Around
from benchbench.tuning.outlook import Outlook
from benchbench.tuning.rank_agreement import UnderProxy
from benchbench.tuning.setups import Question, Setup
from benchbench.tuning.stop import Stop
from benchbench.tuning.verdict import Evidence, says_nothing


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that a study measured, in the order of time.

    Attributes:
        question: what was searched.
        setups: of the search, the baseline first; empty when it was interrupted before anything was measured.
        finalists: those that were to be confirmed.
        confirmation: what was measured again.
        stop: why it ended.
        explanation: what each setting does to the time, as far as it was measured.
        around: how the recommended setup fares at the neighbouring learning rates.
        importance: which settings matter, over the whole space.
        outlook: what is predicted where one training does not fit into the budget; None where one does.
        proxy: what was measured under `search.proxy` before; None where there is none.
        noise: from repeat to repeat, as the search saw it; None where it has no model of it, or was under a proxy.
    """

    question: Question
    setups: tuple[Setup, ...]
    finalists: tuple[Setup, ...]
    confirmation: Confirmation
    stop: Stop
    explanation: Explanation = field(default_factory=Explanation)
    around: Around = field(default_factory=Around)
    importance: Importance | None = None
    outlook: Outlook | None = None
    proxy: UnderProxy | None = None
    noise: Noise | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, those under the proxy first."""
        before = () if self.proxy is None else self.proxy.trials
        after = (*self.confirmation.trials, *self.explanation.trials, *self.around.trials)
        return (*before, *(s.trial for s in self.setups), *after)

    @property
    def baseline(self) -> Setup | None:
        """The baseline's setup; None when it was never measured."""
        return next((s for s in self.setups if s.trial.role == "baseline"), None)

    @property
    def rivals(self) -> tuple[Setup, ...]:
        """What the baseline is judged against: the finalists.

        Where there are none because every setup of the space missed the target in the time that it was given, those;
        after a part of the space only, nothing is settled, and there are none.
        """
        if self.finalists or self.stop is not Stop.EXHAUSTED:
            return self.finalists
        return tuple(s for s in self.setups if s.trial.role == "candidate" and s.trained and s.holds)

    def again(self, setup: Setup | None) -> Run | None:
        """A setup's run in the confirmation, if it says anything."""
        run = self.confirmation.runs.get(setup.trial.number) if setup is not None else None
        return None if run is None or says_nothing(run) else run

    def shown(self, setup: Setup | None) -> Run | None:
        """The run that speaks for a setup: that of the confirmation, else that of the search."""
        return self.again(setup) or (setup.run if setup is not None else None)

    def evidence(self, setup: Setup | None) -> Evidence:
        """What is known of a setup, and which constraints it breaks in any of its repeats."""
        evidence = Evidence.of(self.shown(setup), self.question.objective)
        return replace(evidence, breaches=self.breaches(setup))

    def breaches(self, setup: Setup | None) -> tuple[str, ...]:
        """Which constraints a setup breaks in any of its repeats, in words."""
        if setup is None:
            return ()
        same = [s for s in self.setups if s.scenario == setup.scenario or _probed(s, setup)]
        again = [self.confirmation.runs.get(s.trial.number) for s in same]
        runs = [run for run in (*(s.run for s in same), *again) if run is not None]
        return self.question.limits.breaches(repeat for run in runs for repeat in run.repeats)

    @property
    def none_holds(self) -> bool:
        """Whether there are setups with a value, and every one of them breaks a constraint."""
        valued = [s for s in self.setups if s.trial.objective is not None]
        return bool(valued) and all(self.breaches(s) for s in valued)


def _probed(probe: Setup, setup: Setup) -> bool:
    """Whether one is a probe of the other, which is a candidate."""
    pair = (probe.trial.role, setup.trial.role)
    return pair == ("probe", "candidate") and probe.trial.overrides == setup.trial.overrides
