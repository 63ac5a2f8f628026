"""What is done about rare classes."""

import numpy as np
import pytest

from benchbench.errors import UnsupportedError
from benchbench.workload.balance import check, class_weights
from benchbench.workload.examples import IGNORED, Examples, Ragged

ONE_EACH = Examples(columns={"ids": Ragged.of([[1]] * 8)}, scalars={"label": np.asarray([0, 0, 0, 0, 0, 1, 1, 3])})
MANY = Examples(
    columns={"ids": Ragged.of([[1, 2, 3], [4, 5]]), "labels": Ragged.of([[IGNORED, 0, 1], [0, 0]])}, scalars={}
)


def test_a_class_weighs_as_much_as_it_is_rare() -> None:
    weights = class_weights(ONE_EACH, 5)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [8 / (3 * 5), 8 / (3 * 2), 0, 8 / (3 * 1), 0])


def test_the_mean_weight_of_the_labelled_positions_is_one() -> None:
    assert class_weights(ONE_EACH, 4)[ONE_EACH.scalars["label"]].mean() == pytest.approx(1)
    labels = MANY.columns["labels"].values
    weights = class_weights(MANY, 2)
    np.testing.assert_allclose(weights, [4 / (2 * 3), 4 / (2 * 1)])
    assert weights[labels[labels != IGNORED]].mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("balance", "examples", "classes", "says"),
    [
        ("class-weights", MANY, 0, "no classes to balance"),
        ("oversample", ONE_EACH, 0, "no classes to balance"),
        ("oversample", MANY, 2, "many classes"),
    ],
)
def test_what_cannot_be_balanced_is_refused(balance: str, examples: Examples, classes: int, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says) as caught:
        check(balance, examples, classes)
    assert caught.value.key == "data.balance"


def test_what_can_be_is_not() -> None:
    check("none", MANY, 0)
    check("class-weights", MANY, 2)
    check("class-weights", ONE_EACH, 4)
    check("oversample", ONE_EACH, 4)
