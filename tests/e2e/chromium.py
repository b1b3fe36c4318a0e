"""The Chromium that browser tests drive."""

import os
import shutil

from playwright.sync_api import Browser, Playwright


def launch(playwright: Playwright) -> Browser:
    """Start it: the one `CHROMIUM_EXECUTABLE` names, one of the system, or Playwright's own."""
    executable = os.environ.get("CHROMIUM_EXECUTABLE") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    return playwright.chromium.launch(
        executable_path=executable,
        args=["--no-sandbox", "--disable-background-networking", "--disable-sync"],
    )
