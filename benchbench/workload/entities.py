"""Named entities in rows of IOB2 tags: which there are, and how many were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_OUTSIDE = "O"
_INSIDE = "I-"
_PREFIXES = ("B-", _INSIDE)


def is_iob2(labels: Iterable[str]) -> bool:
    """Whether tags mark entities: `B-` at the first word of one, `I-` at the others, `O` outside of all."""
    tags = set(labels) - {_OUTSIDE}
    return any(tag.startswith("B-") for tag in tags) and all(tag[:2] in _PREFIXES and tag[2:] for tag in tags)


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The entities of one row: the kind, the first word, the word behind the last.

    As the evaluation of CoNLL-2000 and CoNLL-2003 counts them: an `I-` that does not continue an entity of its own
    kind begins one.
    """
    found = set()
    kind, begin = "", 0
    for place, tag in enumerate([*tags, _OUTSIDE]):
        if kind and tag != _INSIDE + kind:
            found.add((kind, begin, place))
            kind = ""
        if not kind and tag != _OUTSIDE:
            kind, begin = tag[2:], place
    return found


def entity_f1(true: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> float:
    """F1 over all rows' entities; one is found if its kind and both of its ends are right (Tjong Kim Sang 2003).

    0 where there is no entity and none was predicted.
    """
    hits = either = 0
    for true_tags, predicted_tags in zip(true, predicted, strict=True):
        wanted, got = spans(true_tags), spans(predicted_tags)
        hits += len(wanted & got)
        either += len(wanted) + len(got)
    return 2 * hits / either if either else 0.0
