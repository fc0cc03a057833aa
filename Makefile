# The targets make their own environments: a machine needs Python 3.11 to 3.13, make and PyPI, nothing else.
# Every requirement is pinned with hashes (requirements/*.txt); `make lock` renews them from requirements/*.in.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
DAYS ?= 7
EVENTS ?= 1000000
PY := .venv/bin/python
UV := .venv-uv/bin/uv
RUN_REQS := requirements/runtime.txt requirements/local.txt
# Bytecode is what makes importing the cloud SDKs bearable: never run without it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help environment up down test lint format bench soak lock policy-mutation

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

environment: .venv/.dev .venv-dbt/.done ## only make the environments

up: .venv/.run .venv-dbt/.done ## the whole lake on this machine, with DAYS=7 days of real sales in it
	@$(PY) -m local up --days $(DAYS)

down: ## stop the laptop lake and remove what it wrote
	@if [ -x $(PY) ]; then $(PY) -m local down; fi

test: .venv/.dev .venv-dbt/.done ## all tests
	@$(PY) -m pytest

lint: .venv/.dev .venv-dbt/.done ## ruff, pyright, sqlfluff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright
	$(PY) -m local.sqlcheck

format: .venv/.dev ## let ruff put the code in order
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: .venv/.dev .venv-dbt/.done ## measure, and write docs/benchmarks.md
	@$(PY) -m benchmarks

soak: .venv/.dev ## break EVENTS=1000000 payloads (SEED=n: those again) and hold the transform to its promises
	@$(PY) -W ignore -m local.soak --events $(EVENTS) $(if $(SEED),--seed $(SEED))

policy-mutation: .venv/.dev ## weaken dev, prod and azure in one place at a time, and count what the policies notice
	@$(PY) -W ignore -m local.mutation --page --json .build/policy-mutation.json

.venv-uv/bin/uv: requirements/uv.txt
	@echo "-- uv"
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Python 3.11 to 3.13 is needed, this is %d.%d: set PYTHON=" % v)'
	@rm -rf .venv-uv && $(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/python -m pip install -q --disable-pip-version-check --no-compile --require-hashes -r requirements/uv.txt
	@touch $@

# A stamp, and not .venv/bin/python: that is a link to an interpreter far older than anything here.
.venv/.made: .venv-uv/bin/uv
	@$(UV) venv -q --clear --python $(PYTHON) .venv
	@touch $@

.venv/.run: $(RUN_REQS) .venv/.made
	@echo "-- the lake's environment (.venv)"
	@$(UV) pip install -q --python $(PY) --require-hashes $(addprefix -r ,$(RUN_REQS))
	@touch $@

.venv/.dev: requirements/dev.txt requirements/azure.txt .venv/.run
	@echo "-- test and lint tools (.venv)"
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/dev.txt
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/azure.txt
	@touch $@

.venv-dbt/.done: requirements/dbt.txt .venv-uv/bin/uv
	@echo "-- dbt and sqlfluff (.venv-dbt)"
	@$(UV) venv -q --clear --python $(PYTHON) .venv-dbt
	@$(UV) pip install -q --python .venv-dbt/bin/python --require-hashes -r requirements/dbt.txt
	@touch $@

lock: .venv-uv/bin/uv ## renew requirements/*.txt from requirements/*.in
	@cd requirements && for f in uv functions runtime local functions-azure azure dev dbt; do \
	  ../$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate $$f.in -o $$f.txt; done
