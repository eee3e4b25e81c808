# Every target sets up what it needs: a virtual environment in .venv from pinned requirements.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Tests that start no engine: as many at once as there are cores. The others come one after another.
TOGETHER := $(addprefix tests/,unit properties vectors rules docs protocol)

.PHONY: help demo test test-deep check mutants bench clean
help:
	@echo "make demo       messages flow from a synthetic hospital to three insurers, live (Ctrl-C ends it)"
	@echo "make test       linters, types, import contracts and the whole test suite"
	@echo "make check      the quick part of it: linters, types, import contracts, unit tests"
	@echo "make test-deep  ten times as many examples of each property, and the archiver killed during 100,000 messages"
	@echo "make mutants    mutation testing of the pure core, a sample of 500 in at most 45 minutes"
	@echo "make bench      the benchmarks; prints rates and ratios measured in this run"
	@echo "make clean      removes .venv and all caches"

$(STAMP): requirements.txt requirements-dev.txt setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("payergate needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || { echo "[1/3] creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "[2/3] installing pinned packages (about a minute with a cold cache)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@echo "[3/3] installing payergate"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: $(STAMP)
	@$(BIN)/payergate demo

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config setup.cfg
	@$(BIN)/pytest -q tests/unit tests/properties tests/docs

test: $(STAMP)
	@echo "linters, types and import contracts"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config setup.cfg
	@echo "the test suite, first what is computed"
	@$(BIN)/pytest -n auto --dist worksteal $(TOGETHER)
	@echo "then what takes its time: real processes are killed and started again"
	@$(BIN)/pytest $(addprefix --ignore=,$(TOGETHER))

test-deep: $(STAMP)
	@HYPOTHESIS_PROFILE=deep $(BIN)/pytest -rP tests/properties tests/faults/test_archiver_killed.py

mutants: $(STAMP)
	@$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),500) --seed $(or $(SEED),1) --minutes 45

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
