"""BenchBench: the fastest setup that trains this model to this accuracy on this hardware, and why you may believe it."""

__version__ = "0.1.0"
