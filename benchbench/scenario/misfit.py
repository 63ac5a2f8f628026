"""What a scenario's types raise when settings do not go together."""

from __future__ import annotations


class Misfit(ValueError):  # noqa: N818 - a state of the settings
    """Settings that are legal alone and impossible together.

    Attributes:
        path: the keys that lead from the section that raises it to the setting to change.
        key: the same, dotted.
        message: what is wrong.
    """

    def __init__(self, key: str | tuple[str, ...], message: str) -> None:
        """Names the setting to change; `key` is dotted, or a tuple where a key has dots itself."""
        super().__init__(key, message)
        self.path = tuple(key.split(".")) if isinstance(key, str) else key
        self.key = ".".join(self.path)
        self.message = message

    def __str__(self) -> str:
        return self.message
