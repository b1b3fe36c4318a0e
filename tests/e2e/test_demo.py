"""The page of a service that found no model."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_without_a_model_the_page_says_what_to_do(page: Page, demo_url: str) -> None:
    """The answer quotes the documents, says so, and the page tells how to connect a model."""
    chat = ChatPage(page, demo_url)

    answer = chat.ask("How are my messages checked before I get an answer?")

    expect(answer).to_contain_text("no language model answered")
    expect(answer.locator(".citation-mark").first).to_be_visible()
    banner = page.locator(".notice-demo")
    expect(banner).to_contain_text("No Qwen model is connected")
    expect(banner).to_contain_text("ollama run")
    expect(banner).to_contain_text("DASHSCOPE_API_KEY")
