from decimal import Decimal

import pytest

from chains.usage import Price, PriceTable

TABLE = PriceTable(prices={"qwen-plus": Price(prompt=Decimal("0.4"), completion=Decimal("1.2"))})


def test_prices_prompt_and_completion_separately() -> None:
    """The cost is tokens times their price per million, in USD."""
    usage = TABLE.price("qwen-plus", prompt_tokens=1_000_000, completion_tokens=500_000)

    assert pytest.approx(1.0) == usage.cost_usd


def test_an_unknown_price_is_not_zero() -> None:
    """A model that is not in the table costs an unknown amount, and its tokens still count."""
    usage = TABLE.price("mystery", prompt_tokens=7, completion_tokens=3)

    assert (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd) == (7, 3, None)
