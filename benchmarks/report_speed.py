"""How long a page of many runs takes (`python -m benchmarks.report_speed`).

Claim: 1,000 stored runs with their steps and telemetry become one page within 5 s and 1 GiB, and that page is usable
within 2 s of being opened in headless Chromium, where one is installed: by then a control has obeyed and the charts in
sight are drawn. Everything that `benchbench report` does is part of the first time, in a process of its own, its start
and its imports too; making the records is not. The newest runs are told whole, all of them stand side by side in the
table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchbench.hardware.inventory import machine
from benchbench.record import document, tables
from benchbench.record.figures import RawLines, device_peak_bytes, figures, seen_devices
from benchbench.record.lookup import RESULT
from benchbench.record.store import write_atomic
from benchbench.record.types import Outcome, Repeat, Run
from benchbench.scenario.loading import load, vary
from benchbench.units import human
from benchmarks.pairs import CONFIDENCE, RESULTS, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLAIM_S, CLAIM_BYTES, CLAIM_USABLE_S = 5.0, 2**30, 2.0
_OPENINGS = 5
_IN_SIGHT = """
[...document.querySelectorAll(".plot")].every((plot) =>
  plot.getBoundingClientRect().top > innerHeight || plot.querySelector("svg"))
"""
_REPEATS, _STEPS, _DEVICES = 3, 200, 4
_FORMATS = ("html", "md", "csv", "json")


class Spent(NamedTuple):
    """What one file took: seconds of wall time, the peak of resident memory, the file's size."""

    wall_s: float
    peak_bytes: int
    file_bytes: int


class Opened(NamedTuple):
    """How soon a page was usable: seconds of wall time, and of work of its thread; of several openings the medians."""

    wall_s: float
    worked_s: float


def main() -> None:
    """Makes the records, has every format made of them, prints and records what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="stored runs")
    parser.add_argument("--samples", type=int, default=600, help="telemetry samples of a device and repeat")
    parser.add_argument("--out", type=Path, default=RESULTS / "report_speed.json", help="the record")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _make(Path(name) / "results", options.runs, options.samples)
        spent = {kind: _report(Path(name), kind) for kind in _FORMATS}
        opened = _opened(Path(name) / "report.html")
    _tell(options, spent, opened)


def _make(out: Path, runs: int, samples: int) -> None:
    """Runs of three scenarios and two precisions; a table's content is the same for all that share a seed."""
    (scenario,) = load(ROOT / "scenarios" / "bert_tiny.yaml")
    here = machine(ROOT)
    lines = {index: _lines(np.random.default_rng(index), samples) for index in range(_REPEATS)}
    out.mkdir()
    template = out / ".tables"
    template.mkdir()
    tables.write(template, lines)
    for index in range(runs):
        run = Run(
            id=f"20260101-{index:06d}-bert-tiny-{index:08x}",
            scenario=vary(scenario, {"training.global_batch": 2 ** (index % 3 + 4), "training.seed": index % 7}),
            created_at=f"2026-01-01T{index // 3600:02d}:{index // 60 % 60:02d}:{index % 60:02d}+00:00",
            machine=here,
            repeats=tuple(_repeat(i, left) for i, left in lines.items()),
        )
        folder = out / run.id
        shutil.copytree(template, folder)
        (folder / RESULT).write_text(json.dumps(document.result(run), indent=1), encoding="utf-8")
    shutil.rmtree(template)


def _lines(generator: np.random.Generator, samples: int) -> RawLines:
    step_s = 0.1 * (1 + 0.02 * generator.standard_normal(_STEPS))
    events: list[dict[str, object]] = [{"event": "steady", "t": 0.0, "warmup_steps": 5, "settled": True}]
    for step, (one_s, t) in enumerate(zip(step_s, np.cumsum(step_s), strict=True), 1):
        events.append({
            "event": "step", "step": step, "t": float(t), "step_s": float(one_s), "data_wait_s": 0.0, "samples": 64,
            "tokens": 640, "loss": 1.0 / step,
        })  # fmt: skip
    devices = [f"cuda:{index}" for index in range(_DEVICES)]
    seen: list[dict[str, object]] = [
        {"device": d, "name": "a GPU", "uuid": None, "in_use": True, "missing": []} for d in devices
    ]
    telemetry: list[dict[str, object]] = [{"header": {"devices": seen, "unavailable": {}, "interval_s": 0.1}}]
    for tick, values in enumerate(generator.uniform(0.5, 1.0, (samples, _DEVICES))):
        for device, value in zip(devices, values.tolist(), strict=True):
            telemetry.append({
                "t": 0.1 * tick, "device": device, "utilization": value, "power_w": 400 * value,
                "memory_used_bytes": 2.0**34, "sm_clock_mhz": 1500 * value, "temperature_c": 60 * value,
            })  # fmt: skip
    return RawLines(events=tuple(events), telemetry=tuple(telemetry))


def _repeat(index: int, left: RawLines) -> Repeat:
    return Repeat(
        index=index, seed=index, order=index, started_at="2026-01-01T00:00:00+00:00", wall_s=10.0, outcome=Outcome.OK,
        figures=figures(left, CONFIDENCE, device_peak_bytes(left)), final_metrics={"train_loss": 0.5},
        telemetry=seen_devices(left),
    )  # fmt: skip


def _report(folder: Path, kind: str) -> Spent:
    """What `benchbench report` takes as a program; the kernel tells the peak memory of a child."""
    file = folder / f"report.{kind}"
    command = [sys.executable, "-m", "benchbench", "report", "--out", str(folder / "results"), "-o", str(file)]
    began_s = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - began_s
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Spent(wall_s, peak_bytes, file.stat().st_size)


def _opened(page: Path) -> Opened | None:
    """Of Debian's chromium through Playwright; None where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        return None
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", *sandbox])
        every = [_once(browser, page) for _ in range(_OPENINGS)]
        browser.close()
    return Opened(*(statistics.median(values) for values in zip(*every, strict=True)))


def _once(browser: Browser, page: Path) -> Opened:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    session = context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    began_s = time.perf_counter()
    tab.goto(page.as_uri())
    tab.locator("#theme").click()
    tab.wait_for_function(_IN_SIGHT)
    wall_s = time.perf_counter() - began_s
    metrics = session.send("Performance.getMetrics")["metrics"]
    context.close()
    return Opened(wall_s, next(float(m["value"]) for m in metrics if m["name"] == "TaskDuration"))


def _tell(options: argparse.Namespace, spent: dict[str, Spent], opened: Opened | None) -> None:
    page = spent["html"]
    holds = page.wall_s <= CLAIM_S and page.peak_bytes <= CLAIM_BYTES
    holds = holds and (opened is None or opened.wall_s <= CLAIM_USABLE_S)
    findings = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks.report_speed", *sys.argv[1:]],
        "machine": machine(ROOT).document(),
        "claim_s": CLAIM_S,
        "claim_bytes": CLAIM_BYTES,
        "claim_usable_s": CLAIM_USABLE_S,
        "verdict": "holds" if holds else "fails",
        "runs": options.runs,
        "repeats": _REPEATS,
        "steps_a_run": _REPEATS * _STEPS,
        "telemetry_samples_a_run": _REPEATS * _DEVICES * options.samples,
        "usable": None if opened is None else opened._asdict(),
        "formats": {kind: one._asdict() for kind, one in spent.items()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out, json.dumps(findings, indent=1, allow_nan=False) + "\n")
    for kind, one in spent.items():
        told = f"{human(one.wall_s, 's')}, {human(one.peak_bytes, 'bytes')}, file {human(one.file_bytes, 'bytes')}"
        print(f"{kind}: {told}")
    if opened is not None:
        print(f"usable after {human(opened.wall_s, 's')}, {human(opened.worked_s, 's')} of them the page's own work")
    print(f"{options.runs:,} runs to a page: the claim {findings['verdict']}; record {options.out}")


if __name__ == "__main__":
    main()
