"""The search for the fastest setup. Knows no torch, and Optuna in one module only.

objective.py   what is minimised: seconds to the target, or seconds a sample
space.py       what may be changed: the axes of `search.space`
proposals.py   what to try next: an ordinary Optuna study, with TPE
budget.py      the budget, what of it is kept for the confirmation, and what one training may take
bench.py       how a setup is measured: one request to the executor's rounds
search.py      the loop: propose, refuse or measure, tell
confirm.py     the best and the baseline again, interleaved, with fresh seeds
verdict.py     what may be claimed of the difference
account.py     which knob the speedup comes from, what the search cost and when it pays
tune.py        the whole, from a scenario to a stored study
moments.py     what a watcher is told on the way
"""
