"""`/v1`: the paths OpenAI's clients know."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.deps import BackendDep, ChatDep, PrincipalDep, RequestIdDep, SettingsDep, StoreDep
from api.openai_compat import MODEL, chunks, completion, completion_ask
from api.openai_schemas import Completion, CompletionRequest, ModelEntry, ModelList
from api.routes.errors import problems

router = APIRouter(prefix="/v1", tags=["openai"])

_CLIENT_GONE = 499
_STREAMED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "description": (
            "The answer; with `stream` as chunks that end with `[DONE]`. A block is an answer: "
            "text written by the server, `finish_reason` `content_filter`, and `guardrails`."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


async def completion_session(who: PrincipalDep, store: StoreDep) -> str:
    """The session a completion runs in: the token's own, or one for this request alone.

    Raises:
        AuthenticationError: The session has ended.
    """
    if who.is_session:
        return who.subject
    return (await store.start(language=None, thinking=False, context=None)).id


@router.get("/models", responses=problems(HTTPStatus.UNAUTHORIZED, schema="OpenAIProblem"))
async def list_models(_who: PrincipalDep, backend: BackendDep) -> ModelList:
    """List the names a client may ask for; all of them are the same guarded bot."""
    names = dict.fromkeys((MODEL, backend.model))
    return ModelList(data=tuple(ModelEntry(id=name) for name in names))


@router.post(
    "/chat/completions",
    response_model=Completion,
    responses=_STREAMED
    | problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        schema="OpenAIProblem",
    ),
)
async def complete(
    request: Request,
    body: CompletionRequest,
    who: PrincipalDep,
    session_id: Annotated[str, Depends(completion_session)],
    chat: ChatDep,
    backend: BackendDep,
    settings: SettingsDep,
    request_id: RequestIdDep,
) -> Response:
    """Answer a conversation the client keeps; every message in it is checked.

    The key is a session's token or a staff member's.
    """
    names = (MODEL, backend.model)
    ask = completion_ask(body, session_id, names=names, most_chars=settings.chain.max_message_chars)
    begun = await chat.begin(ask, key=None, request_id=request_id)
    if body.stream:
        stream = await chat.stream(
            begun,
            resumable=False,
            rewrite=lambda content: chunks(content, ask, begun.run_id, appealable=who.is_session),
        )
        return Response(status_code=_CLIENT_GONE) if stream is None else stream
    transcript = await chat.transcript(begun, request.receive, resumable=False)
    if transcript is None:
        return Response(status_code=_CLIENT_GONE)
    answer = completion(transcript, body.model, appealable=who.is_session)
    # `guardrails` is there only where it says something, so that strict clients see OpenAI's form.
    return Response(
        answer.model_dump_json(exclude={"guardrails"} if answer.guardrails is None else None),
        media_type="application/json",
    )
