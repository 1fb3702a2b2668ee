# One entry for people and for CI. `make help` lists what there is.

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-header pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup packages lint unit test fuzz tools lock crds image demo demo-down

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ See it work

demo: $(VENV)/.project ## Start everything, upload a sample package, show it until Ready (KUBECONFIG: use that cluster)
	@$(BIN)/python -m tests.demo up

demo-down: $(VENV)/.project ## End the demo
	@$(BIN)/python -m tests.demo down

##@ Check

lint: setup ## Style, types, import contracts, file lengths
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit/test_layout.py

unit: setup ## Tests that need no other program
	$(BIN)/pytest tests/unit

test: lint ## Everything: lint, unit, integration and end-to-end tests
	$(BIN)/pytest

fuzz: setup ## Fuzz every parser of the package reader, SECONDS=60 each (atheris from PyPI)
	@$(BIN)/pip install --disable-pip-version-check --quiet \
	  $$($(BIN)/python -c "import tomllib as t; print(*t.load(open('pyproject.toml', 'rb'))['dependency-groups']['fuzz'])")
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

##@ Prepare

setup: packages $(VENV)/.project ## Debian packages and a Python environment in .venv, from the lock file

tools: setup ## Build the cluster kit's programs that are not installed or cached (15 min the first time)
	@$(BIN)/python -m tests.cluster build

packages:
	@PYTHON=$(PYTHON) tests/packages.sh

# Removed first: what the lock file no longer names must not stay.
$(VENV)/.locked: requirements-dev.lock
	@echo "Python environment: $(VENV), from requirements-dev.lock (half a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.project: $(VENV)/.locked pyproject.toml
	@echo "Python environment: violet-operator itself, editable"
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

##@ Generate and release

crds: setup ## Write the CRDs from the models
	$(BIN)/python -m violet_operator.api.crds crds charts/violet-operator/crds

lock: ## Renew both lock files within the ranges of pyproject.toml (needs uv; UPGRADE=1 takes newer versions)
	$(LOCK) $(if $(UPGRADE),--upgrade) --output-file requirements.lock >/dev/null
	$(LOCK) $(if $(UPGRADE),--upgrade) --group dev --output-file requirements-dev.lock >/dev/null

image: packages ## Build the operator's image (environment: see deploy/build-image.sh)
	deploy/build-image.sh
