"""What the machine is and what it does while a run goes on.

inventory.py   the machine's fingerprint
probe.py       the protocol of a telemetry probe;  probes/  one file a probe
observer.py    the program that samples the probes from outside the training process
"""
