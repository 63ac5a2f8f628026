"""The sections: one file each, a pure function of a subject and its `PLUGIN` (see `benchbench.report.plugins`).

None means that there is nothing to say. A section raises for nothing that a record can hold.
"""
