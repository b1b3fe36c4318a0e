"""Conversations in Redis: one step each, nothing written to what was erased."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from chains.conversation import Conversation, Repeat, StoredBlock, StoredRun
from chains.errors import AuthenticationError, ServiceUnavailableError
from chains.redis_client import connect, reaching
from chains.store import ConversationStore, LogEntries, log_key
from chains.turn import Exchange
from tests.fakes.api_service import redis_server

RUN = StoredRun("r_1", "m_1", "running", worker="w_1", question="Is it so?")
EXCHANGE = Exchange("m_1", "Is it so?", "It is.", "stop", datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> ConversationStore:
    return ConversationStore(
        redis, idle=timedelta(minutes=5), lifetime=timedelta(hours=1), max_exchanges=3
    )


async def begun(store: ConversationStore, run: StoredRun = RUN) -> str:
    """A session with a run; its id."""
    session = await store.start(language="zh", thinking=True, context="on a page")
    await store.begin(session.id, run, key=None, fingerprint="f")
    return session.id


async def test_a_session_is_read_as_it_was_begun(store: ConversationStore) -> None:
    """Preferences, context and times come back."""
    session = await store.start(language="zh", thinking=True, context="on a page")

    assert await store.session(session.id) == session
    assert session.ends - session.started == timedelta(hours=1)
    assert "on a page" not in repr(session)


async def test_ids_are_unguessable_and_different(store: ConversationStore) -> None:
    """Two sessions never share an id."""
    ids = {(await store.start(language=None, thinking=False, context=None)).id for _ in range(20)}

    assert len(ids) == 20
    assert all(len(name) > 24 for name in ids)


async def test_an_exchange_is_kept_with_its_details(store: ConversationStore) -> None:
    """What a run leaves is there for the next one, and for the history."""
    session = await begun(store)
    block = StoredBlock("d_1", "m_1", "output", "no-weapons", appealable=True)

    kept = await store.finish(
        session,
        replace(RUN, status="completed", question=""),
        exchange=EXCHANGE,
        details=b'{"x":1}',
        block=block,
    )

    assert kept
    conversation = await store.conversation(session)
    assert conversation.exchanges == (EXCHANGE,)
    assert conversation.details == {"m_1": b'{"x":1}'}
    assert conversation.runs[0].status == "completed"
    assert await store.block(session, "d_1") == block
    assert await store.block(session, "d_2") is None
    assert (await store.run(session, "r_1")) == replace(RUN, status="completed", question="")


async def test_finishing_twice_keeps_one_exchange(store: ConversationStore) -> None:
    """A run that was ended cannot be ended again, by itself or by somebody else."""
    session = await begun(store)
    await store.finish(session, replace(RUN, status="completed"), exchange=EXCHANGE)

    await store.finish(session, replace(RUN, status="completed"), exchange=EXCHANGE)
    await store.finish(session, replace(RUN, status="failed"), exchange=EXCHANGE)

    conversation = await store.conversation(session)
    assert len(conversation.exchanges) == 1
    assert conversation.runs[0].status == "completed"


async def test_a_key_is_used_once(store: ConversationStore) -> None:
    """The second run under a key is told of the first; sending the first twice is no repeat."""
    session = (await store.start(language=None, thinking=False, context=None)).id
    first = await store.begin(session, RUN, key="key", fingerprint="f1")
    again = await store.begin(session, RUN, key="key", fingerprint="f1")
    second = await store.begin(session, replace(RUN, run_id="r_2"), key="key", fingerprint="f2")

    assert isinstance(first, Conversation)
    assert isinstance(again, Conversation)
    assert second == Repeat("r_1", "f1")


async def test_nothing_is_written_to_an_erased_session(
    store: ConversationStore, redis: Redis
) -> None:
    """After erasing no script writes, and every reader is told that the session has ended."""
    session = await begun(store)
    await redis.xadd(log_key(session, "r_1"), {"e": "x"})

    runs = await store.erase(session)

    assert runs == (RUN,)
    log = LogEntries(((1, b"frame"),))
    assert not await store.finish(session, RUN, exchange=EXCHANGE, log=log)
    for attempt in (
        store.session(session),
        store.conversation(session),
        store.begin(session, RUN, key=None, fingerprint="f"),
    ):
        with pytest.raises(AuthenticationError):
            await attempt
    assert await redis.keys("*") == []


async def test_a_log_is_written_once_and_can_begin_anew(
    store: ConversationStore, redis: Redis
) -> None:
    """Sequence numbers are ids: a repeat adds nothing, and a rewrite leaves nothing behind."""
    session = await begun(store)
    key = log_key(session, "r_1")
    await redis.xadd(key, {"e": "withdrawn"}, id="1-0")

    await store.finish(
        session,
        replace(RUN, status="blocked"),
        log=LogEntries(((1, b""), (2, b"last")), keep=timedelta(seconds=30), anew=True),
    )

    assert await redis.xrange(key) == [(b"1-0", {b"e": b""}), (b"2-0", {b"e": b"last"})]
    assert 0 < await redis.ttl(key) <= 30


async def test_a_branch_is_followed_from_its_end(store: ConversationStore) -> None:
    """A thread is the exchange, its parent, and so on, oldest first."""
    one = replace(EXCHANGE, message_id="m_1")
    two = replace(EXCHANGE, message_id="m_2", parent_id="m_1")
    other = replace(EXCHANGE, message_id="m_3", parent_id="m_1")
    session = await store.start(language=None, thinking=False, context=None)
    conversation = Conversation(session, exchanges=(one, two, other))

    assert conversation.thread("m_3") == (one, other)
    assert conversation.thread(None) == ()
    with pytest.raises(KeyError):
        conversation.thread("m_9")
    forgotten = Conversation(session, exchanges=(two,))
    assert forgotten.thread("m_2") == (two,)


async def test_a_lost_redis_is_a_clear_error_without_words() -> None:
    """What cannot be reached is named; neither arguments nor addresses are repeated."""
    client = connect("unix:///nowhere/canary.sock", timeout=timedelta(milliseconds=100))
    store = ConversationStore(
        client, idle=timedelta(hours=1), lifetime=timedelta(hours=1), max_exchanges=1
    )

    with pytest.raises(ServiceUnavailableError) as failure:
        await store.start(language=None, thinking=False, context="canary")

    assert failure.value.retry_after is not None
    assert "canary" not in failure.value.message
    assert failure.value.__cause__ is None
    await client.aclose()


def test_other_errors_pass_through() -> None:
    """Only Redis's and the network's errors are mapped."""
    with pytest.raises(ZeroDivisionError), reaching("Redis"):
        raise ZeroDivisionError
