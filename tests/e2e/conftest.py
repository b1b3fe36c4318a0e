"""The real service in front of a scripted Qwen, and a headless Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.chromium import launch
from tests.fakes.scripted_reply import Reply, Rule, Script, Violation
from tests.fakes.service import running_qwen, running_service

HOSTILE = """\
Here it comes. <script>window.hacked = true</script>
<img src="https://evil.example/a.png" onerror="window.hacked = true">

<svg onload="window.hacked = true"><style>body { display: none }</style></svg>
<iframe src="https://evil.example/frame"></iframe>

![beacon](https://evil.example/pixel.png) [click](javascript:window.hacked=true)

<a href="https://evil.example" style="position:fixed;inset:0" onclick="window.hacked=true">cover</a>

| a | b |
|---|---|
| ![x](//evil.example/b.png) | [y](data:text/html,<script>hacked=true</script>) |

- [ ] task

```html
<b onclick="window.hacked = true">code</b>
```

This is the end.
"""

SCRIPT = Script(
    rules=[
        Rule(
            match="citations",
            reply=Reply(
                text="Answers cite the passages they rest on [1]. Each number opens its passage.",
                tokens_per_second=60,
            ),
        ),
        Rule(
            match="turn bad",
            reply=Reply(text="This begins well. Then it says [[violate]] aloud. Never shown."),
        ),
        Rule(
            match="Count slowly",
            reply=Reply(
                text=" ".join(f"Number {n}. It comes after others." for n in range(1, 31)),
                tokens_per_second=40,
            ),
        ),
        Rule(match="hostile", reply=Reply(text=HOSTILE)),
        Rule(match="slowly", reply=Reply(text="One more sentence. " * 80, tokens_per_second=20)),
    ],
    violations=[Violation(match="[[violate]]", principle="no-crime")],
)


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose Qwen and judge are scripted."""
    folder = tmp_path_factory.mktemp("e2e")
    with running_qwen(folder, SCRIPT) as qwen:
        environment = {
            "COVENANT_MODEL__BASE_URL": qwen,
            "COVENANT_MODEL__NAME": "qwen-scripted",
            "COVENANT_GUARD__BASE_URL": qwen,
            "COVENANT_GUARD__NAME": "qwen-judge",
            "COVENANT_FLAGS__STRICTNESS": "strict",  # the scripted judge sees everything
        }
        with running_service(folder, environment) as service:
            yield service.url


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that found no model."""
    folder = tmp_path_factory.mktemp("demo")
    with running_service(folder, {"COVENANT_MODEL__DISCOVER": "false"}) as service:
        yield service.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; a page has a context of its own."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page that fails its test on an uncaught error."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
