# `make` alone lists what there is. Everything works in .venv, which the first call makes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# The first of these that is Python 3.11 or newer and has TensorFlow's wheels; `make PYTHON=… train` names another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Changes of the pins or of what the project needs make a new environment; a second call finds this file and does nothing.
READY := .venv/ready-$(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

$(READY):
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed, and none was found: install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version): about 525 MB to fetch, 2.3 GB on disk, a minute or two."
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --require-hashes --no-deps -r constraints.txt 2>&1 \
		| grep --line-buffered -E '^ *Downloading|^Installing|ERROR|error|WARNING: Retrying'
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation --editable .
	@touch $@

train: $(READY) ## train the recipe `classic`, judge it, keep it, report it
	@$(BIN)/mnist-cnn train

test: $(READY) ## run all tests (those that need MNIST: set MNIST_CNN_DATA)
	@$(BIN)/python -m pytest

test-fast: $(READY) ## run the tests that take under two minutes together
	@$(BIN)/python -m pytest -m "not slow"

faults: $(READY) ## make everything go wrong: kills, full disks, damage, malice, fuzzers (over half an hour)
	@$(BIN)/python bench/faults.py

test-torch: ## train on PyTorch, in an environment of its own without TensorFlow (several GB)
	@test -x .venv-torch/bin/pytest || { $(PYTHON) -m venv .venv-torch && .venv-torch/bin/python -m pip install \
		--disable-pip-version-check --no-input --quiet --editable '.[keras]' torch pytest; }
	@.venv-torch/bin/python -m pytest tests/test_other_backends.py

check: $(READY) ## what CI runs: format, lint, types, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: $(READY) ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

pages: $(READY) ## make the pages and the notebook that are made of the program and of examples/tour.py
	@$(BIN)/python tools/pages.py

docs: pages ## build the documents as a site in site/, with every link checked; needs no network
	@$(BIN)/python tools/website.py

dist: $(READY) ## build sdist and wheel in dist/, check them, and read a picture with the wheel in a new environment
	@$(BIN)/python tools/dist.py

bench: $(READY) ## measure the numbers in docs/benchmarks.md (needs MNIST; over an hour)
	@for name in start_up epoch_end update_time classic_time classic_seeds time_to_99 read_speed plots; do $(BIN)/python bench/$$name.py || exit 1; done

pins: ## choose the pinned versions anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--extra train --group dev pyproject.toml --output-file constraints.txt

clean: ## remove .venv, what was built, and caches; runs/ is kept
	rm -rf .venv .venv-torch .cache dist site .mypy_cache .ruff_cache .pytest_cache

.PHONY: help train test test-fast faults test-torch check format pages docs dist bench pins clean
