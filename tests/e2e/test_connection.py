"""Answers over a network that breaks."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.chat_page import ChatPage
from tests.e2e.cut_wire import cut_wire

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_an_answer_survives_cuts(page: Page, service_url: str) -> None:
    """A connection cut twice loses and repeats nothing, and the turn is sent once."""
    posts: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/chat"):
            posts.append(request.url)

    page.on("request", note)
    with cut_wire(service_url) as wire:
        chat = ChatPage(page, wire.url)
        chat.send("Count slowly, please.")
        answer = chat.answers.first
        expect(answer).to_contain_text("3.")
        wire.open = False
        wire.cut()
        expect(answer).to_contain_text("Connection lost")
        wire.open = True
        expect(answer).to_contain_text("12.")
        wire.cut()
        expect(answer).to_have_attribute("data-status", "completed", timeout=40_000)

    counted = re.findall(r"Number (\d+)\.", answer.locator(".markdown").inner_text())
    assert counted == [str(n) for n in range(1, 31)]
    assert len(posts) == 1


def test_a_message_waits_for_the_service(page: Page, service_url: str) -> None:
    """A message that cannot be sent stays on the page and goes out when it is tried again."""
    with cut_wire(service_url) as wire:
        chat = ChatPage(page, wire.url)
        expect(page.locator(".empty-notices")).to_be_visible()
        wire.open = False
        wire.cut()
        chat.send("How do citations work?")
        expect(page.locator(".card-fault")).to_contain_text("cannot be reached")
        expect(page.locator(".question")).to_contain_text("How do citations work?")
        wire.open = True

        chat.button("Try again").click()

        expect(chat.answers.first).to_contain_text("Answers cite")
