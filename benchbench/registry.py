"""Plug-in discovery: a plug-in is one module in its kind's package, named after what a scenario calls it.

Names come from the file names alone, so that a scenario can be checked without importing what it names:
`sequence-classification` is `benchbench/workload/tasks/sequence_classification.py`, which defines `PLUGIN`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache

from benchbench.errors import UnsupportedError, nearest

TASKS = "benchbench.workload.tasks"
SOURCES = "benchbench.workload.sources"
PROBES = "benchbench.hardware.probes"
EXECUTORS = "benchbench.executors.kinds"
STRATEGIES = "benchbench.training.strategies"
SECTIONS = "benchbench.report.sections"
EXPORTS = "benchbench.tuning.exports"
METHODS = "benchbench.tuning.methods"
RENDERERS = "benchbench.report.renderers"
TRACKERS = "benchbench.report.trackers"


@cache
def names(kind: str) -> tuple[str, ...]:
    """Every plug-in of a kind, sorted, without importing one.

    Args:
        kind: the package that holds the kind, such as `registry.TASKS`.
    """
    spec = importlib.util.find_spec(kind)
    assert spec is not None, kind
    assert spec.submodule_search_locations is not None, kind
    modules = pkgutil.iter_modules(spec.submodule_search_locations)
    return tuple(sorted(m.name.replace("_", "-") for m in modules if not m.name.startswith("_")))


def load(kind: str, name: str) -> object:
    """The plug-in's `PLUGIN`: what its module offers, of the kind's protocol.

    Raises:
        UnsupportedError: no plug-in of that name.
    """
    if name not in names(kind):
        raise UnsupportedError(f"no {kind.rpartition('.')[2]} plug-in is called {name!r}: {nearest(name, names(kind))}")
    return importlib.import_module(f"{kind}.{name.replace('-', '_')}").PLUGIN
