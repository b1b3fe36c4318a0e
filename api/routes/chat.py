"""Sessions, turns and their history."""

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from api.deps import (
    ChatDep,
    IdempotencyKey,
    RequestIdDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
    VisitorDep,
)
from api.routes.errors import problems
from api.schemas import (
    ChatAnswer,
    ChatRequest,
    Cursor,
    HistoryPage,
    StartAnswer,
    StartRequest,
    TokenAnswer,
)
from api.turns import ask_of

router = APIRouter(prefix="/chat", tags=["chat"])

EVENT_STREAM = "text/event-stream"
STREAMED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "description": (
            "The answer. With `Accept: text/event-stream` a stream of events, each with its "
            "`event` name, its sequence number as `id` and the event as `data`; the last is always "
            "`run.finished`."
        ),
        "content": {EVENT_STREAM: {"schema": {"$ref": "#/components/schemas/ChatEvent"}}},
    }
}
_CLIENT_GONE = 499
_WEIGHT = re.compile(r";\s*q=([0-9.]+)")


@router.post(
    "/start",
    status_code=HTTPStatus.CREATED,
    responses=problems(
        HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    ),
)
async def start(
    sessions: SessionsDep,
    visitor: VisitorDep,
    body: StartRequest | None = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> StartAnswer:
    """Begin an anonymous session.

    Staff who send their own token keep their role in the session, for traces.
    """
    chinese = (accept_language or "").lower().startswith("zh")
    return await sessions.start(body or StartRequest(), visitor, "zh" if chinese else "en")


@router.post(
    "/refresh",
    responses=problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
)
async def refresh(sessions: SessionsDep, session: SessionDep) -> TokenAnswer:
    """Give a fresh token for the same session; the old one stays good until it expires."""
    return await sessions.refresh(session)


@router.post(
    "",
    response_model=ChatAnswer,
    responses=STREAMED
    | problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ),
)
async def ask(
    request: Request,
    body: ChatRequest,
    chat: ChatDep,
    session: SessionDep,
    settings: SettingsDep,
    request_id: RequestIdDep,
    idempotency_key: IdempotencyKey = None,
    trace: Annotated[  # noqa: FBT002 - a query parameter has no position
        bool, Query(description="Tell what each rail said; for engineers.")
    ] = False,
) -> Response:
    """Answer one turn, as a stream or as one document.

    A violation is an answer and not a fault: HTTP 200 with `violation`, or `guard.blocked` in the
    stream. To resume a stream that broke off, read `/runs/{run_id}/events`; do not post again.
    """
    checked = ask_of(body, session, settings, trace=trace)
    begun = await chat.begin(checked, key=idempotency_key, request_id=request_id)
    if _prefers_stream(request.headers.get("accept", "")):
        stream = await chat.stream(begun)
        return Response(status_code=HTTPStatus.NO_CONTENT) if stream is None else stream
    answer = await chat.answer(begun, request.receive, resumable=idempotency_key is not None)
    if answer is None:
        return Response(status_code=_CLIENT_GONE)
    return Response(
        answer.model_dump_json(),
        media_type="application/json",
    )


@router.get(
    "/history",
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
    ),
)
async def history(
    sessions: SessionsDep,
    session: SessionDep,
    before: Annotated[
        Cursor | None, Query(description="The `before` of the page read last.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> HistoryPage:
    """Show the exchanges of this session, latest page first, each page oldest first."""
    return await sessions.history(session, before=before, limit=limit)


@router.delete(
    "/session",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
)
async def erase(sessions: SessionsDep, session: SessionDep) -> None:
    """Erase everything kept about this session and end all its tokens, at once."""
    await sessions.erase(session)


def _prefers_stream(accept: str) -> bool:
    """Whether a client wants events rather than one document; a document is the default."""
    weights = {"text/event-stream": 0.0, "application/json": 0.0}
    for part in accept.split(","):
        kind, _, parameters = part.strip().partition(";")
        if kind.lower() in weights:
            weight = _WEIGHT.search(f";{parameters}")
            weights[kind.lower()] = float(weight[1]) if weight else 1.0
    return weights["text/event-stream"] > 0 and (
        weights["text/event-stream"] >= weights["application/json"]
    )
