"""BenchBench: the fastest setup that trains a model to an accuracy on the hardware at hand, and its proof."""

__version__ = "0.1.0"
