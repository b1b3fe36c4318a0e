#!/usr/bin/env bash
# Print the path of a Chromium for the browser tests, installing one where that is possible.
set -euo pipefail
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null 2>&1; then command -v "$name"; exit 0; fi
done
playwright=.venv/bin/playwright
executable() { .venv/bin/python - <<'PY'
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    path = Path(p.chromium.executable_path)
    print(path if path.exists() else "")
PY
}
found=$(executable)
if [ -z "$found" ]; then
  timeout 300 "$playwright" install chromium >/dev/null 2>&1 || true
  found=$(executable)
fi
if [ -z "$found" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 || true
  found=$(command -v chromium || true)
fi
if [ -z "$found" ]; then
  echo "No Chromium was found and none could be installed: install chromium to run the browser tests." >&2
  exit 1
fi
echo "$found"
