"""One file a renderer, named as `--format` calls it; each defines `PLUGIN` (see `report/rendering.py`)."""
