"""What a scenario's types raise when settings do not go together."""

from __future__ import annotations


class Misfit(ValueError):  # noqa: N818 - a state of the settings
    """Settings that are legal alone and impossible together; `key` is the one to change.

    The key is dotted, and begins at the section that raises it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
