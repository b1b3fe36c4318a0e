# Every target sets up what it needs: Python >= 3.11, Node >= 20 and make are enough.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON ?= python3
TOOLS := .tools
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
PAGE := api/_frontend/index.html

.PHONY: help run test bench lint format setup e2e-browser clean train-classifier

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Set everything up and serve page and API on http://127.0.0.1:8000
	@exec $(BIN)/covenant up

test: setup lint ## Run every check and test, as CI does
	@./scripts/test.sh

bench: setup ## Measure latency and CPU of a guarded chat beside its upstream
	@$(BIN)/python -m evals.bench

lint: setup ## Format check, lint, types and import contracts of Python and TypeScript
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry .
	@cd frontend && npm run --silent lint && npm run --silent typecheck

format: setup ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@cd frontend && npm run --silent format

setup: $(VENV)/.synced $(PAGE) ## Make the virtual environment and build the page

train-classifier: ## Train the L1 classifier: make train-classifier DATA=folder
	@test -n "$(DATA)" || { echo "Name the data: make train-classifier DATA=folder"; exit 2; }
	@test -x "$(UV)" || $(MAKE) --no-print-directory $(TOOLS)/bin/uv
	@$(UV) venv -q --allow-existing --python "$$(command -v $(PYTHON))" $(TOOLS)/train
	@$(UV) pip install -q --python $(TOOLS)/train/bin/python -r guardrails/classifier/training/requirements.txt
	@$(TOOLS)/train/bin/python -m guardrails.classifier.training.train --data "$(DATA)" --out guardrails/classifier/weights

clean: ## Remove everything that was built or installed here (keeps .covenant)
	rm -rf $(VENV) $(TOOLS) frontend/node_modules api/_frontend frontend/openapi.json \
	  frontend/src/api/schema.gen.ts .mypy_cache .ruff_cache .pytest_cache .coverage

# --- set-up -----------------------------------------------------------------------------------

$(TOOLS)/bin/uv:
	@./scripts/need.sh python "$(PYTHON)"
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.synced: pyproject.toml uv.lock | $(UV)
	@./scripts/need.sh python "$(PYTHON)"
	@echo "Installing locked Python dependencies ..."
	@$(UV) sync --quiet --locked --python "$$(command -v $(PYTHON))"
	@touch $@

frontend/node_modules/.synced: frontend/package.json frontend/package-lock.json
	@./scripts/need.sh node
	@echo "Installing locked page dependencies ..."
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

FRONTEND := $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts \
  -type f -not -name schema.gen.ts 2>/dev/null)
SCHEMA := $(wildcard chains/events.py api/schemas.py api/openapi.py api/app.py api/routes/*.py)

frontend/src/api/schema.gen.ts: $(SCHEMA) frontend/node_modules/.synced | $(VENV)/.synced
	@$(BIN)/python -m api.openapi > frontend/openapi.json
	@cd frontend && npm run --silent generate
	@touch $@

$(PAGE): frontend/src/api/schema.gen.ts $(FRONTEND)
	@echo "Building the page ..."
	@cd frontend && npm run --silent build
	@touch $@
