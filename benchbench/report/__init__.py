"""Pages and terminal output, made from records alone: no trainer, no GPU, no network.

content.py    what a section says, as values that know no renderer
subject.py    what a section speaks of: a run or a study, its tables read when first asked for
plugins.py    a section plug-in, and all sections of a subject in order;  sections/  one file a section
wording.py    numbers, intervals and outcomes in words;  curves.py  series cut from the tables
rendering.py  what a file is made of, and the plug-ins that make it;  renderers/  one file a format
html_page.py  sections -> one self-contained page (templates/), its charts by figure.py and Plotly
index_page.py the pages of a folder -> its index.html
terminal.py   sections -> rich
pages.py      result folders -> a file on disk, or a rich renderable
tidy.py       every figure as the lines of one table;  loaded.py  results in Python and in notebooks
tracking.py   results for experiment trackers;  trackers/  one file a tracker
"""
