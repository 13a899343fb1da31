# The one list of commands; continuous integration calls the same ones.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
UV := uv==0.13.9
TORCH := torch==2.14.1 torchvision==0.29.1 timm==1.0.31
LOCAL := results/local
RESULTS ?= results

.PHONY: help quickstart test lint nightly benchmarks requirements clean

help: ## say what each target does
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 22

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; run: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "setting up $(VENV) (once; about 6 GB with the CUDA libraries of torch)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check '$(UV)'
	@$(PY) -m uv pip install --quiet --python $(PY) -r requirements.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps -e .
	@touch $(READY)

quickstart: $(READY) ## set up, then evaluate eight small networks with known answers
	@$(PY) run_bench.py suites/quickstart.yaml --results $(LOCAL)

test: $(READY) ## set up, then run the tests
	@$(PY) -m pytest -q -n 2 -m 'not gpu and not timing'
	@$(PY) -m pytest -q -p no:xdist -m timing

lint: $(READY) ## formatting, style, types and import rules
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

nightly: $(READY) ## measure suites/nightly.yaml and compare with the last night
	@$(PY) run_bench.py suites/nightly.yaml --fresh --results '$(RESULTS)'

benchmarks: $(READY) ## time the hot paths of the harness itself
	@$(PY) -m pytest tests/benchmarks -q -p no:xdist --benchmark-enable --benchmark-only

requirements: $(READY) ## pin requirements.txt anew from pyproject.toml
	@sed -n '/^#/p' requirements.txt > $(VENV)/requirements.txt
	@printf '%s\n' $(TORCH) > $(VENV)/constraints.txt
	@$(PY) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras \
	  --constraint $(VENV)/constraints.txt --no-emit-index-url --no-header --no-annotate >> $(VENV)/requirements.txt
	@mv $(VENV)/requirements.txt requirements.txt

clean: ## remove the environment and local results
	rm -rf $(VENV) $(LOCAL)
