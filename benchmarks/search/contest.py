"""How good the search's answers are, beside its rivals' (`python -m benchmarks.search.contest`).

On recorded surfaces, at the cost of ten trainings of the baseline, confirmation included: how much slower the
recommendation truly is than the best setup (regret), how often "faster" is claimed and false, how often the speed-up's
interval covers the truth. Tables are generated (see `surfaces`), or given as CSV files beside a `NAME.baseline.yaml`.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.records import Scalar, comparable
from benchbench.record.machine import Machine
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse
from benchbench.tuning.tune import TuneRequest, tune
from benchmarks.search.arena import Setup, Table, table
from benchmarks.search.rivals import RIVALS, recommended
from benchmarks.search.surfaces import KINDS, surface

OURS = "benchbench"
BUDGET = 10.0  # trainings of the baseline
SEEDS, TABLES = 20, 4
TARGETS = {"mixed": (0.05, 0.25), "needle": (0.05, 0.30), "noisy": (0.12, 0.35), "real": (0.10, 0.35)}
RECORDED = Path(__file__).parent / "recorded"
_CLEARLY = 1.5
_MACHINE = Machine(os="Linux", architecture="x86_64", cpu="a table", cpus=1, cpus_usable=1, memory_bytes=2**33)
_SHOWN_MOST = 99.0


@dataclass(frozen=True, kw_only=True)
class Played:
    """One search of one table.

    Attributes:
        method: who searched.
        table: its name;  kind: of it.
        seed: of the search.
        regret: of the recommendation.
        spent: of the budget, a fraction.
        best: the best speed-up that there is over the baseline;  true: that of the recommendation.
        verdict, low, high: what was claimed of it; empty and None of a rival, which claims nothing.
        real_s: seconds that the search itself took.
        requests: measurements.
    """

    method: str
    table: str
    kind: str
    seed: int
    regret: float
    spent: float
    best: float
    true: float
    verdict: str = ""
    low: float | None = None
    high: float | None = None
    real_s: float = 0.0
    requests: int = 0


def play(method: str, of: Table, seed: int, budget: float = BUDGET) -> Played:
    """Lets a method search a table."""
    budget_s = budget * of.baseline_cost_s
    best = of.true_s(of.baseline) / min(of.truth.values())
    about: dict[str, Any] = {"method": method, "table": of.records.name, "kind": of.kind, "seed": seed, "best": best}
    if method != OURS:
        setup = recommended(method, of, budget_s, seed)
        return Played(**about, regret=_capped(of.regret(setup)), spent=1.0, true=_true(of, setup))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        asked = scenario_of(of)
        executor = ReplayExecutor(of.records, asked)
        request = TuneRequest(
            scenario=asked, budget_s=budget_s, out=Path(folder), machine=_MACHINE, seed=seed, admit=executor.admit,
            replayed_from=of.records.name,
        )  # fmt: skip
        study = tune(request, executor, clock=executor.clock).study
    advice = study.recommendation
    speedup = advice.speedup
    return Played(
        **about,
        regret=_capped(of.regret(advice.overrides)),
        spent=study.spent_s / budget_s,
        true=_true(of, advice.overrides),
        verdict=advice.verdict,
        low=None if speedup is None else speedup.low,
        high=None if speedup is None else speedup.high,
        real_s=time.perf_counter() - began,
        requests=len(study.trials),
    )


def scenario_of(of: Table) -> Scenario:
    """A scenario that searches a table."""
    plain = Scenario.model_validate({
        "name": "table", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "target": {"metric": "accuracy", "at_least": 0.9},
    })  # fmt: skip
    space = {key: list(values) for key, values in of.space.items()}
    return vary(plain, {"search.space": space, "search.baseline": dict(of.baseline)})


def _capped(regret: float) -> float:
    return min(regret, _SHOWN_MOST)


def _true(of: Table, setup: Setup) -> float:
    return of.true_s(of.baseline) / of.true_s(setup)


def generated(kind: str, seed: int, folder: Path) -> Table:
    """A table of our own generator, whose truth is known without noise."""
    made = surface(kind, seed)
    file = folder / f"{made.name}.csv"
    file.write_text(made.csv(), encoding="utf-8")
    truth = {tuple(map(comparable, values)): time_s for values, time_s in made.truth.items()}
    return table(file, cast("Setup", made.baseline), truth)


def recorded_tables() -> list[Path]:
    """The recorded tables: those that a baseline stands beside."""
    beside = sorted(RECORDED.glob("*.baseline.yaml"))
    return [file.with_name(file.name.removesuffix(".baseline.yaml") + ".csv") for file in beside]


def recorded(file: Path) -> Table:
    """A table from a file, whose baseline stands beside it."""
    beside = file.with_name(file.name.removesuffix(".csv") + ".baseline.yaml")
    baseline: Setup = cast("dict[str, Scalar]", parse(beside.read_text(encoding="utf-8"), str(beside)).data)
    return table(file, baseline)


def summary(played: Sequence[Played]) -> dict[str, dict[str, dict[str, float]]]:
    """Regrets of every kind and method, pooled over its tables and seeds."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for one in played:
        found.setdefault(one.kind, {}).setdefault(one.method, {})
    for kind, methods in found.items():
        for method in methods:
            regrets = [p.regret for p in played if (p.kind, p.method) == (kind, method)]
            methods[method] = {
                "searches": len(regrets),
                "regret_median": float(np.median(regrets)),
                "regret_p90": float(np.quantile(regrets, 0.9)),
            }
    return found


def claims(played: Sequence[Played]) -> dict[str, float]:
    """How far what was claimed is true."""
    ours = [p for p in played if p.method == OURS]
    faster = [p for p in ours if p.verdict == "faster"]
    bounded = [p for p in ours if p.low is not None and p.high is not None and math.isfinite(p.true)]
    clear = [p for p in ours if p.best >= _CLEARLY]
    flat = [p for p in ours if p.kind == "flat"]
    return {
        "searches": len(ours),
        "faster_claimed": len(faster),
        "faster_false": _share([p.true <= 1 for p in faster]),
        "interval_covers": _share([(p.low or 0) <= p.true <= (p.high or 0) for p in bounded]),
        "faster_said_where_best_is_1.5x": _share([p.verdict == "faster" for p in clear]),
        "flat_called_faster": _share([p.verdict == "faster" for p in flat]),
        "flat_spent": float(np.mean([p.spent for p in flat])) if flat else math.nan,
        "real_s_a_search": float(np.mean([p.real_s for p in ours])) if ours else math.nan,
    }


def _share(holds: Sequence[bool]) -> float:
    return float(np.mean(holds)) if holds else math.nan


def _show(found: Mapping[str, Mapping[str, Mapping[str, float]]], claimed: Mapping[str, float]) -> None:
    console = Console(stderr=True)
    for kind, methods in found.items():
        wanted = TARGETS.get(kind)
        goal = f", wanted {wanted[0]:.0%} and {wanted[1]:.0%}" if wanted else ""
        grid = Grid("method", "median regret", "90th percentile", "searches", title=f"{kind}{goal}", box=None)
        for method, values in methods.items():
            shown = [_percent(values[name]) for name in ("regret_median", "regret_p90")]
            grid.add_row(method, *shown, str(int(values["searches"])))
        console.print(grid)
    for name, value in claimed.items():
        console.print(f"{name.replace('_', ' ')}: {value:.3g}")


def _percent(regret: float) -> str:
    return "never reached" if regret >= _SHOWN_MOST else f"{regret:.1%}"


def _jobs(tables: Sequence[Table], methods: Sequence[str], seeds: int) -> Iterator[tuple[str, Table, int]]:
    return product(methods, tables, range(seeds))


def main() -> None:
    """Plays, shows, and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--tables", type=int, default=TABLES, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first table")
    parser.add_argument("--files", nargs="*", type=Path, default=recorded_tables(), help="recorded tables")
    parser.add_argument("--methods", nargs="+", choices=[OURS, *RIVALS], default=[OURS, *RIVALS])
    parser.add_argument("--keep", action="store_true", help="what the record has of methods that are not played")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results" / "search.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(chosen.first, chosen.first + chosen.tables)
        tables = [generated(kind, seed, Path(folder)) for kind, seed in product(chosen.kinds, numbers)]
        tables += [recorded(file) for file in chosen.files]
        jobs = list(_jobs(tables, chosen.methods, chosen.seeds))
        with ProcessPoolExecutor(chosen.processes) as pool:
            played = list(pool.map(play, *zip(*jobs, strict=True), chunksize=1))
    found, claimed = summary(played), claims(played)
    if chosen.keep and chosen.out.exists():
        before = json.loads(chosen.out.read_text(encoding="utf-8"))["regret"]
        found = {kind: {**before.get(kind, {}), **methods} for kind, methods in found.items()}
    _show(found, claimed)
    chosen.out.write_text(_record(found, claimed, played), encoding="utf-8")


def _record(
    found: Mapping[str, Mapping[str, Mapping[str, float]]], claimed: Mapping[str, float], played: Sequence[Played]
) -> str:
    """What is kept: the summary, and each of our own searches in a line."""
    ours = ",\n".join(json.dumps(asdict(p)) for p in played if p.method == OURS)
    summary = {"budget_baseline_trainings": BUDGET, "regret": found, "claims": claimed}
    return json.dumps(summary, indent=1).removesuffix("\n}") + f',\n "searches": [\n{ours}\n ]\n}}\n'


if __name__ == "__main__":
    main()
