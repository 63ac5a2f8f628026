"""Scenario in, record out. An executor never raises for a bad run: whatever happens becomes a stored outcome.

base.py         the protocol: one request is one repeat
kinds/          one file an executor: child (a fresh process tree), fake (for tests of what stands above)
supervisor.py   the small program that owns a repeat's process tree
rounds.py       scenarios x repeats, interleaved, stored
preflight.py    what can be refused before anything starts
lock.py         measurements on one machine take turns
"""
