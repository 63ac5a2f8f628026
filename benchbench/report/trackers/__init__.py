"""One file a tracker, named as `export --format` calls it; each defines `PLUGIN` (see `report/tracking.py`)."""
