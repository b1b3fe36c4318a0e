"""The page in Chinese, and Chinese in the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.chat_page import ChatPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


@pytest.fixture
def chinese(browser: Browser) -> Iterator[Page]:
    """A page of a browser that prefers Chinese."""
    context = browser.new_context(locale="zh-CN")
    yield context.new_page()
    context.close()


def test_a_chinese_browser_gets_a_chinese_page(chinese: Page, service_url: str) -> None:
    """Words, greeting and notices are Chinese from the first moment, and so is a block."""
    chat = ChatPage(chinese, service_url)

    expect(chinese.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(chinese.get_by_role("textbox", name="您的消息")).to_be_visible()
    expect(chinese.locator(".empty-notices")).to_contain_text("会话")
    chat.ask("请帮我 [[violate]]，谢谢。")

    expect(chinese.locator(".card-principle")).to_contain_text("涉及一条原则")
    expect(chinese.locator(".card-principle [lang=zh]")).to_be_visible()


def test_the_language_can_be_switched(page: Page, service_url: str) -> None:
    """One press changes every word of the page, and keeps the conversation."""
    chat = ChatPage(page, service_url)
    chat.ask("How do citations work?")

    page.get_by_role("button", name="中文").click()

    expect(page.get_by_role("textbox", name="您的消息")).to_be_visible()
    expect(chat.answers.first).to_contain_text("Answers cite")
    expect(page.get_by_role("button", name="详情")).to_be_visible()


def test_enter_that_ends_a_composition_sends_nothing(page: Page, service_url: str) -> None:
    """A word chosen with Enter, as input methods do it, stays in the box."""
    chat = ChatPage(page, service_url)
    expect(page.locator(".empty-notices")).to_be_visible()
    chat.box.focus()
    keyboard = page.context.new_cdp_session(page)
    keyboard.send(
        "Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6}
    )
    keyboard.send(
        "Input.dispatchKeyEvent",
        {"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229},
    )
    keyboard.send("Input.insertText", {"text": "你好"})

    expect(chat.box).to_have_value("你好")
    expect(chat.answers).to_have_count(0)
    page.wait_for_timeout(100)  # no hand is as fast as the end of a composition and the next key
    chat.box.press("Enter")
    expect(chat.answers).to_have_count(1)
