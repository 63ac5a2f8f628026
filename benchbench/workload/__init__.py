"""What is trained: models, tasks and data sources (plug-ins), batches.

sizes.py      named sizes of the families (no torch)
models.py     a scenario's model as a transformers model
task.py       the protocol of a task;  tasks/  one file a task
source.py     the protocol of a data source;  sources/  one file a source
encoding.py   texts -> token ids;  tokenizer.py  the vocabulary, trained on the training split only
batches.py    the sequence of global batches, which depends on the data and the seed alone
"""
