# One word for each act. `make` lists them.

VENV := .venv
BIN := $(VENV)/bin
SERVING := $(VENV)/.serving
DEVELOPING := $(VENV)/.developing
BUF := npx --yes @bufbuild/buf@1.75.0
LOCKING := --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --python-version 3.11
INSTALL := $(BIN)/pip install --disable-pip-version-check --quiet --progress-bar on

# Every process that the tests start would compile Accord anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-all lint fmt types proto rules bench bench-audit check lock clean

help: ## List the words
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEVELOPING) ## Install everything into .venv, tools for development too

$(VENV)/bin/python:
	@command -v python3 >/dev/null || { echo "Accord needs Python 3.11 or newer: install python3 first."; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Accord needs Python 3.11 or newer; here is $$(python3 --version)."; exit 1; }
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)."; exit 1; }
	@python3 -m venv $(VENV)

$(SERVING): deploy/requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Accord into $(VENV); the first time takes about a minute ..."
	@$(INSTALL) --require-hashes -r deploy/requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPING): .ci/requirements.lock $(SERVING)
	@echo "Installing the tools for development ..."
	@$(INSTALL) --require-hashes -r .ci/requirements.lock
	@touch $@

run: $(SERVING) ## Serve Accord with the sample brand on 127.0.0.1:50051
	@$(BIN)/accord serve --sample

demo: $(SERVING) ## Play the stories of the product on the sample brand
	@$(BIN)/accord demo

# Tests wait for processes and disks: one at a time more than the two cores of a small machine.
test: setup ## Run the tests, PostgreSQL included
	@$(BIN)/pytest -m "not long" -n 3

test-all: setup ## Run the tests and the long ones
	@$(BIN)/pytest -n 3

lint: setup ## Find faults of style and structure
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

fmt: setup ## Mend what can be mended by a machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup ## Check the types
	@$(BIN)/mypy
	@$(BIN)/mypy docs/examples

proto: setup ## Make the stubs from protos/ anew
	@$(BIN)/python tests/support/make_stubs.py

rules: setup ## Make docs/rules.md from the rule packs anew
	@$(BIN)/python tests/support/make_rules_page.py

bench: setup ## Measure, each figure beside its floor
	@$(BIN)/python -m tests.bench

bench-audit: setup ## Measure an export of a million entries and its verification
	@$(BIN)/python -m tests.bench.audit_bench

check: lint types ## All that CI runs but the tests: style, structure, types, contract
	@command -v npx >/dev/null || { echo "buf needs npx: install Node.js (Debian: apt-get install npm)."; exit 1; }
	@cd protos && $(BUF) lint && $(BUF) format --diff --exit-code
	@if git rev-parse --verify --quiet HEAD~1:protos >/dev/null; then cd protos && $(BUF) breaking --against '../.git#ref=HEAD~1,subdir=protos'; fi
	@$(BIN)/python tests/support/make_stubs.py --check

lock: setup ## Lock the newest versions that pyproject.toml allows, with their hashes
	@$(BIN)/uv pip compile $(LOCKING) --group build pyproject.toml -o deploy/requirements.lock
	@$(BIN)/uv pip compile $(LOCKING) --group build --group dev pyproject.toml -o .ci/requirements.lock

clean: ## Take away what was made here: the virtual environment, the data, caches
	@rm -rf $(VENV) .accord .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
