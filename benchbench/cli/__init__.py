"""The command line: one small file a command; the only place that prints and exits.

main.py      the entry: errors become one message and an exit code
console.py   stderr for people, stdout for one JSON document
"""
