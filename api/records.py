"""What must last: feedback and appeals, in the durable Redis until they expire.

```
{feedback}:item:<session>:<message>      string  what the person said
{feedback}:all                           zset    those keys by time
{feedback}:of:<session>                  set     keys of one session, so that they can be erased
{appeals}:item:<appeal>, :all, :of:…     the same for appeals
{appeals}:about:<session>:<decision>     string  the appeal there already is
```
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis

from api.schemas import AppealAnswer, AppealRequest, FeedbackAnswer, FeedbackRequest
from chains.conversation import StoredBlock
from chains.redis_client import reaching

Kind = Literal["feedback", "appeals"]


class FeedbackRecord(BaseModel):
    """Feedback as it is kept."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    session_id: str
    message_id: str
    rating: Literal["up", "down"]
    reason: str | None = None
    comment: str | None = Field(default=None, repr=False)
    policy_version: str
    at: datetime
    expires_at: datetime


class AppealRecord(BaseModel):
    """An appeal as it is kept."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: str
    session_id: str
    message_id: str
    decision_id: str
    principle_id: str | None
    stage: Literal["input", "retrieval", "output"]
    reason: str | None = Field(default=None, repr=False)
    text: str | None = Field(default=None, repr=False)
    status: Literal["open", "upheld", "overturned"] = "open"
    answer: str | None = Field(default=None, repr=False)
    at: datetime
    answered_at: datetime | None = None
    expires_at: datetime

    def public(self) -> AppealAnswer:
        """What the person may see."""
        return AppealAnswer.model_validate(self.model_dump(include=set(AppealAnswer.model_fields)))


class RecordStore:
    """Durable records.

    Args:
        client: A client of the durable Redis; the caller closes it.
        feedback: How long feedback is kept.
        appeals: How long appeals are kept.

    Every method raises `ServiceUnavailableError` when Redis cannot be reached in time.
    """

    def __init__(self, client: Redis, *, feedback: timedelta, appeals: timedelta) -> None:
        self.client = client
        self._kept: dict[Kind, timedelta] = {"feedback": feedback, "appeals": appeals}

    async def keep_feedback(
        self, session_id: str, feedback: FeedbackRequest, *, policy_version: str
    ) -> FeedbackAnswer:
        """Keep what a person thinks of an answer; the latest word counts."""
        now = datetime.now(UTC)
        record = FeedbackRecord(
            session_id=session_id,
            policy_version=policy_version,
            at=now,
            expires_at=now + self._kept["feedback"],
            **feedback.model_dump(),
        )
        await self._keep("feedback", session_id, f"{session_id}:{feedback.message_id}", record)
        return FeedbackAnswer(
            message_id=record.message_id,
            rating=record.rating,
            at=record.at,
            expires_at=record.expires_at,
        )

    async def keep_appeal(
        self, session_id: str, request: AppealRequest, block: StoredBlock
    ) -> AppealAnswer:
        """Keep an appeal; a second one about the same decision is the first one again."""
        name = f"{{appeals}}:about:{session_id}:{request.decision_id}"
        now = datetime.now(UTC)
        record = AppealRecord(
            id=f"a_{secrets.token_urlsafe(12)}",
            session_id=session_id,
            message_id=block.message_id,
            decision_id=block.decision_id,
            principle_id=block.principle_id,
            stage=block.stage,
            reason=request.reason,
            text=request.text,
            at=now,
            expires_at=now + self._kept["appeals"],
        )
        with reaching("Records"):
            first = await self.client.set(name, record.id, nx=True, ex=self._kept["appeals"])
            earlier = None if first else await self.client.get(name)
        if earlier is not None and (found := await self.appeal(session_id, _text(earlier))):
            return found
        await self._keep("appeals", session_id, record.id, record)
        with reaching("Records"):
            await self.client.sadd(_of("appeals", session_id), name)
        return record.public()

    async def appeal(self, session_id: str, appeal_id: str) -> AppealAnswer | None:
        """The appeal a person names, if it is theirs."""
        with reaching("Records"):
            found = await self.client.get(_item("appeals", appeal_id))
        if found is None:
            return None
        record = AppealRecord.model_validate_json(found)
        return record.public() if record.session_id == session_id else None

    async def erase(self, session_id: str) -> None:
        """Erase everything a session left here."""
        for kind in self._kept:
            with reaching("Records"):
                keys = await self.client.smembers(_of(kind, session_id))
                async with self.client.pipeline(transaction=True) as erasing:
                    if keys:
                        await erasing.delete(*keys)
                        await erasing.zrem(f"{{{kind}}}:all", *keys)
                    await erasing.delete(_of(kind, session_id))
                    await erasing.execute()

    async def _keep(self, kind: Kind, session_id: str, name: str, record: BaseModel) -> None:
        key = _item(kind, name)
        now = datetime.now(UTC)
        with reaching("Records"):
            async with self.client.pipeline(transaction=True) as keeping:
                await keeping.set(key, record.model_dump_json(), ex=self._kept[kind])
                await keeping.zadd(f"{{{kind}}}:all", {key: now.timestamp()})
                oldest = (now - self._kept[kind]).timestamp()
                await keeping.zremrangebyscore(f"{{{kind}}}:all", 0, oldest)
                await keeping.sadd(_of(kind, session_id), key)
                await keeping.expire(_of(kind, session_id), self._kept[kind])
                await keeping.execute()


def _item(kind: Kind, name: str) -> str:
    return f"{{{kind}}}:item:{name}"


def _of(kind: Kind, session_id: str) -> str:
    return f"{{{kind}}}:of:{session_id}"


def _text(reply: bytes | str) -> str:
    return reply.decode() if isinstance(reply, bytes) else reply
