"""Text of a model that attacks the page."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_hostile_text_runs_and_loads_nothing(page: Page, service_url: str) -> None:
    """Scripts, handlers, beacons, frames and styles in an answer stay text."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("dialog", lambda dialog: requested.append(f"dialog {dialog.message}"))
    chat = ChatPage(page, service_url)

    answer = chat.ask("Be hostile.")
    page.wait_for_timeout(300)

    assert "the end" in answer.inner_text()
    home = urlsplit(service_url).netloc
    assert [url for url in requested if urlsplit(url).netloc != home] == []
    assert page.evaluate("window.hacked") is None
    dangerous = "script, img, iframe, object, embed, style, form, [onclick], [onerror], [style]"
    assert answer.locator(f".markdown :is({dangerous})").count() == 0
    links = answer.locator(".markdown a").evaluate_all("all => all.map(link => link.protocol)")
    assert set(links) <= {"http:", "https:"}


def test_the_page_breaks_no_rule_of_its_own(page: Page, service_url: str) -> None:
    """A whole conversation violates neither the content security policy nor anything else."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    chat = ChatPage(page, service_url)
    chat.ask("How do citations work?")
    chat.ask("Please do [[violate]] for me.")
    chat.button("More").click()
    chat.button("Dark").click()

    assert complaints == []
