"""The chat page as a person uses it: what tests ask of it, and where its parts are."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PATIENCE = 15_000
"""Milliseconds to wait for something on a busy machine."""


class ChatPage:
    """A page that is open on a service, in English unless its browser prefers Chinese."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(url)

    @property
    def box(self) -> Locator:
        """Where a message is typed."""
        return self.page.locator("#composer")

    @property
    def answers(self) -> Locator:
        """The answers on the page, oldest first."""
        return self.page.locator(".answer")

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def send(self, message: str) -> None:
        """Type a message and press Enter."""
        self.box.fill(message)
        self.box.press("Enter")

    def ask(self, message: str) -> Locator:
        """Send a message and wait for the end of its answer, which is returned."""
        before = self.answers.count()
        self.send(message)
        answer = self.answers.nth(before)
        expect(answer).to_have_attribute(
            "data-status", re.compile("completed|blocked|stopped|failed")
        )
        return answer

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is."""
        # Written into the page by the debugger, which its content security policy does not bind.
        options = json.dumps({"resultTypes": ["violations"], "runOnly": RULES})
        found = self.page.evaluate(f"{AXE.read_text()}; axe.run(document, {options})")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
