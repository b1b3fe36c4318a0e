#!/usr/bin/env bash
# Every test: Python with coverage, the page's component tests and size budget, and the browser.
set -euo pipefail
cd "$(dirname "$0")/.."
CHROMIUM_EXECUTABLE=$(./scripts/browser.sh)
export CHROMIUM_EXECUTABLE
(cd frontend && npm run --silent test && npm run --silent size)
.venv/bin/pytest --cov --cov-report=term:skip-covered -q "$@"
