"""How like the true texts are those that a model wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

_ROUGE = ("rouge1", "rouge2", "rougeL")
TEXT_METRICS = ("exact_match", "bleu", *_ROUGE)
_WORD = re.compile(r"[^\W_]+")


class _Words:
    """Splits a text into its lower-cased words; rouge-score's own splitter would drop every letter but a to z."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def text_scores(true: Sequence[str], written: Sequence[str]) -> Mapping[str, float]:
    """The `TEXT_METRICS`; each is `nan` without any text.

    `exact_match` is the share of texts that are equal but for spaces at their ends. `bleu`, 0 to 100, is the corpus's
    (Papineni et al. 2002) as sacrebleu has it with its default tokenizer, over those n-grams of up to four words that
    there are: texts of one word each are judged by their words alone. `rouge1`, `rouge2` and `rougeL` are the texts'
    mean F-measures (Lin 2004), without stemming.

    Args:
        true: the references, one a text.
        written: by the model, in the same order.
    """
    if not true:
        return dict.fromkeys(TEXT_METRICS, math.nan)
    equal = sum(reference.strip() == text.strip() for reference, text in zip(true, written, strict=True))
    return {"exact_match": equal / len(true), "bleu": _bleu(true, written), **_rouge(true, written)}


def _bleu(true: Sequence[str], written: Sequence[str]) -> float:
    from sacrebleu.metrics.bleu import BLEU

    return float(BLEU(effective_order=True).corpus_score(list(written), [list(true)]).score)


def _rouge(true: Sequence[str], written: Sequence[str]) -> Mapping[str, float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(_ROUGE), tokenizer=_Words())
    scores = [scorer.score(reference, text) for reference, text in zip(true, written, strict=True)]
    return {name: sum(score[name].fmeasure for score in scores) / len(scores) for name in _ROUGE}
