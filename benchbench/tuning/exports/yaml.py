"""`yaml`: a scenario that `benchbench run` measures as it is."""

from __future__ import annotations

from typing import ClassVar

from benchbench.scenario.writing import to_yaml
from benchbench.tuning.export import Chosen, Written, every_key


class ScenarioFile:
    """The whole of the recommended scenario; nothing is left out."""

    comment: ClassVar[str | None] = "#"

    def write(self, chosen: Chosen) -> Written:
        """See `Format`."""
        return Written(text=to_yaml(chosen.scenario), says=every_key())


PLUGIN = ScenarioFile()
