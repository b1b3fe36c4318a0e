#!/usr/bin/env bash
# Say in one sentence what is missing: need.sh python PYTHON | need.sh node
set -euo pipefail
case "$1" in
  python)
    command -v "$2" >/dev/null 2>&1 || {
      echo "Covenant needs Python 3.11, 3.12 or 3.13, and '$2' was not found." >&2; exit 1; }
    "$2" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))' || {
      echo "Covenant needs Python 3.11, 3.12 or 3.13; $("$2" --version 2>&1) was found. Name another: make PYTHON=python3.12 …" >&2
      exit 1; }
    "$2" -c 'import ensurepip, venv' 2>/dev/null || {
      echo "Python's venv module is missing: install it (Debian and Ubuntu: apt-get install python3-venv)." >&2
      exit 1; }
    ;;
  node)
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || {
      echo "Covenant needs Node.js 20 or newer (with npm) to build the page, and it was not found." >&2; exit 1; }
    node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' || {
      echo "Covenant needs Node.js 20 or newer; $(node --version) was found." >&2; exit 1; }
    ;;
esac
