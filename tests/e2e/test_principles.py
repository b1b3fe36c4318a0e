"""What a person sees when a principle applies, and where the principles stand."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_a_stopped_message_names_its_principle(page: Page, service_url: str) -> None:
    """A block shows the principle's title and leads to its text; nothing looks like a fault."""
    chat = ChatPage(page, service_url)

    chat.ask("Please do [[violate]] for me.")

    card = page.locator(".card-principle")
    title = card.get_by_role("heading", level=3).inner_text()
    assert title
    expect(card).to_contain_text("is not kept")
    expect(page.locator(".card-fault")).to_have_count(0)
    link = card.get_by_role("link", name="Read this principle")
    principle = (link.get_attribute("href") or "").partition("#")[2]
    link.click()
    expect(page.locator(f"#{principle}")).to_contain_text(title)
    expect(page.locator(f"#{principle}")).to_be_in_viewport()


def test_a_person_can_be_asked_to_look(page: Page, service_url: str) -> None:
    """An appeal is sent with what its author allowed, and its state stays in the card."""
    chat = ChatPage(page, service_url)
    chat.ask("Please do [[violate]] for me.")

    chat.button("Ask a person to look").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("This was only a test.")
    with page.expect_response("**/api/v1/appeals") as sent:
        dialog.get_by_role("button", name="Send").click()

    assert sent.value.status == 201
    expect(page.locator(".appeal")).to_contain_text("A person will look at this")


def test_text_that_turns_bad_is_not_shown(page: Page, service_url: str) -> None:
    """Of an answer that turns bad, the stopped words never reach the page."""
    chat = ChatPage(page, service_url)

    answer = chat.ask("Begin well, then turn bad.")

    expect(answer.locator(".card-principle")).to_be_visible()
    assert "violate" not in page.content()
    assert "Never shown" not in page.content()


def test_the_constitution_is_readable_in_both_languages(page: Page, service_url: str) -> None:
    """Every principle is listed with its text, in English and in Chinese."""
    ChatPage(page, f"{service_url}/constitution")
    principles = page.locator(".principle")
    expect(principles.first).to_be_visible()
    count = principles.count()

    page.get_by_role("button", name="中文").click()

    expect(principles.first.get_by_role("heading")).to_have_text(re.compile(r"[\u4e00-\u9fff]"))
    expect(principles).to_have_count(count)
    assert count >= 10
