"""How many repeats of two setups are likely to tell them apart."""

from __future__ import annotations

import math

from scipy.stats import t as student_t

MOST_REPEATS = 6
NOISE_DEGREES = 4.0  # of the noise that a search saw: as much as three repeats of two setups tell
_SURE = 0.7  # of the speed-up that is expected: what the confirmation finds will differ from it


def halfwidth(noise: float, repeats: int, confidence: float) -> float:
    """Half the interval's width that the logarithm of a speed-up is expected to have.

    Args:
        noise: of the logarithm of a time, from repeat to repeat.
        repeats: of each setup.
        confidence: of the interval.
    """
    degrees = 2 * repeats - 2 + NOISE_DEGREES
    return float(student_t.ppf((1 + confidence) / 2, degrees)) * noise * math.sqrt(2 / repeats)


def repeats_to_decide(expected: float, noise: float, least: int, confidence: float) -> int | None:
    """As few repeats as make that interval narrower than the speed-up; None where the most of them do not.

    Args:
        expected: the logarithm of the speed-up.
        noise: of the logarithm of a time, from repeat to repeat.
        least: that are wanted in any case.
        confidence: of the verdict.
    """
    wanted = (n for n in range(least, MOST_REPEATS + 1) if halfwidth(noise, n, confidence) < _SURE * expected)
    return least if least > MOST_REPEATS else next(wanted, None)
