"""What is asked: frozen scenarios, read from YAML. No torch, no environment reads.

text.py       YAML 1.2 text -> plain data with the line of every key
types.py      the sections of a scenario;  training_types.py  those that set how to train
scenario.py   the whole, its combinations checked, its key
knobs.py      which lever a field is and which factor it moves
loading.py    file + overrides -> Scenario, with one message for whatever is wrong
engines.py    what is legal but has no engine yet
space.py      the search space
"""
