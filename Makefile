# Every target sets up what it needs (a virtual environment in .venv, the pinned dependencies, this
# package) and is quick the second time. `make help` lists them.

VENV   := .venv
PY     := $(VENV)/bin/python
PINS   ?= constraints/default.txt
JOBS   ?= auto
ARGS   ?=
NEWEST := tests/architecture tests/conformance/test_records.py tests/smoke/test_cli.py \
	tests/smoke/test_cli_errors.py $(addprefix tests/golden/test_,losses.py diffusion.py push.py \
	hockey.py locomotion.py statistics.py schema1.py)
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help eval test test-all test-pages test-numpy1 test-newest lint types format docs results dataset-pages pictures wheel-smoke doctor clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(1) is the optional dependency group; the stamp is newer than whatever decides what is installed.
$(VENV)/.installed-%: pyproject.toml setup.py $(PINS) .ci/setup
	@.ci/setup $(VENV) $* $(PINS)
	@touch $@

eval: $(VENV)/.installed-all ## Evaluate HECRL on push-3blocks with the shipped weights; ARGS="--video" films it
	@$(VENV)/bin/bench eval --agent hecrl --task push-3blocks $(ARGS)

test: $(VENV)/.installed-dev ## Run the tests (without the slow ones)
	@$(PY) -P -m pytest -n $(JOBS) -m "not slow" $(ARGS)

test-all: $(VENV)/.installed-dev ## Run all tests
	@$(PY) -P -m pytest -n $(JOBS) $(ARGS)

test-pages: $(VENV)/.installed-dev ## Run the examples and what the pages of the documentation show, to the last line
	@$(PY) -P -m pytest -n $(JOBS) -m slow tests/smoke/test_docs.py tests/smoke/test_examples.py $(ARGS)

test-numpy1: ## Run the tests with the older pins (numpy 1.26), in an environment of their own
	@$(MAKE) --no-print-directory test VENV=.venv-numpy1 PINS=constraints/numpy1.txt

test-newest: ## Run what the newest Python could break on it (see .ci/run), where it is installed
	@newest=$$(.ci/newest); \
	if [ -z "$$newest" ]; then echo "Python 3.13 is not installed here, so nothing was tested on it."; \
	else $(MAKE) --no-print-directory test VENV=.venv-newest PYTHON="$$newest" ARGS="$(NEWEST)"; fi

lint: $(VENV)/.installed-dev ## Check style
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(VENV)/.installed-dev ## Check types
	@$(VENV)/bin/mypy

format: $(VENV)/.installed-dev ## Mend style
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: $(VENV)/.installed-docs ## Build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

results: $(VENV)/.installed-all ## Write the tables of README and docs from the stored records
	@$(PY) -P -m entitybench.leaderboard.documents.pages

dataset-pages: $(VENV)/.installed-all ## Measure and draw the datasets that are on this machine, for their pages
	@$(PY) -P -m entitybench.datasets.pages.checkout

pictures: $(VENV)/.installed-all ## Draw the pictures and films of README and docs (minutes)
	@$(PY) -P benchmarks/pictures.py

wheel-smoke: $(VENV)/.installed-dev ## Build the wheel and try it in a fresh environment, outside the checkout
	@.ci/wheel-smoke $(PY) $(PINS)

doctor: $(VENV)/.installed-all ## Check rendering, versions, threads, determinism and disk
	@$(VENV)/bin/bench doctor

clean: ## Remove the virtual environment and everything built
	@rm -rf $(VENV) .venv-numpy1 .venv-newest build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
	@find envs datasets agents leaderboard src tests -name __pycache__ -type d -prune -exec rm -rf {} +
