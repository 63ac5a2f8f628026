"""Why a search ends."""

from __future__ import annotations

from enum import StrEnum

REFUSALS_IN_A_ROW = 500
FAILURES_FROM_THE_START = 10
CRASHES_IN_A_ROW = 20


class Stop(StrEnum):
    """Why a search ended."""

    BUDGET = "no further measurement fits into the budget"
    SETTLED = "more search is not expected to gain anything worth its time"
    EXHAUSTED = "every setup of the space was measured"
    TRIALS = "as many setups were measured as --trials allows"
    UNKNOWN = "the baseline reached its target, and this machine does not tell what was to be minimised"
    UNTOLD = "the baseline was measured, and this machine does not tell what a constraint asks for"
    DOES_NOT_FIT = "no training fits into the budget, and what could be measured instead was"
    COMPARED = "what was found under the proxy was measured in the scenario itself"
    REFUSED = f"the last {REFUSALS_IN_A_ROW} proposals were all refused"
    FAILING = f"the first {FAILURES_FROM_THE_START} setups all failed"
    CRASHING = f"the last {CRASHES_IN_A_ROW} setups all crashed; something is wrong with more than the setups"
    INTERRUPTED = "interrupted"
