"""What happened: frozen observations, the crash-safe store, and what is derived from them.

types.py      a run, its repeats, their outcomes
machine.py    the machine's fingerprint (the value; benchbench.hardware fills it)
metrics.py    the telemetry metrics: name, column, unit
raw.py        the lines that a repeat leaves as it goes, read back however they end
readings.py   telemetry -> means over the measured steps
figures.py    one repeat's raw lines -> its figures;  summary.py  the repeats' figures -> estimates
tables.py     raw lines -> parquet and pandas
store.py      result folders that appear whole or not at all
"""
