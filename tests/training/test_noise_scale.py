"""The gradient noise scale: right where it is known, and without a trace in the training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from benchbench.stats.noise_scale import Norms, noise_scale
from benchbench.training.aside import Aside
from benchbench.training.noise_scale import NoiseScale
from benchbench.training.procedures import time_to_target
from benchbench.workload.batches import held_out
from tests.training.small import CPU, ENCODING, Recorder, loop_of, prepared, scenario


def test_the_estimates_are_unbiased_for_a_known_signal_and_noise() -> None:
    """Gradients of rows drawn from a normal distribution: |G|^2 = 4, tr(Sigma) = 50, so 12.5 rows."""
    generator = np.random.default_rng(0)
    mean, size, chunks, rows = np.array([2.0, *[0.0] * 49]), 4, 8, 32
    found = []
    for _ in range(4000):
        gradients = mean + generator.standard_normal((rows, 50))
        parts = gradients.reshape(chunks, size, 50).mean(axis=1)
        found.append(
            Norms(
                chunk_rows=size,
                chunk_square=float((parts**2).sum(axis=1).mean()),
                rows=rows,
                whole_square=float((parts.mean(axis=0) ** 2).sum()),
            )
        )
    assert np.mean([n.signal for n in found]) == pytest.approx(4.0, rel=0.03)
    assert np.mean([n.noise for n in found]) == pytest.approx(50.0, rel=0.03)
    assert noise_scale(found) == pytest.approx(12.5, rel=0.05)


def test_noise_that_hides_the_signal_is_unknown() -> None:
    assert noise_scale([]) is None
    assert noise_scale([Norms(chunk_rows=1, chunk_square=10.0, rows=8, whole_square=1.0)]) is None


def trained(*, measured: bool, **training: Any) -> tuple[Recorder, torch.nn.Module]:
    wanted = scenario(
        training={"max_steps": 12, "dropout": 0.3, **training},
        measure={"procedure": "time-to-target"},
        target={"metric": "accuracy", "at_least": 1.0, "eval_every": 4},
    )
    loop, events = loop_of(wanted)
    aside = Aside(noise_scale=NoiseScale(loop, oversample=False) if measured else None)
    time_to_target(loop, wanted, events, held_out(prepared().validation, ENCODING, CPU), math.inf, aside)
    return events, loop.parts.model


@pytest.mark.parametrize("training", [{}, {"micro_batch": 2}, {"ema": 0.9}])
def test_the_training_is_the_same_with_and_without_it(training: dict[str, Any]) -> None:
    (with_it, one), (without, other) = (trained(measured=m, **training) for m in (True, False))
    assert with_it.losses == without.losses
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert [e["metrics"] for e in with_it.of("eval")] == [e["metrics"] for e in without.of("eval")]
    assert len(with_it.of("noise-scale")) == 3
    assert not without.of("noise-scale")
    assert all(e["noise_scale_s"] > 0 for e in with_it.of("noise-scale"))


def test_the_norms_are_those_of_plain_gradients() -> None:
    wanted = scenario(training={"dropout": 0.0})
    loop, events = loop_of(wanted)
    scale = NoiseScale(loop, oversample=False)
    chunks = scale._recipe.batch(0)
    scale.estimate(events)
    (found,) = events.of("noise-scale")
    loop.parts.model.train()
    every = []
    for chunk in chunks:
        loop.parts.model.zero_grad()
        torch.nn.functional.cross_entropy(loop.parts.model(**chunk.inputs).logits, chunk.labels["label"]).backward()  # type: ignore[no-untyped-call]
        every.append(
            torch.cat([p.grad.flatten() for p in loop.parts.model.parameters() if p.grad is not None]).double()
        )
    assert found["chunk_square"] == pytest.approx(float(torch.stack([g @ g for g in every]).mean()), rel=1e-5)
    mean = torch.stack(every).mean(dim=0)
    assert found["whole_square"] == pytest.approx(float(mean @ mean), rel=1e-5)
    assert (found["rows"], found["chunk_rows"]) == (sum(c.samples for c in chunks), chunks[0].samples)
