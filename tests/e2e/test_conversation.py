"""A conversation in a browser, from the first question to its erasure."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_an_answer_cites_passages_that_open(page: Page, service_url: str) -> None:
    """A question gets a streamed answer whose numbered marks open the passages they stand for."""
    chat = ChatPage(page, service_url)

    answer = chat.ask("How do citations work?")

    expect(answer).to_contain_text("Answers cite the passages they rest on")
    mark = answer.get_by_role("button", name=re.compile(r"^Source 1:"))
    mark.click()
    panel = page.get_by_role("dialog", name="Sources")
    expect(panel.locator("blockquote")).to_have_text(re.compile(r"\w"))
    expect(panel.get_by_role("heading", level=3)).to_have_text(re.compile(r"\w"))
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(mark).to_be_focused()


def test_an_answer_says_what_it_took(page: Page, service_url: str) -> None:
    """Model, tokens and times stand behind a button."""
    chat = ChatPage(page, service_url)
    answer = chat.ask("How do citations work?")

    answer.get_by_role("button", name="Details").click()

    expect(answer.locator(".usage")).to_contain_text("qwen-scripted")
    expect(answer.locator(".usage")).to_contain_text(re.compile(r"\d+ in, \d+ out"))


def test_stop_keeps_what_was_seen(page: Page, service_url: str) -> None:
    """Stop ends the answer where the reader saw it, and the conversation goes on."""
    chat = ChatPage(page, service_url)
    chat.send("Answer slowly, please.")
    answer = chat.answers.first
    expect(answer).to_contain_text("One more sentence.")

    chat.button("Stop answering").click()

    expect(answer).to_contain_text("You stopped this answer")
    seen = answer.locator(".markdown").inner_text()
    assert 0 < seen.count("One more sentence.") < 80
    expect(chat.box).to_be_focused()
    expect(chat.ask("How do citations work?")).to_contain_text("Answers cite")
    assert answer.locator(".markdown").inner_text() == seen


def test_an_edited_question_is_a_branch(page: Page, service_url: str) -> None:
    """Editing a question keeps the first version, one step away."""
    chat = ChatPage(page, service_url)
    chat.ask("How do citations work?")
    page.locator(".question").hover()
    chat.button("Edit").click()
    editor = page.get_by_role("textbox", name="Edit your message")
    editor.fill("Tell me about citations again.")
    editor.press("Enter")

    expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(chat.answers.first).to_have_attribute("data-status", "completed")
    chat.button("Previous version").click()

    expect(page.locator(".question")).to_contain_text("How do citations work?")
    expect(chat.answers).to_have_count(1)


def test_answering_again_is_a_branch(page: Page, service_url: str) -> None:
    """A second answer to the same question stands beside the first."""
    chat = ChatPage(page, service_url)
    chat.ask("How do citations work?")

    chat.button("Answer again").click()

    expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(chat.answers.first).to_contain_text("Answers cite")
    expect(chat.answers.first).to_have_attribute("data-status", "completed")


def test_erasing_leaves_nothing(page: Page, service_url: str) -> None:
    """Erasing empties the page and revokes the session at the service."""
    chat = ChatPage(page, service_url)
    with page.expect_request("**/api/v1/chat") as sent:
        chat.ask("How do citations work?")
    token = sent.value.headers["authorization"]
    chat.button("More").click()
    chat.button("Erase this conversation").click()
    chat.button("Erase").click()

    expect(chat.answers).to_have_count(0)
    answer = page.request.get(
        f"{service_url}/api/v1/chat/history", headers={"authorization": token}
    )
    assert answer.status == 401


STORED = """async () => {
  const kept = [{...localStorage}, {...sessionStorage}, document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
    });
    for (const table of database.objectStoreNames) {
      kept.push(...await new Promise((resolve) => {
        const request = database.transaction(table).objectStore(table).getAll();
        request.onsuccess = () => resolve(request.result);
      }));
    }
  }
  const text = (bytes) => new TextDecoder("latin1").decode(bytes);
  return kept.map((value) => value instanceof CryptoKey ? `key ${value.extractable}`
    : value.data ? text(value.data) : JSON.stringify(value));
}"""
"""Everything the browser stores for the page, as texts."""


def test_the_browser_keeps_preferences_alone(page: Page, service_url: str) -> None:
    """Of a conversation nothing is stored, of preferences only what this page can decrypt."""
    chat = ChatPage(page, service_url)
    chat.ask("How do citations work?")
    assert page.evaluate(STORED) == ["{}", "{}", '""']

    page.get_by_role("button", name="中文").click()
    page.wait_for_function(f"async () => (await ({STORED})()).length === 5")
    local, session, cookie, *vault = page.evaluate(STORED)
    assert [local, session, cookie] == ["{}", "{}", '""']
    assert "key false" in vault
    assert all("language" not in text and "zh" not in text for text in vault)

    page.reload()
    expect(page.get_by_role("textbox", name="您的消息")).to_be_visible()


def test_a_rating_is_taken(page: Page, service_url: str) -> None:
    """Thumbs are sent, and the ones that point down may say why."""
    chat = ChatPage(page, service_url)
    answer = chat.ask("How do citations work?")

    answer.get_by_role("button", name="Bad answer").click()
    answer.get_by_role("button", name="Not correct").click()

    expect(answer.get_by_text("Thank you. Noted.")).to_be_visible()
