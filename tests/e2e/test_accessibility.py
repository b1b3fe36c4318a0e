"""The page for everybody: axe on every state, the keyboard alone, and what is announced."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 800}


@pytest.fixture(
    params=[(DESKTOP, "light"), (PHONE, "dark")],
    ids=["desktop-light", "phone-dark"],
)
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of one size in one colour scheme."""
    viewport, scheme = request.param
    context = browser.new_context(
        viewport=viewport, color_scheme=scheme, has_touch=viewport is PHONE, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def test_axe_finds_nothing(look: Page, service_url: str) -> None:
    """No state of the page violates WCAG 2.2 AA as far as axe can tell, and nothing overflows."""
    found: dict[str, list[str]] = {}
    chat = ChatPage(look, service_url)

    def check(state: str) -> None:
        found[state] = chat.violations()
        if look.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[state].append("wider than the window")

    expect(look.locator(".empty-notices")).to_be_visible()
    check("empty")
    answer = chat.ask("How do citations work?")
    answer.get_by_role("button", name="Details").click()
    check("answer")
    answer.locator(".citation-mark").first.click()
    expect(look.locator(".source-passage")).to_have_attribute("aria-busy", "false")
    check("source")
    look.keyboard.press("Escape")
    chat.ask("Please do [[violate]] for me.")
    check("block")
    chat.button("Ask a person to look").click()
    check("appeal")
    look.keyboard.press("Escape")
    chat.ask("Be hostile.")
    check("hostile")
    chat.button("More").click()
    check("menu")
    chat.button("Keyboard shortcuts").click()
    check("shortcuts")
    look.keyboard.press("Escape")
    look.get_by_role("link", name="Constitution", exact=True).click()
    expect(look.locator(".principle").first).to_be_visible()
    check("constitution")

    assert {state: problems for state, problems in found.items() if problems} == {}


def test_the_keyboard_is_enough(page: Page, service_url: str) -> None:
    """A question is asked, its source opened and closed, and the answer copied without a mouse."""
    chat = ChatPage(page, service_url)
    expect(page.locator(".empty-notices")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the message box")).to_be_focused()
    page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()
    page.keyboard.type("How do citations work?")
    page.keyboard.press("Enter")
    answer = chat.answers.first
    expect(answer).to_have_attribute("data-status", "completed")

    mark = answer.locator(".citation-mark").first
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if mark.evaluate("mark => mark === document.activeElement"):
            break
    expect(mark).to_be_focused()
    assert mark.evaluate("mark => getComputedStyle(mark).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect(chat.button("Close sources")).to_be_focused()
    page.keyboard.press("Enter")
    expect(mark).to_be_focused()
    page.keyboard.press("/")
    expect(chat.box).to_be_focused()


def test_an_answer_is_announced_once(page: Page, service_url: str) -> None:
    """A screen reader hears what goes on and then the answer, whole and once."""
    chat = ChatPage(page, service_url)
    expect(page.locator(".empty-notices")).to_be_visible()
    page.evaluate(
        """() => {
          window.said = [];
          const regions = document.querySelectorAll("[role=status], [role=log], [aria-live]");
          new MutationObserver((records) => {
            for (const { target } of records) {
              const text = target.textContent.trim();
              if (text) window.said.push(text);
            }
          }).observe(regions[0].parentElement, {
            subtree: true, childList: true, characterData: true,
          });
        }"""
    )

    answer = chat.ask("How do citations work?")
    expect(page.locator("[role=log]")).to_contain_text("Answers cite")

    said = page.evaluate("window.said")
    assert sum("Answers cite" in text for text in said) == 1
    live = answer.locator("xpath=ancestor-or-self::*[@aria-live or @role='log' or @role='status']")
    assert live.count() == 0
