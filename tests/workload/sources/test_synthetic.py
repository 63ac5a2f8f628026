"""Random rows: full ones, or lengths as they are stated."""

import numpy as np
import pytest

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.types import Data, Lengths
from benchbench.workload.preparing import prepare
from benchbench.workload.sources.synthetic import PLUGIN
from benchbench.workload.vocabulary import SEP_ID

TASK = registry.load(registry.TASKS, "sequence-classification")


def lengths(**stated: object) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    data = Data(source="synthetic", sequence_length=64, lengths=Lengths.model_validate(stated))
    drawn = PLUGIN.draw(data, 100, 20_000, 0)
    assert (drawn.values[drawn.offsets[1:] - 1] == SEP_ID).all()
    assert (drawn.values < 100).all()
    assert np.array_equal(drawn.lengths, PLUGIN.draw(data, 100, 20_000, 0).lengths)
    return drawn.lengths


def test_without_a_statement_every_row_is_full() -> None:
    assert set(PLUGIN.draw(Data(source="synthetic", sequence_length=64), 100, 50, 0).lengths) == {64}


def test_uniform_lengths() -> None:
    found = lengths(name="uniform", low=8, high=40)
    assert (found.min(), found.max()) == (8, 40)
    assert found.mean() == pytest.approx(24, abs=0.3)  # standard error 0.07
    assert np.bincount(found)[8:].min() > 480  # 606 each


def test_lognormal_lengths_are_held_to_the_sequence_length() -> None:
    found = lengths(name="lognormal", median=20.0, sigma=0.5)
    assert np.median(found) == pytest.approx(20, abs=1)
    inside = np.log(found[found < 64])
    assert inside.std() == pytest.approx(0.5, abs=0.02)
    assert found.max() == 64
    assert (found == 64).mean() == pytest.approx(0.0099, abs=0.003)  # P(Z > ln(64 / 20) / 0.5)
    assert np.log(lengths(name="lognormal", median=8.0)).std() == pytest.approx(0.6, abs=0.02)


def test_the_fingerprint_knows_the_lengths() -> None:
    data = Data(source="synthetic", sequence_length=16)
    other = data.model_copy(update={"lengths": Lengths(name="uniform", low=2, high=16)})
    full, short = (prepare(d, TASK, 100) for d in (data, other))  # type: ignore[arg-type]
    assert full.fingerprint != short.fingerprint
    assert short.train.tokens < 0.7 * full.train.tokens


@pytest.mark.parametrize(
    ("stated", "key"),
    [
        ({"name": "uniform", "low": 3}, "high"),
        ({"name": "uniform", "low": 9, "high": 3}, "high"),
        ({"name": "uniform", "low": 1, "high": 3, "median": 2.0}, "median"),
        ({"name": "uniform", "low": 1, "high": 3, "sigma": 2.0}, "sigma"),
        ({"name": "lognormal"}, "median"),
        ({"name": "lognormal", "median": 3.0, "low": 1}, "low"),
    ],
)
def test_half_a_distribution_is_refused(stated: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=r"lengths take|is above") as caught:
        Lengths.model_validate(stated)
    (problem,) = caught.value.errors()  # type: ignore[attr-defined]
    misfit = problem["ctx"]["error"]
    assert isinstance(misfit, Misfit)
    assert misfit.key == key


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"source": "unicode-names", "lengths": {"name": "lognormal", "median": 9.0}}, "data.lengths"),
        ({"source": "unicode-names", "path": "x"}, "data.path"),
        ({"source": "unicode-names", "split": {"train": "a", "validation": "b"}}, "data.split"),
        ({"source": "unicode-names", "text_column": "x"}, "data.text_column"),
        ({"source": "synthetic", "path": "x"}, "data.path"),
        ({"source": "synthetic", "clean": ["html"]}, "data.clean"),
        ({"source": "csv", "path": "x", "subset": "y"}, "data.subset"),
        ({"source": "csv", "path": "x", "revision": "y"}, "data.revision"),
        ({"source": "text", "path": "x", "text_column": "y"}, "data.text_column"),
        ({"source": "stdlib", "label_column": "y"}, "data.label_column"),
    ],
)
def test_a_setting_that_a_source_would_not_look_at_is_refused(fields: dict[str, object], key: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        prepare(Data.model_validate(fields, strict=False), TASK, 100)  # type: ignore[arg-type]
    assert caught.value.key == key
