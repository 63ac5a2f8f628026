"""What is trained: models, tasks and data sources (plug-ins), batches.

sizes.py      named sizes of the families (no torch);  dimensions.py  what each family calls them
models.py     a scenario's model as a transformers model;  pretrained.py, hub.py  trained weights and where they are
task.py       what a task is;  tasks/  one file a task, with helpers beside: masking, documents, sentence_pairs,
              entities, answers, classes, losses, token_scores, text_scores
source.py     what a data source is;  sources/  one file a source;  file_source.py  those of files (files.py)
preparing.py  rows -> splits -> vocabulary -> examples: reading.py puts rows aside (spool.py), cleaning.py changes them,
              splitting.py parts them, tokenizer.py learns a vocabulary, encoded.py writes and maps, cache.py keeps
orders.py     which rows make up each global batch;  batches.py, packing.py  rows as tensors;  feeding.py  the sequence
"""
