"""The index of a folder of pages: what it lists, in which order, and that no page's text becomes markup in it."""

import base64
import hashlib
import html
import os
from pathlib import Path

import pytest

from benchbench.errors import StoreError
from benchbench.report.index_page import INDEX, Label, entries, refresh, write_index
from benchbench.report.pages import write_page, write_run
from benchbench.report.subject import study_subject
from tests.report.reading import Page
from tests.report.records import run_folder, scenario, study, study_folder


def test_a_page_says_what_it_is(tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / "results", f"20260101-00000{i}-bert-aaaa") for i in range(2)]
    pages = tmp_path / "reports"
    write_run(runs[:1], pages / "one.html")
    write_run(runs, pages / "two.html")
    write_page([study_subject(study_folder(tmp_path / "results", study()))], pages / "study.html")
    found = {entry.file: entry.label for entry in entries(pages)}
    assert found["one.html"].kind == "run"
    assert found["one.html"].answer.startswith("bert trains at ")
    assert found["two.html"].kind == "2 results"
    assert found["study.html"].kind == "study"
    assert "1.83" in found["study.html"].answer


def test_the_newest_stands_first(tmp_path: Path) -> None:
    for index, day in enumerate(("2026-03-01", "2026-05-01", "2026-04-01")):
        label = Label(name=f"page {index}", kind="run", made_at=f"{day} 00:00 UTC", answer="")
        (tmp_path / f"{index}.html").write_text(f"<head>{label.tag()}</head>")
    assert [entry.file for entry in entries(tmp_path)] == ["1.html", "2.html", "0.html"]


def test_a_page_of_another_hand_goes_by_its_title_and_date(tmp_path: Path) -> None:
    page = tmp_path / "other.html"
    page.write_text("<head><title>A &amp; B</title></head>")
    os.utime(page, (0, 86_400))
    (tmp_path / "notes.txt").write_text("")
    (entry,) = entries(tmp_path)
    assert (entry.label.name, entry.label.kind, entry.label.made_at) == ("A & B", "page", "1970-01-02 00:00 UTC")


@pytest.mark.parametrize("content", ["{", "[]", '{"name": 1}', "null"])
def test_a_label_that_cannot_be_read_is_no_label(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f'<meta name="benchbench-label" content="{content}"><title>kept</title>')
    (entry,) = entries(tmp_path)
    assert entry.label.name == "kept"


def test_no_text_of_a_page_becomes_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)<\u2044script>\"'{{7*7}}<img src=x onerror=alert(2)>"
    folder = run_folder(tmp_path / "results", of=scenario(name=hostile))
    write_run([folder], tmp_path / 'a"><b>#?.html')
    index = Page.of(write_index(tmp_path))
    tags = [tag for tag, _ in index.tags]
    assert not {"img", "b"} & set(tags)
    assert len(index.programs) == tags.count("script") == 1
    assert hostile in index.text
    (link,) = [attributes["href"] for tag, attributes in index.tags if tag == "a"]
    assert link == "./a%22%3E%3Cb%3E%23%3F.html"


def test_it_fetches_nothing_and_runs_its_own_program_alone(tmp_path: Path) -> None:
    index = Page.of(write_index(tmp_path / "new"))
    policy = index.meta("Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    (program,) = index.programs
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "There is none yet" in index.text


def test_it_can_open_in_chinese_and_stays_so_when_it_is_brought_up_to_date(tmp_path: Path) -> None:
    pages = tmp_path / "reports"
    write_page([study_subject(study_folder(tmp_path / "results", study()))], pages / "study.html")
    index = write_index(pages, "zh")
    for text in (index.read_text(), _with_another_page(tmp_path, pages).read_text()):
        assert '<html lang="zh"' in text
        told = Page(text).text
        assert "此文件夹中有" in told
        assert "研究" in told
        assert "速度为基线的 1.83" in told
    assert "1.83\N{MULTIPLICATION SIGN} as fast as the baseline" in index.read_text(), "the switch has the English"


def _with_another_page(tmp_path: Path, pages: Path) -> Path:
    write_run([run_folder(tmp_path / "results")], pages / "run.html")
    assert "run.html" in (pages / INDEX).read_text()
    return pages / INDEX


def test_a_label_of_an_earlier_version_has_its_english_alone(tmp_path: Path) -> None:
    old = '{"name": "bert", "kind": "run", "made_at": "2026-01-01 00:00 UTC", "answer": "it trains"}'
    (tmp_path / "a.html").write_text(f'<meta name="benchbench-label" content="{html.escape(old)}">')
    text = Page.of(write_index(tmp_path, "zh")).text
    assert "it trains" in text


def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / INDEX
    file.write_text("mine")
    with pytest.raises(StoreError, match="no index of reports"):
        write_index(tmp_path)
    write_run([run_folder(tmp_path / "results")], tmp_path / "page.html")
    refresh(tmp_path)
    assert file.read_text() == "mine"


def test_a_long_answer_is_cut_in_the_label(tmp_path: Path) -> None:
    found = study()
    long = found.recommendation.model_copy(update={"overrides": {"precision": "y" * 5000}})
    folder = study_folder(tmp_path, found.model_copy(update={"recommendation": long}))
    page = Page.of(write_page([study_subject(folder)], tmp_path / "page.html"))
    (label,) = [a["content"] for tag, a in page.tags if a.get("name") == "benchbench-label"]
    assert "yyyy" in label
    assert len(label) < 2000
