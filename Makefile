# `make` without a target lists all targets. Everything runs in .venv, which the first call creates.
.DEFAULT_GOAL := help
# pip compiles nothing when it installs: what is imported is compiled once, not in each of the tests' processes.
unexport PYTHONDONTWRITEBYTECODE
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# The first of these that is Python 3.11 or newer and has TensorFlow wheels; `make PYTHON=… train` selects another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# A change of the pinned versions or the dependencies creates a new environment; otherwise this file exists and nothing is done.
READY := .venv/ready-$(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
# On another system it is Python's library that differs: without the packages' types this check takes a sixth of the time.
ONLY_OURS := --no-site-packages --ignore-missing-imports --allow-subclassing-any --allow-untyped-decorators \
	--no-warn-return-any --no-warn-unused-ignores

help: ## list all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

$(READY):
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found: install one, or pass it with make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Creating .venv with $$($(PYTHON) --version): downloads about 565 MB, uses 3.4 GB of disk space, takes a minute or two."
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --no-compile --require-hashes --no-deps -r constraints.txt 2>&1 \
		| grep --line-buffered -E '^ *Downloading|^Installing|ERROR|error|WARNING: Retrying'
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation --editable .
	@touch $@

train: $(READY) ## train the recipe `classic`, evaluate it, save it and write a report
	@$(BIN)/mnist-cnn train

test: $(READY) ## run the tests (set MNIST_CNN_DATA for those that need MNIST)
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-all: $(READY) ## run the extended tests as well: full trainings on other backends, large real datasets
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not faults"

test-fast: $(READY) ## run the tests that are not slow
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not faults"

faults: $(READY) ## fault injection: kills, full disks, corrupt and malicious files, fuzzing (over half an hour)
	@$(BIN)/python bench/faults.py

test-torch: ## train with PyTorch, in a separate environment without TensorFlow (several GB)
	@test -x .venv-torch/bin/pytest || { $(PYTHON) -m venv .venv-torch && .venv-torch/bin/python -m pip install \
		--disable-pip-version-check --no-input --quiet --editable '.[keras]' torch pytest; }
	@.venv-torch/bin/python -m pytest tests/test_other_backends.py -m "not faults"

mutants: $(READY) ## measure how many of 200 planted faults the tests notice (under an hour; OPTIONS="--minutes 9" stops early)
	@test -x .venv-mutants/bin/cosmic-ray || { $(BIN)/python -m venv .venv-mutants && .venv-mutants/bin/python -m pip install \
		--disable-pip-version-check --no-input --quiet cosmic-ray==8.7.0 coverage==7.17.5; }
	@.venv-mutants/bin/python tools/mutants.py $(OPTIONS)

check: lint test ## run what CI runs: format check, lint, types, tests

lint: $(READY) ## check format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@for system in win32 darwin; do $(BIN)/mypy --platform $$system $(ONLY_OURS) --cache-dir .mypy_cache/$$system || exit 1; done

format: $(READY) ## format the code and apply the linter's fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

pages: $(READY) ## generate the reference pages and the tour
	@$(BIN)/python tools/pages.py

docs: pages ## build the documentation site in site/ and check every link; works offline
	@$(BIN)/python tools/website.py

demo: pages ## build the site with the web app that runs in the browser in site/demo/, for any static host (needs npm)
	@rm -rf site/demo && mkdir -p site
	@$(BIN)/mnist-cnn export --to web --output site/demo $(OPTIONS)
	@$(BIN)/python tools/website.py

notebooks: $(READY) ## run the notebooks whose code has changed, and store them with outputs
	@$(BIN)/python tools/notebooks.py

dist: $(READY) ## build and check sdist and wheel in dist/, and test the wheel in a new environment
	@$(BIN)/python tools/dist.py

bench: $(READY) ## run the benchmarks of docs/benchmarks.md (needs MNIST; over an hour)
	@for name in start_up epoch_end update_time classic_time classic_seeds time_to_99 read_speed plots; do $(BIN)/python bench/$$name.py || exit 1; done

pins: ## update the pinned versions (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--extra train --group dev pyproject.toml --output-file constraints.txt

clean: ## remove .venv, build output and caches, but not runs/
	rm -rf .venv .venv-torch .venv-mutants .venv-peers .cache dist site .mypy_cache .ruff_cache .pytest_cache

.PHONY: help train test test-all test-fast faults test-torch mutants check lint format pages docs demo notebooks dist bench pins clean
