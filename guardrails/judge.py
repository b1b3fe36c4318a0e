"""Layer L2: one small model call that names the principles a text violates.

Any OpenAI-compatible server: a Qwen that reads the constitution in its prompt and answers in JSON,
or Qwen3Guard, which answers in lines of its own. Guard calls use one pooled HTTP client for each
endpoint and never a chat-model framework, which costs ten times the CPU.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, Literal

import aiohttp
import orjson
from pydantic import SecretStr

from guardrails.dialogue import Message, Role
from guardrails.judge_reply import (
    UnreadableReplyError,
    Violation,
    read_constitution_reply,
    read_qwen3guard_reply,
    without_thought,
)
from guardrails.normalise import fold
from guardrails.policy import Policy
from guardrails.principles import Principle
from guardrails.prompts import PromptError
from guardrails.verdict_cache import MemoryVerdicts, VerdictCache

JudgeTask = Literal[
    "constitution_judge_input", "constitution_judge_output", "constitution_judge_exchange"
]
Fault = Literal["timeout", "unreachable", "status", "unreadable", "prompt"]

_MAX_REPLY: Final = 256 * 1024
_GUARD_TOKENS: Final = 64


class JudgeKind(StrEnum):
    """How a judge is asked and how it answers."""

    CONSTITUTION = "constitution"
    """A chat model that gets the principles in its prompt and answers in JSON."""
    QWEN3GUARD = "qwen3guard"
    """Qwen3Guard-Gen: gets the conversation alone, answers ``Safety:`` and ``Categories:``."""


@dataclass(frozen=True, slots=True)
class JudgeEndpoint:
    """Where a judge is served."""

    base_url: str
    """OpenAI-compatible, usually ending in ``/v1``."""
    model: str
    api_key: SecretStr | None = field(default=None, repr=False)
    kind: JudgeKind | None = None
    """None: told by the model's name, a guard by ``guard`` in it."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Further request fields, such as the one that switches thinking off."""

    @property
    def speaks(self) -> JudgeKind:
        """The kind, told by the name where it is not set."""
        if self.kind is not None:
            return self.kind
        guard = "guard" in self.model.casefold()
        return JudgeKind.QWEN3GUARD if guard else JudgeKind.CONSTITUTION


class JudgeError(Exception):
    """The judge gave no verdict. Never holds a text or an address."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else fault)
        self.fault: Fault = fault


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge is asked about."""

    task: JudgeTask
    principles: tuple[Principle, ...]
    """Only these may be named."""
    user_input: str = field(default="", repr=False)
    bot_response: str = field(default="", repr=False)
    passages: Sequence[object] = field(default=(), repr=False)
    """With title and text; numbered from 1 in the prompt."""

    @property
    def variables(self) -> dict[str, object]:
        """The variables of the task's prompt."""
        variables: dict[str, object] = {"principles": self.principles}
        if self.task != "constitution_judge_output":
            variables["user_input"] = self.user_input
        if self.task != "constitution_judge_input":
            variables["bot_response"] = self.bot_response
        if self.task == "constitution_judge_exchange":
            variables["passages"] = tuple(enumerate(self.passages, start=1))
        return variables


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge found."""

    violations: tuple[Violation, ...]
    tokens: int = 0
    """Prompt and completion; 0 where the verdict was remembered."""


class Judge:
    """Asks one endpoint on behalf of one policy.

    Args:
        endpoint: Where the judge is served.
        policy: Whose principles and prompts are used.
        cache: Where verdicts are remembered; in memory by default.
    """

    def __init__(
        self, endpoint: JudgeEndpoint, policy: Policy, *, cache: VerdictCache | None = None
    ) -> None:
        settings = policy.strictness.judge
        self.endpoint = endpoint
        self._policy = policy
        self._deadline = settings.deadline_ms
        self._slots = asyncio.Semaphore(settings.concurrent)
        self._concurrent = settings.concurrent
        self._cache = MemoryVerdicts(settings.cached_verdicts) if cache is None else cache
        self._session: aiohttp.ClientSession | None = None
        self._takes_schema = True
        self._meaning: dict[str, str] = {
            category: principle.id
            for principle in policy.principles
            for category in principle.maps_to.qwen3guard
        }

    async def ask(self, question: Question) -> Judgement:
        """Ask which principles a text violates.

        Raises:
            JudgeError: There was no verdict in time, or none at all.
        """
        key = self._key(question)
        remembered = await self._cache.get(key)
        if remembered is not None:
            return Judgement(remembered)
        reply, tokens = await self._reply_in_time(
            self._messages(question), self._body(question), self._deadline
        )
        try:
            if self.endpoint.speaks is JudgeKind.QWEN3GUARD:
                violations = read_qwen3guard_reply(reply, self._meaning)
            else:
                violations = read_constitution_reply(reply, {p.id for p in question.principles})
        except UnreadableReplyError as error:
            raise JudgeError("unreadable", str(error)) from None
        await self._cache.put(key, violations)
        return Judgement(violations, tokens)

    async def write(
        self, task: str, *, deadline: timedelta, **variables: object
    ) -> tuple[str, int]:
        """Have a text written: a critique or a revision.

        Returns:
            The text without thinking, and the tokens it took.

        Raises:
            JudgeError: There was none in time, or the endpoint is a guard that writes nothing.
        """
        if self.endpoint.speaks is JudgeKind.QWEN3GUARD:
            raise JudgeError("prompt", "a guard model writes no text")
        try:
            messages = self._policy.render(task, **variables)
        except PromptError as error:
            raise JudgeError("prompt", str(error)) from None
        body = {"max_tokens": self._policy.prompts.max_tokens(task) or 1000}
        reply, tokens = await self._reply_in_time(messages, body, deadline)
        try:
            text = without_thought(reply)
        except UnreadableReplyError as error:
            raise JudgeError("unreadable", str(error)) from None
        if not text:
            raise JudgeError("unreadable", "empty")
        return text, tokens

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _key(self, question: Question) -> str:
        digest = hashlib.blake2b(digest_size=20)
        for part in (
            self._policy.version,
            self.endpoint.model,
            question.task,
            ",".join(principle.id for principle in question.principles),
            fold(question.user_input),
            fold(question.bot_response),
            *(str(getattr(passage, "text", "")) for passage in question.passages),
        ):
            digest.update(f"{len(part)}:".encode())
            digest.update(part.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _messages(self, question: Question) -> tuple[Message, ...]:
        if self.endpoint.speaks is JudgeKind.QWEN3GUARD:
            user = Message(Role.USER, question.user_input)
            if question.task == "constitution_judge_input":
                return (user,)
            return (user, Message(Role.ASSISTANT, question.bot_response))
        try:
            return self._policy.render(question.task, **question.variables)
        except PromptError as error:
            raise JudgeError("prompt", str(error)) from None

    def _body(self, question: Question) -> dict[str, Any]:
        if self.endpoint.speaks is JudgeKind.QWEN3GUARD:
            return {"max_tokens": _GUARD_TOKENS}
        body: dict[str, Any] = {"max_tokens": self._policy.prompts.max_tokens(question.task) or 200}
        if self._takes_schema:
            body["response_format"] = _schema([p.id for p in question.principles])
        return body

    async def _reply_in_time(
        self, messages: Sequence[Message], body: dict[str, Any], deadline: timedelta
    ) -> tuple[str, int]:
        request = {
            "model": self.endpoint.model,
            "messages": [{"role": m.role.value, "content": m.text} for m in messages],
            "temperature": 0,
            "stream": False,
            **self.endpoint.fields,
            **body,
        }
        try:
            async with asyncio.timeout(deadline.total_seconds()), self._slots:
                return await self._reply(request)
        except TimeoutError:
            raise JudgeError("timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            # Their messages may hold the address, and an address may hold a password.
            raise JudgeError("unreachable", type(error).__name__) from None

    async def _reply(self, request: dict[str, Any]) -> tuple[str, int]:
        status, raw = await self._post(request)
        if status == HTTPStatus.BAD_REQUEST and "response_format" in request:
            # Servers without structured output refuse the field; the parser is strict anyway.
            without = {name: value for name, value in request.items() if name != "response_format"}
            status, raw = await self._post(without)
            self._takes_schema = status != HTTPStatus.OK
        if status != HTTPStatus.OK:
            raise JudgeError("status", str(status))
        try:
            answer = orjson.loads(raw)
            content = answer["choices"][0]["message"]["content"]
            usage = answer.get("usage") or {}
            tokens = int(usage.get("total_tokens") or 0)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise JudgeError("unreadable", "no chat completion") from None
        if not isinstance(content, str):
            raise JudgeError("unreadable", "no text")
        return content, tokens

    async def _post(self, request: dict[str, Any]) -> tuple[int, bytes]:
        url = f"{self.endpoint.base_url.rstrip('/')}/chat/completions"
        async with self._client().post(url, data=orjson.dumps(request)) as response:
            raw = await response.content.read(_MAX_REPLY + 1)
            while len(raw) <= _MAX_REPLY and (more := await response.content.read(_MAX_REPLY)):
                raw += more
            if len(raw) > _MAX_REPLY:
                raise JudgeError("unreadable", "too long")
            return response.status, raw

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self.endpoint.api_key is not None:
                headers["Authorization"] = f"Bearer {self.endpoint.api_key.get_secret_value()}"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._concurrent),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=True,
            )
        return self._session


def _schema(ids: Sequence[str]) -> dict[str, object]:
    """The form of the reply, for servers that can keep a model to one."""
    violation = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": list(ids)},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["id", "confidence"],
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {
            "name": "violations",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {
                    "violations": {"type": "array", "items": violation},
                    "reason": {"type": "string"},
                },
                "required": ["violations", "reason"],
                "additionalProperties": False,
            },
        },
    }
