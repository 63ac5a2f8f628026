"""Chinese text is learned from, an ideograph a token."""

from pathlib import Path

import pytest
import torch

from benchbench.training import assembly
from benchbench.workload.batches import held_out
from benchbench.workload.vocabulary import UNKNOWN_ID
from tests.training.small import CPU, loop_of, scenario, take

PLACES = ["北京", "上海", "广州", "深圳", "杭州", "成都", "西安", "南京", "武汉", "重庆"]
THINGS = ["饭店", "电影", "音乐", "天气", "服务", "风景", "交通", "学校", "医院", "公园"]
GOOD = ["非常好", "很满意", "真不错", "太精彩了", "值得推荐"]
BAD = ["非常差", "很失望", "真糟糕", "太无聊了", "不值得去"]


def test_a_small_model_learns_what_chinese_sentences_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [
        f"{place}的{thing}{word}。,{label}"
        for place in PLACES
        for thing in THINGS
        for label, words in (("正面", GOOD), ("负面", BAD))
        for word in words
    ]
    file = tmp_path / "评论.csv"
    file.write_text("文本,标签\n" + "\n".join(rows) + "\n", encoding="utf-8")
    wanted = scenario(
        data={"source": "csv", "path": str(file), "text_column": "文本", "label_column": "标签"},
        model={"vocab": 300},
        training={"global_batch": 32, "max_steps": 40, "optimizer": {"learning_rate": 5e-3}},
    )
    prepared = assembly.load_data(wanted)
    assert prepared.encoding.labels == ("正面", "负面")
    assert UNKNOWN_ID not in prepared.train.columns["ids"].values
    assert prepared.encoding.vocabulary.decode(prepared.train.columns["ids"][0].tolist()).replace(" ", "") in "".join(
        rows
    )
    loop, events = loop_of(wanted, prepared)
    loop.start()
    take(loop, 40)
    loop.stop()
    assert events.losses[-1] < 0.5 * events.losses[0]
    loop.parts.model.eval()
    with torch.inference_mode():
        scores = loop.parts.task.score(loop.parts.model, held_out(prepared.validation, prepared.encoding, CPU))
    assert scores["accuracy"] > 0.9
