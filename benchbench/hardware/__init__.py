"""What the machine is and what it does while a run goes on.

    inventory.py     the machine's fingerprint;  host.py  the CPU and the container's limits
    process_tree.py  the processes below one
    probe.py         the protocol of a telemetry probe;  probes/  one file a probe
    panel.py         all probes read as one
    observer.py      the program that samples the panel from outside the training process
    progress.py      the tail of the trainer's events, told to the parent
    peaks.py         the program that measures what a device can do

NVML, however much of it a driver has, is in `nvml_library.py`; `cuda_visible.py` knows torch's device numbers and
`gpu_processes.py` whose process is whose.
"""
