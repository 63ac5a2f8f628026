"""Stretches of time against a clock that ticks: each tick is looked up in the plainest way."""

from __future__ import annotations

import numpy as np

from benchbench.stats.spans import NONE, exclusive, length_s, union, without


def ticks(stretches: object, last: int = 60) -> set[int]:
    pairs = [(float(b), float(e)) for b, e in np.asarray(stretches).reshape(-1, 2)]
    return {t for t in range(last) if any(b <= t < e for b, e in pairs)}


def drawn(generator: np.random.Generator, count: int) -> list[tuple[float, float]]:
    begins = generator.integers(0, 50, size=count)
    return [(float(b), float(b + d)) for b, d in zip(begins, generator.integers(0, 9, size=count), strict=True)]


def test_union_and_difference_are_those_of_sets() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        a, b = drawn(generator, int(generator.integers(0, 8))), drawn(generator, int(generator.integers(0, 8)))
        joined = union(a)
        assert ticks(joined) == ticks(a)
        assert length_s(joined) == len(ticks(a))
        assert (joined[1:, 0] > joined[:-1, 1]).all()
        assert ticks(without(joined, union(b))) == ticks(a) - ticks(b)


def test_each_time_belongs_to_the_first_layer_that_has_it() -> None:
    layers = [union([(0, 4)]), union([(2, 6), (8, 9)]), NONE, union([(0, 10)])]
    assert [length_s(layer) for layer in exclusive(layers)] == [4, 3, 0, 3]
