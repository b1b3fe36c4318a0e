"""What tokens cost."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from chains.turn import Usage

_TOKENS_PER_PRICE = Decimal(1_000_000)


class Price(BaseModel):
    """List price of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Decimal = Field(ge=0)
    """USD per million prompt tokens."""
    completion: Decimal = Field(ge=0)
    """USD per million completion tokens."""


class PriceTable(BaseModel):
    """Prices by model name; a model that is not in it has no known price, which is not zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prices: dict[str, Price] = Field(default_factory=dict)

    def price(self, model: str, *, prompt_tokens: int, completion_tokens: int) -> Usage:
        """Price a call.

        Args:
            model: The model's name as its endpoint knows it.
            prompt_tokens: Tokens read.
            completion_tokens: Tokens written, reasoning included.
        """
        known = self.prices.get(model)
        cost = (
            None
            if known is None
            else float(
                (prompt_tokens * known.prompt + completion_tokens * known.completion)
                / _TOKENS_PER_PRICE
            )
        )
        return Usage(prompt_tokens, completion_tokens, cost)
