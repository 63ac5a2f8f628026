"""What is trained: models, tasks and data sources (plug-ins), batches.

sizes.py      named sizes of the families (no torch)
models.py     a scenario's model as a transformers model
task.py       the protocol of a task;  tasks/  one file a task
source.py     the protocol of a data source;  sources/  one file a source;  file_source.py  those of files (files.py)
preparing.py  rows -> splits -> vocabulary -> examples: reading.py puts rows aside (spool.py), cleaning.py changes them,
              splitting.py parts them, tokenizer.py learns a vocabulary, encoded.py writes and maps, cache.py keeps
batches.py    the sequence of global batches, which depends on the data and the seed alone
"""
