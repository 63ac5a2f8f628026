"""What is asked: frozen scenarios, read from YAML. No torch, no environment reads.

text.py            YAML 1.2 text -> plain data with the line of every key
types.py           the sections of a scenario, with training_types.py and search_types.py
scenario.py        the whole, its combinations checked, its key
knobs.py           which lever a field is and which factor it moves
space.py           dotted keys: where they lead, and one override
search_check.py    each value of a search space against its own setting
misfit.py          settings that do not go together
expected.py        one message from whatever is wrong, in words made from the JSON Schema
loading.py         file + overrides -> Scenario
writing.py         Scenario -> a file that loads as the same scenario
engines.py         what is legal but has no engine yet
schema.py          the JSON Schema for editors
reference.py       the reference page, docs/scenario.md
"""
