"""Remembering verdicts."""

from guardrails.judge_reply import Violation
from guardrails.verdict_cache import MemoryVerdicts

FOUND = (Violation("no-weapons", 0.9, "no-weapons"),)


async def test_the_least_recently_used_verdict_goes_first() -> None:
    """Memory stays bounded."""
    cache = MemoryVerdicts(2)
    await cache.put("a", FOUND)
    await cache.put("b", ())
    assert await cache.get("a") == FOUND
    await cache.put("c", ())
    assert [await cache.get(key) for key in "abc"] == [FOUND, None, ()]


async def test_a_cache_of_nothing_keeps_nothing() -> None:
    """A limit of 0 switches it off."""
    cache = MemoryVerdicts(0)
    await cache.put("a", FOUND)
    assert await cache.get("a") is None
