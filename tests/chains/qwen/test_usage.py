from chains.qwen.usage import estimated_usage, reported_usage


def test_reported_counts_are_kept_with_their_details() -> None:
    """Cached and reasoning tokens are told where the server tells them."""
    assert reported_usage(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        }
    ) == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 3},
    }


def test_missing_counts_are_no_crash() -> None:
    """Servers leave out what they like, or send null."""
    usage = reported_usage({"prompt_tokens": None, "completion_tokens_details": None})

    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (0, 0, 0)


def test_an_estimate_is_never_below_what_was_seen() -> None:
    """Each event with text held at least one token, dropped reasoning too."""
    usage = estimated_usage([{"content": "four char"}, {"content": None}], ["ab"], at_least=7)

    assert usage == {"input_tokens": 3, "output_tokens": 7, "total_tokens": 10}
