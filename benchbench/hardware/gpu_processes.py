"""Whose processes a GPU's driver lists: the run's own or other people's."""

from __future__ import annotations

from collections.abc import Iterable

from benchbench.hardware.process_tree import exists

_NEWCOMER_S = 1.0


class GpuProcesses:
    """The processes of one GPU, remembered from one look to the next.

    Listed before the run had processes: foreign. Later on, a process of the run's tree is ours, and one that exists
    here outside of the tree is foreign once it has been seen for a second (the tree is looked at only now and then,
    so a child of ours may be unknown for a moment). A process that does not exist here was listed by the number
    that the host gave it and we are in a container: it is taken as ours, since it came after the run began.
    """

    def __init__(self, present: Iterable[int]) -> None:
        self._foreign = set(present)
        self._ours: set[int] = set()
        self._newcomers_s: dict[int, float] = {}

    def tell(self, listed: Iterable[int], tree: frozenset[int], now_s: float) -> tuple[frozenset[int], int]:
        """Looks again.

        Args:
            listed: the process ids that the driver lists now.
            tree: the process ids of the run.
            now_s: the monotonic clock.

        Returns:
            The ids of our processes, and the number of foreign ones.
        """
        here = set(listed)
        self._ours = here & (self._ours | tree)
        self._foreign = (self._foreign & here) - tree
        unknown = here - self._ours - self._foreign
        self._newcomers_s = {pid: self._newcomers_s.get(pid, now_s) for pid in unknown}
        for pid, since_s in self._newcomers_s.items():
            if not exists(pid):
                self._ours.add(pid)
            elif now_s - since_s >= _NEWCOMER_S:
                self._foreign.add(pid)
        return frozenset(self._ours), len(self._foreign)
