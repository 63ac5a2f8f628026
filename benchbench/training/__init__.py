"""The one measured loop, as a program of its own: executors start it and never import it.

__main__.py    the program: scenario in, events out
program.py     builds what a scenario asks for and runs it
loop.py        the measured loop
optimizers/    the update rules; schedules.py the learning rate's course
levers.py      what acts around an update: penalties.py, pruning.py, averaging.py
compression.py the compressed copy that a target looks at (quantization.py); effect.py what it bought
layers.py      the linear layers of a transformer's body
clock.py       when a step ended, on the CPU and on a device that runs ahead
stopping.py    when the warm-up is over and when enough was measured
procedures.py  the two procedures: throughput, time to target
events.py      what happened, one JSON line at a time
failures.py    what goes wrong, and the outcome that it stands for
"""
