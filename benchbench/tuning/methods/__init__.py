"""Search methods, one file each (see `tuning.method`)."""
