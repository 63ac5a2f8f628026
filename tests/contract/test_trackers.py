"""One suite over every tracker: what is exported is what that tracker's own library reads back."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench import registry
from benchbench.errors import StoreError, UnsupportedError
from benchbench.record.types import Failure, Outcome
from benchbench.report.subject import run_subject, study_subject
from benchbench.report.tracking import Journal, journals_of, tracker
from tests.report.records import TARGET, run_folder, scenario, study, study_folder
from tests.report.trackers.read_back import PLACES, READERS, Kept

NAMES = ("mlflow", "tensorboard", "wandb")
HOSTILE = "../../<script>alert(1)</script>\n: %s"
# MLflow asks SQLAlchemy 2.1 for what that calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
Store = tuple[str, list[Journal], dict[str, Kept], Path]


@pytest.fixture(scope="module", params=NAMES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study of four trials with one of its runs beside it, exported twice and read back."""
    out: Path = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "CACHE", "DATA"):
            patch.setenv(f"WANDB_{name}_DIR", str(out / name))
        failure = Failure(kind="crashed", message=HOSTILE)
        run = run_folder(
            out / "results",
            of=scenario(**TARGET),
            outcomes=(Outcome.OK, Outcome.CRASHED),
            devices=("cuda:0", HOSTILE),
            failure=failure,
        )
        subject = study_subject(study_folder(out / "results", study({"baseline": run}, message=HOSTILE)))
        journals = journals_of(subject)
        place = out / "store" / PLACES[request.param]
        for _ in range(2):
            told = tracker(request.param).write(journals, place)
        assert str(place) in told or PLACES[request.param] == "."
        return request.param, journals, READERS[request.param](place), out


def test_every_tracker_is_under_contract() -> None:
    assert registry.names(registry.TRACKERS) == NAMES
    assert {name: tracker(name).place for name in NAMES} == PLACES


def test_every_journal_is_there_once_under_its_name(store: Store) -> None:
    _, journals, kept, _ = store
    assert len(journals) == 8
    assert sorted(kept) == sorted(journal.name for journal in journals)


def test_every_value_of_every_series_is_there_at_its_step(store: Store) -> None:
    _, journals, kept, _ = store
    assert {name.partition("/")[0] for j in journals for name in j.series} >= {"train", "eval", "cuda-0"}
    for journal in journals:
        assert set(kept[journal.name].series) == set(journal.series)
        for name, points in journal.series.items():
            steps = [(point.step, pytest.approx(point.value, rel=1e-6)) for point in points]
            assert kept[journal.name].series[name] == steps, name


def test_every_figure_is_there_with_its_interval(store: Store) -> None:
    _, journals, kept, _ = store
    run = next(journal for journal in journals if journal.name.endswith("bert-aaaa"))
    assert {"step_s", "step_s/low", "step_s/high", "final_train_loss"} <= set(run.figures)
    for journal in journals:
        figures = kept[journal.name].figures
        assert {name: figures[name] for name in journal.figures} == pytest.approx(dict(journal.figures), rel=1e-6)


def test_settings_and_notes_are_there_as_texts(store: Store) -> None:
    _, journals, kept, _ = store
    for journal in journals:
        for name, value in journal.settings.items():
            assert kept[journal.name].settings[name] == str(value), name
        told = kept[journal.name].notes
        assert all(name in told for name in journal.notes)
    crashed = next(journal for journal in journals if journal.name.endswith("repeat-1"))
    assert "<script>alert(1)</script>" in kept[crashed.name].notes["failure"]


def test_a_piece_belongs_to_its_whole_and_a_failure_is_one(store: Store) -> None:
    name, journals, kept, _ = store
    whole = journals[0].name
    for journal in journals:
        found = kept[journal.name]
        if name == "mlflow":
            assert found.parent == journal.parent
        elif name == "wandb":
            assert found.parent == (None if journal.name == whole else whole)
        assert found.is_ok in (None, journal.is_ok)


def test_nothing_lands_outside_the_store(store: Store) -> None:
    _, _, _, out = store
    assert {path.name for path in out.iterdir()} <= {"results", "store", "CONFIG", "CACHE", "DATA"}


@pytest.mark.parametrize("name", NAMES)
def test_without_its_library_the_extra_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    journals = journals_of(run_subject(run_folder(tmp_path / "results")))
    with pytest.raises(UnsupportedError, match=r"pip install 'benchbench\[trackers\]'"):
        tracker(name).write(journals, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_cannot_be_is_a_store_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journals = journals_of(run_subject(run_folder(tmp_path / "results", outcomes=(Outcome.OK,))))
    with pytest.raises(StoreError, match="file"):
        tracker(name).write(journals, tmp_path / "file" / "store")


def _table_gone(folder: Path) -> None:
    (folder / "steps.parquet").unlink()


def _table_damaged(folder: Path) -> None:
    (folder / "telemetry.parquet").write_bytes(b"PAR1 damaged")


@pytest.mark.parametrize("break_it", [_table_gone, _table_damaged])
def test_a_run_without_a_table_still_has_its_figures(break_it: Callable[[Path], None], tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    break_it(folder)
    run, *repeats = journals_of(run_subject(folder))
    assert run.figures["step_s"] == pytest.approx(0.01, rel=0.01)
    assert len(repeats) == 3
    assert all(repeat.series for repeat in repeats)
