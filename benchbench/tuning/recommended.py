"""A study's recommendation and its baseline as scenarios, from `study.json` alone."""

from __future__ import annotations

from benchbench.record.study import Study
from benchbench.scenario.engines import value_at
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.space import plain


def baseline_of(study: Study) -> Scenario:
    """What a user runs today."""
    return vary(study.scenario, dict(study.baseline.overrides))


def is_baseline(study: Study) -> bool:
    """Whether the study recommends to keep what is run today.

    The space's values alone do not tell: a baseline may differ from the scenario in keys that are not searched.
    """
    advice, baseline = study.recommendation, baseline_of(study)
    alike = all(plain(value_at(baseline, key)) == value for key, value in advice.overrides.items())
    return alike and advice.run_ids == study.baseline.run_ids


def recommended_of(study: Study) -> Scenario:
    """What the study recommends, as its `recommended.yaml` has it."""
    return baseline_of(study) if is_baseline(study) else vary(study.scenario, study.recommendation.overrides)
