"""Named sizes of the model families."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """Dimensions of one named size."""

    layers: int
    hidden: int
    heads: int
    ffn: int


# Devlin et al. 2019 (base, large); Turc et al., "Well-Read Students Learn Better", 2019 (tiny to medium).
SIZES: dict[str, dict[str, Size]] = {
    "bert": {
        "tiny": Size(2, 128, 2, 512),
        "mini": Size(4, 256, 4, 1024),
        "small": Size(4, 512, 8, 2048),
        "medium": Size(8, 512, 8, 2048),
        "base": Size(12, 768, 12, 3072),
        "large": Size(24, 1024, 16, 4096),
    },
}
