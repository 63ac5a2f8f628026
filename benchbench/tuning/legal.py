"""Which setups of a space can run: what the scenario's types, the preflight or the trainer refuse is never proposed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from benchbench.errors import InputError
from benchbench.record.study import Overrides
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.space import Listed, Scalar, SearchSpace, identity

Judge = Callable[[Sequence[Scenario]], Sequence[str | None]]
"""Says of scenarios why the trainer's libraries refuse each, or None."""

_ENOUGH = 4096  # setups of which one must be legal
_LARGEST_GROUP = 64  # combinations that are asked for
# Settings that the trainer's libraries judge, those together whose combination decides.
_JUDGED = (
    ("precision", "training.attention", "training.dropout"),
    ("precision", "training.compression.quantize"),
    ("training.adapter", "training.compression.quantize", "training.compression.prune"),
    ("training.activation_checkpointing",),
    ("training.frozen_layers",),
    ("parallelism.shard", "parallelism.tensor", "parallelism.communication", "parallelism.local_sgd"),
    ("parallelism.shard", "parallelism.tensor", "parallelism.bucket_mib"),
    ("parallelism.shard", "parallelism.tensor", "training.optimizer.name"),
    ("parallelism.shard", "parallelism.tensor", "training.adapter"),
    ("parallelism.shard", "parallelism.tensor", "data.batching"),
    ("parallelism.shard", "parallelism.tensor", "parallelism.local_sgd", "precision"),
    ("training.compile",),
    ("data.batching",),
    ("data.balance",),
    ("data.sequence_length",),
)
# A setting that is idle under a condition: of setups that differ in it alone, the first is proposed.
_IDLE: Mapping[str, Callable[[Scenario], bool]] = {"data.prefetch": lambda scenario: scenario.data.workers == 0}


class Legal:
    """Says of each setup of a space why it is not proposed; what was once found out is kept.

    Args of the constructor:
        scenario: what the setups change.
        space: the axes.
        admit: raises InputError for a scenario that cannot run here.
        impossible: values that do not go together, as the trainer's libraries say.
    """

    def __init__(
        self,
        scenario: Scenario,
        space: SearchSpace,
        admit: Callable[[Scenario], None],
        impossible: Mapping[str, str] | None = None,
    ) -> None:
        self._scenario, self._space, self._admit = scenario, space, admit
        self._impossible = dict(impossible or {})
        self._groups = tuple(_groups(space))
        self._known: dict[str, str | None] = {}

    def __call__(self, overrides: Overrides) -> bool:
        """Whether a setup may be proposed."""
        return self.problem(overrides) is None

    def problem(self, overrides: Overrides) -> str | None:
        """Why a setup is not proposed; None where it may be."""
        key = identity(overrides)
        if key not in self._known:
            self._known[key] = self._found(overrides)
        return self._known[key]

    def check(self) -> None:
        """Looks for a setup that may be proposed: among all, or in a large space among some thousands.

        Raises:
            InputError: there is none; says what the first one is refused for.
        """
        setups = self._space.some(_ENOUGH)
        problems = (self.problem(setup) for setup in setups)
        first = next(problems)
        if first is not None and all(problem is not None for problem in problems):
            raise InputError(
                f"no combination of these values can run; the first is refused: {first}", key="search.space"
            )

    def _found(self, overrides: Overrides) -> str | None:
        for group in self._groups:
            problem = self._impossible.get(identity({key: overrides[key] for key in group}))
            if problem is not None:
                return problem
        try:
            scenario = vary(self._scenario, overrides)
            self._admit(scenario)
        except InputError as refusal:
            return str(refusal)
        for key, is_idle in _IDLE.items():
            axis = self._space.axes.get(key)
            if isinstance(axis, Listed) and is_idle(scenario) and overrides[key] != axis.at(0):
                return f"{key} has no effect in it"
        return None


def impossible(
    scenario: Scenario, space: SearchSpace, admit: Callable[[Scenario], None], judge: Judge
) -> Mapping[str, str]:
    """What the trainer's libraries refuse of a space, asked once for the values that they judge.

    Args:
        scenario: what the setups change.
        space: the axes.
        admit: what it refuses is not asked for.
        judge: of scenarios with these values.

    Returns:
        Why, by the `identity` of the values that do not go together.
    """
    asked: dict[str, Scenario] = {}
    for group in _groups(space):
        for values in _combinations(space, group):
            try:
                varied = vary(scenario, values)
                admit(varied)
            except InputError:
                continue
            asked[identity(values)] = varied
    own, *found = judge([scenario, *asked.values()]) if asked else [None]
    if own is not None:  # then nothing is learned of the values, and whoever runs the scenario is told why
        return {}
    return {key: problem for key, problem in zip(asked, found, strict=True) if problem is not None}


def usable(space: SearchSpace, refused: Mapping[str, str]) -> Mapping[str, tuple[Scalar, ...]]:
    """The values of listed axes that are left where those are taken out that no combination has.

    Args:
        space: the axes.
        refused: what `impossible` found of it.
    """
    left: dict[str, tuple[Scalar, ...]] = {}
    for key, axis in space.axes.items():
        if isinstance(axis, Listed):
            groups = [group for group in _groups(space) if key in group]
            left[key] = tuple(
                v for v in axis.values if all(_some_combination(space, g, key, v, refused) for g in groups)
            )
    return left


def _some_combination(
    space: SearchSpace, group: tuple[str, ...], key: str, value: Scalar, refused: Mapping[str, str]
) -> bool:
    """Whether a value is in a combination of its group that is not refused."""
    with_it = [chosen for chosen in _combinations(space, group) if identity(chosen[key]) == identity(value)]
    return not with_it or any(identity(chosen) not in refused for chosen in with_it)


def _groups(space: SearchSpace) -> list[tuple[str, ...]]:
    """The judged settings that the space lists values of, by the groups that decide together."""
    listed = [key for key, axis in space.axes.items() if isinstance(axis, Listed)]
    present = (tuple(key for key in group if key in listed) for group in _JUDGED)
    models = ((key,) for key in listed if key.startswith("model."))
    return [group for group in dict.fromkeys((*present, *models)) if group]


def _combinations(space: SearchSpace, group: tuple[str, ...]) -> list[dict[str, Scalar]]:
    axes = [space.axes[key] for key in group]
    values = itertools.product(*([axis.at(index) for index in range(axis.count or 0)] for axis in axes))
    return [dict(zip(group, chosen, strict=True)) for chosen in itertools.islice(values, _LARGEST_GROUP)]
