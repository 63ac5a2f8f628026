"""Which settings matter: each one's share of the differences between the setups of the space.

Where the search has a model of its measurements, its own main effects say it: the variance, over the whole space, of
the logarithm of the objective that one setting alone explains (the first-order terms of functional ANOVA; Hutter,
Hoos and Leyton-Brown, ICML 2014). Optuna's evaluators see completed trials alone; here those are few,
probes and trainings that were cut short are not among them, and they crowd where the search went. They speak where
there is no model: PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), which needs no scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import optuna

from benchbench.record.study import Importance, Overrides
from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.setups import Question

_SETUPS = 2_000
_BINS = 10  # of a continuum
_FEWEST = 4  # completed trials


def importance_of(question: Question, proposer: Proposer) -> Importance | None:
    """The shares of the space's settings, largest first; None where nothing tells them apart.

    Args:
        question: what was searched.
        proposer: holds what was measured.
    """
    setups = list(question.space.some(_SETUPS))
    standing = proposer.standing(setups)
    if standing is None:
        return _by_optuna(proposer.study)
    shares = _main_effects(Encoding(question.scenario, question.space), setups, standing.logs)
    return Importance(by="model", shares=shares) if shares else None


def _main_effects(encoding: Encoding, setups: Sequence[Overrides], logs: Sequence[float]) -> dict[str, float]:
    """By key: the variance of the means over all setups that share a value, or a tenth of a range."""
    values, coordinates = np.asarray(logs), encoding.encode(setups).coordinates
    effects = {
        column.key: _variance_of_means(values, coordinates[:, index]) for index, column in enumerate(encoding.columns)
    }
    return _shares(effects)


def _variance_of_means(values: np.ndarray, coordinates: np.ndarray) -> float:
    distinct, group = np.unique(coordinates, return_inverse=True)
    if len(distinct) > _BINS:
        low, high = coordinates.min(), coordinates.max()
        group = np.minimum((_BINS * (coordinates - low) / (high - low)).astype(int), _BINS - 1)
    counts = np.bincount(group)
    means = np.bincount(group, weights=values)[counts > 0] / counts[counts > 0]
    return float(np.average((means - values.mean()) ** 2, weights=counts[counts > 0]))


def _by_optuna(study: optuna.Study) -> Importance | None:
    completed = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(completed) < _FEWEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is called experimental
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (RuntimeError, ValueError):  # every trial has one value, or no setting is in all of them
            return None
    shares = _shares(found)
    return Importance(by="ped-anova", shares=shares) if shares else None


def _shares(effects: Mapping[str, float]) -> dict[str, float]:
    """As parts of 1, the largest first; none where nothing makes a difference."""
    total = sum(effects.values())
    if not total > 0:
        return {}
    return {key: effects[key] / total for key in sorted(effects, key=lambda key: -effects[key])}
